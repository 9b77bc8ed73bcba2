"""Entries put right on an account: posted by hand, reversed, waived, moved and paid out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import move_payment, pay_out, post_by_hand, reverse_entry, waive
from app.book.ledger.accounts import find_account
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind, WaiverStatus
from app.core.errors import NotFound
from app.core.labels import ENTRY_LABELS
from app.core.staff.rules import MANAGEMENT
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker, Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.accounts.confirmation import Effect, Submission, submit
from app.web.forms import Fields, ReasonForm, Typed, Wrong

router = Router()


class PostForm(Typed):
    kind: str = ""
    amount: str = ""
    effective_on: str = ""
    description: str = ""


@router.post("/accounts/{account_id}/post")
def post(
    request: Request,
    account_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PostForm, Form()],
) -> Response:
    """A payment, refund, fee, interest, credit or adjustment."""

    def act(submission: Submission) -> Effect:
        fields = submission.fields
        kind = fields.choice("kind", EntryKind)
        amount = signed_amount(fields, "amount") if kind is EntryKind.ADJUSTMENT else fields.amount("amount")
        effective_on = fields.day("effective_on")
        fields.done()
        entry = post_by_hand(
            session,
            submission.file.account,
            kind,
            amount,
            effective_on,
            typed.description,
            by=staff.by,
            role=staff.role,
            now=now,
        )
        # An adjustment goes both ways: its sign says which.
        shown = entry.amount_minor if entry.kind is EntryKind.ADJUSTMENT else abs(entry.amount_minor)
        what = f"{ENTRY_LABELS[entry.kind]} of {submission.reader.money(shown)}"
        happens = [f"{what}, effective {submission.reader.day(effective_on)}, goes into the ledger."]
        if entry.kind is EntryKind.RECOVERY:
            happens.append("The account was charged off before, so the payment is a recovery.")
        if effective_on < submission.file.book.today:
            happens.append("It is back-dated: days past due are counted again from that day on.")
        return Effect(f"Post the {what[:1].lower()}{what[1:]}", happens, f"{what} is posted.")

    return submit(request, session, staff, account_id, "post", typed, act, now=now)


def signed_amount(fields: Fields, name: str) -> int:
    """An amount that may be negative: an adjustment that lowers what is owed."""
    text = fields.values[name].strip()
    if text[:1] not in ("-", "−", "－"):
        return fields.amount(name)
    fields.values[name] = text[1:]
    amount = -fields.amount(name)
    fields.values[name] = text
    return amount


@router.post("/accounts/{account_id}/entries/{entry_id}/reverse")
def reverse(
    request: Request,
    account_id: RowId,
    entry_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Undo an entry by its mirror image: a payment that bounced, a fee entered twice."""

    def act(submission: Submission) -> Effect:
        entry = _entry(session, account_id, entry_id)
        reverse_entry(session, entry, typed.reason, by=staff.by, now=now)
        what = _what(submission, entry)
        happens = [f"A reversal takes back the {what}; both stay in the ledger."]
        if entry.amount_minor < 0:
            happens.append("What it had paid is owed again since its own due date, as if it had never come.")
        return Effect(f"Reverse the {what}", happens, f"The {what} is reversed.")

    return submit(request, session, staff, account_id, "reverse", typed, act, now=now, entry=entry_id)


class WaiveForm(ReasonForm):
    amount: str = ""


@router.post("/accounts/{account_id}/entries/{entry_id}/waive")
def ask_waiver(
    request: Request,
    account_id: RowId,
    entry_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[WaiveForm, Form()],
) -> Response:
    """Forgive a fee or interest: done at once by a manager within the limit, otherwise asked of a second person."""

    def act(submission: Submission) -> Effect:
        amount = submission.fields.amount("amount")
        submission.fields.done()
        entry = _entry(session, account_id, entry_id)
        waiver = waive(session, entry, amount, typed.reason, by=staff.by, role=staff.role, now=now)
        what = f"{submission.reader.money(amount)} of the {_what(submission, entry)}"
        if waiver.status is WaiverStatus.APPROVED:
            happens = ["A credit of this amount is posted today. You may decide this alone."]
            return Effect(f"Waive {what}", happens, f"{what} is waived.")
        happens = ["Nothing is posted yet: a manager other than you decides."]
        return Effect(
            f"Ask to waive {what}",
            happens,
            "Waiver requested. Another manager will decide."
            if staff.role in MANAGEMENT
            else "Waiver requested. A manager will decide.",
            "info",
        )

    return submit(request, session, staff, account_id, "waive", typed, act, now=now, entry=entry_id)


class MoveForm(ReasonForm):
    to_account: str = ""


@router.post("/accounts/{account_id}/entries/{entry_id}/move")
def move(
    request: Request,
    account_id: RowId,
    entry_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[MoveForm, Form()],
) -> Response:
    """Move a payment from a wrong account; the confirmation shows the holder of the other one."""
    portfolio_id = session.scalar(select(Account.portfolio_id).where(Account.id == account_id))
    target = find_account(session, portfolio_id, typed.to_account.strip()[:60]) if portfolio_id else None

    def act(submission: Submission) -> Effect:
        if target is None:
            raise Wrong({"to_account": "There is no account with this reference in this portfolio."})
        entry = _entry(session, account_id, entry_id)
        move_payment(session, entry, target, typed.reason, by=staff.by, role=staff.role, now=now)
        holder = session.get_one(Customer, target.customer_id)
        what = _what(submission, entry)
        happens = [
            f"The {what} is reversed here and posted to {target.reference} of {holder.full_name} "
            f"({target.product}, card ending {target.card_last4}), with its own date.",
            "Days past due of both accounts are counted again from that date on.",
        ]
        return Effect(f"Move the {what}", happens, f"The {what} is now on {target.reference}.")

    other = target.id if target and target.id != account_id else None
    return submit(
        request, session, staff, account_id, "move", typed, act, now=now, other=other, entry=entry_id
    )


class PayoutForm(Typed):
    amount: str = ""
    description: str = ""


@router.post("/accounts/{account_id}/payout")
def payout(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[PayoutForm, Form()],
) -> Response:
    """Give an overpayment back."""

    def act(submission: Submission) -> Effect:
        amount = submission.fields.amount("amount")
        submission.fields.done()
        pay_out(
            session,
            submission.file.account,
            amount,
            typed.description,
            by=staff.by,
            role=staff.role,
            now=now,
        )
        what = submission.reader.money(amount)
        happens = [
            "An adjustment takes up the credit balance.",
            "This only records the payout. Your payments team sends the money.",
        ]
        return Effect(f"Pay out {what}", happens, f"{what} is on record as paid out.")

    return submit(request, session, staff, account_id, "payout", typed, act, now=now)


def _entry(session: Session, account_id: int, entry_id: int) -> Entry:
    entry = session.get(Entry, entry_id)
    if entry is None or entry.account_id != account_id:
        raise NotFound(f"This account has no entry {entry_id}. Choose one of its ledger.")
    return entry


def _what(submission: Submission, entry: Entry) -> str:
    amount, on = submission.reader.money(abs(entry.amount_minor)), submission.reader.day(entry.effective_on)
    return f"{ENTRY_LABELS[entry.kind].lower()} of {amount} of {on}"
