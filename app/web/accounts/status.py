"""Pauses, re-ages, the status and the terms of an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import (
    ReAgeRefused,
    change_status,
    change_terms,
    end_pause,
    re_age,
    set_pause,
)
from app.book.delinquency.days import DAY
from app.book.delinquency.models import Pause
from app.book.ledger.rules import AccountStatus
from app.core.errors import Invalid, NotFound
from app.core.labels import ACCOUNT_LABELS
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.policy.sections.pauses import PauseKind
from app.web.accounts.confirmation import Effect, Submission, submit
from app.web.accounts.words import PAUSE_WORDS, STATUS_WORDS
from app.web.forms import ReasonForm, Typed, Wrong

router = Router()


class PauseForm(ReasonForm):
    kind: str = ""
    from_on: str = ""
    last_on: str = ""
    """The last paused day; empty = until a person ends it."""


@router.post("/accounts/{account_id}/pauses")
def pause(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[PauseForm, Form()],
) -> Response:
    def act(submission: Submission) -> Effect:
        fields, reader = submission.fields, submission.reader
        kind, from_on = fields.choice("kind", PauseKind), fields.day("from_on")
        last_on = fields.day("last_on") if fields.has("last_on") else None
        fields.done()
        to_on = last_on + DAY if last_on else None
        set_pause(session, submission.file.account, kind, from_on, to_on, typed.reason, by=staff.by, now=now)
        until = f"to {reader.day(last_on)}" if last_on else "until a person ends the pause"
        happens = [f"Days from {reader.day(from_on)} {until} do not count toward days past due."]
        if from_on < submission.file.book.today:
            happens.append("It begins in the past: the days since are counted again.")
        return Effect(f"Pause the days: {PAUSE_WORDS[kind.value].lower()}", happens, "The pause is set.")

    names = {"to_on": "last_on"}
    return submit(
        request, session, staff, account_id, "pause", typed, act, now=now, names=names, tab="record"
    )


class EndPauseForm(Typed):
    on: str = ""


@router.post("/accounts/{account_id}/pauses/{pause_id}/end")
def stop_pause(
    request: Request,
    account_id: RowId,
    pause_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[EndPauseForm, Form()],
) -> Response:
    """End a pause, so that days count again from a day on; if that is its first day or earlier, the pause never
    was."""

    def act(submission: Submission) -> Effect:
        on = submission.fields.day("on")
        submission.fields.done()
        found = session.get(Pause, pause_id)
        if found is None or found.account_id != account_id:
            raise NotFound(f"This account has no pause {pause_id}. Choose one of its record.")
        never_was = on <= found.from_on
        title = f"End the pause ({PAUSE_WORDS[found.kind.value].lower()})"
        end_pause(session, found, on, by=staff.by, now=now)
        happens = [f"Days count again from {submission.reader.day(on)} on."]
        if never_was:
            happens.append("That is not after its first day: the pause never was.")
        return Effect(title, happens, "The pause is ended.")

    form = f"end-pause-{pause_id}"
    return submit(request, session, staff, account_id, form, typed, act, now=now, tab="record")


@router.post("/accounts/{account_id}/re-age")
def bring_current(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Re-age the account under the pack's rule; each reason against it is shown with its source."""

    def act(submission: Submission) -> Effect:
        try:
            made = re_age(
                session, submission.file.account, typed.reason, by=staff.by, role=staff.role, now=now
            )
        except ReAgeRefused as refused:
            lines = [
                sentence(r.detail) + (f" ({r.citation})" if r.citation else "") for r in refused.refusals
            ]
            raise Wrong({"": " ".join(lines)}) from None
        happens = [
            f"At the end of {submission.reader.day(made.on)} nothing is past due any more; the balance stays.",
            f"It is granted under {made.rule} and counts toward how often that may happen.",
        ]
        amount = submission.reader.money(made.past_due_minor)
        return Effect(f"Re-age the account: {amount} brought current", happens, "The account is re-aged.")

    return submit(request, session, staff, account_id, "re-age", typed, act, now=now, tab="record")


class StatusForm(ReasonForm):
    to: str = ""
    on: str = ""


@router.post("/accounts/{account_id}/status")
def status(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[StatusForm, Form()],
) -> Response:
    def act(submission: Submission) -> Effect:
        to, on = submission.fields.choice("to", AccountStatus), submission.fields.day("on")
        submission.fields.done()
        change_status(session, submission.file.account, to, on, typed.reason, by=staff.by, now=now)
        word, day = STATUS_WORDS[to][0].lower(), submission.reader.day(on)
        return Effect(
            f"Make the account {word}", [*STATUS_EFFECTS[to]], f"The account is {word} since {day}."
        )

    return submit(request, session, staff, account_id, "status", typed, act, now=now, tab="record")


STATUS_EFFECTS: Mapping[AccountStatus, Sequence[str]] = {
    AccountStatus.ACTIVE: ["What an earlier end took off the book is put back on its own day."],
    AccountStatus.CLOSED: ["It is closed to spending; what is owed stays owed and is worked on."],
    AccountStatus.DORMANT: ["It wakes with its next entry."],
    AccountStatus.CHARGED_OFF: [
        "The balance is written off and nothing falls past due any more.",
        "The debt is not forgiven: what comes in later is a recovery.",
    ],
    AccountStatus.SETTLED: [
        "The rest of the balance is forgiven and written off; nothing falls past due any more."
    ],
    AccountStatus.PAID: ["Nothing is owed and nothing falls past due any more."],
    AccountStatus.SOLD: ["The balance goes to the buyer and off our book; nothing falls past due any more."],
}


class TermsForm(ReasonForm):
    card_last4: str = ""
    product: str = ""
    credit_limit: str = ""
    apr: str = ""


@router.post("/accounts/{account_id}/terms")
def terms(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[TermsForm, Form()],
) -> Response:
    """Change the terms of an account. Fields left empty stay as they are."""

    def act(submission: Submission) -> Effect:
        wanted: dict[str, str | int] = {}
        if typed.card_last4.strip():
            wanted["card_last4"] = typed.card_last4.strip()
        if typed.product.strip():
            wanted["product"] = typed.product.strip()
        if typed.credit_limit.strip():
            wanted["credit_limit_minor"] = submission.fields.amount("credit_limit")
        if typed.apr.strip():
            wanted["apr_millionths"] = _millionths(typed.apr)
        submission.fields.done()
        changed = change_terms(session, submission.file.account, wanted, typed.reason, by=staff.by, now=now)
        if not changed:
            raise Invalid("Nothing is different. Enter what is to change.")
        names = ", ".join(ACCOUNT_LABELS[name].lower() for name in changed)
        happens = [
            f"Changed: {names}.",
            "The creditor’s next accounts file takes it back where it says otherwise.",
        ]
        return Effect("Change the account’s terms", happens, f"Changed: {names}.")

    names = {"credit_limit_minor": "credit_limit", "apr_millionths": "apr"}
    return submit(
        request, session, staff, account_id, "terms", typed, act, now=now, names=names, tab="record"
    )


def _millionths(percent: str) -> int:
    """A rate typed in percent, such as 19.9. Invalid beside its field."""
    try:
        return int(Decimal(percent.strip().removesuffix("%").strip().replace(",", ".")) * 10_000)
    except (ArithmeticError, ValueError):
        raise Invalid("Enter the rate in percent, such as 19.9.", "apr") from None
