"""What people put right on an account: every form of its page, and the waivers that wait for a second person.

Money and days change only after a second look. Each form is first done inside a savepoint and taken back, so that
the page that asks for confirmation shows the very figures the verb gives; only then is it done. What was seen is
sent along: if anything happened meanwhile, a second click of the same button included, the page asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.history import AccountOn
from app.book.delinquency.lifecycle import ReAgeRefused, end_pause, re_age, set_pause
from app.book.delinquency.models import Pause
from app.book.delinquency.rules import DAY, PauseKind
from app.book.ledger.corrections import decide_waiver, pay_out, post_by_hand, waive
from app.book.ledger.lifecycle import change_status
from app.book.ledger.models import Account, Customer, Entry, Portfolio, Waiver
from app.book.ledger.rules import AccountStatus, EntryKind, WaiverStatus
from app.book.ledger.service import business_date, find_account
from app.book.ledger.terms import change_terms
from app.casework.plans.reversals import move_payment, reverse_entry
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.staff.rules import Staff
from app.core.timeline.models import StreamHead
from app.core.timeline.service import customer_stream, lock_customers
from app.http.deps import CaseWorker, Manager, Now, ReadSession, WriteSession
from app.outreach.gate.service import pack_of
from app.web.accounts.account import (
    PAUSE_WORDS,
    STATUS_WORDS,
    AccountFile,
    AccountId,
    FormState,
    account_page,
    open_account,
)
from app.web.forms import Fields, Typed, Wrong, beside, sentence
from app.web.rendering import Column, Tone, page, reader_locale, redirect
from app.web.wording import ACCOUNT_LABELS, ENTRY_WORDS, Teller
from app.web.worklist.worklist import staff_names

router = APIRouter()

WAIVER_COLUMNS = [
    Column("Account"),
    Column("What"),
    Column("To be waived", numeric=True),
    Column("Why"),
    Column("Asked for"),
    Column(""),
]


# --- look, then do ------------------------------------------------------------------------------------------


class Confirmed(Typed):
    """A form that is sent twice: to look, and with `seen` to do it."""

    seen: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a form did, or would do."""

    title: str
    """As a question's subject: "Reverse the payment of …"."""
    happens: Sequence[str]
    done: str
    """What is said once it is done."""
    tone: Tone = "good"


@dataclass(frozen=True, slots=True)
class Figures:
    """An account at one moment, as plain values: rows read before a savepoint is taken back change under us."""

    status: AccountStatus
    stands: AccountOn

    @classmethod
    def of(cls, file: AccountFile) -> Figures:
        return cls(file.account.status, file.stands)


@dataclass(frozen=True, slots=True)
class Change:
    """One account before and after."""

    file: AccountFile
    before: Figures
    after: Figures


@dataclass(frozen=True, slots=True)
class Doing:
    """Whoever does something on an account, and when."""

    request: Request
    session: Session
    staff: Staff
    now: datetime
    file: AccountFile
    fields: Fields
    teller: Teller


def attempt(
    request: Request,
    session: Session,
    staff: Staff,
    account_id: int,
    form: str,
    typed: Confirmed,
    act: Callable[[Doing], Deed],
    *,
    now: datetime,
    names: Mapping[str, str] | None = None,
    other: int | None = None,
    entry: int = 0,
    tab: str = "ledger",
) -> Response:
    """Show what would happen, or do it; or show the page again with what was typed and why it was refused.

    `other` is a second account it concerns, `entry` the entry it is about. `names` maps a verb's name of a field
    to the form's.
    """
    concerned = [account_id] if other is None else [account_id, other]
    _lock(session, concerned)
    files = [open_account(session, each, now) for each in concerned]
    before, file = [Figures.of(each) for each in files], files[0]
    doing = Doing(
        request=request,
        session=session,
        staff=staff,
        now=now,
        file=file,
        fields=Fields(typed, file.book, file.portfolio.timezone, reader_locale(request)),
        teller=Teller(reader_locale(request), file.currency, file.portfolio.timezone),
    )
    seen = _fingerprint(session, files)
    after: list[Figures] = []
    try:
        with session.begin_nested() as savepoint:
            deed = act(doing)
            if typed.seen != seen:
                after = [Figures.of(open_account(session, each, now)) for each in concerned]
                savepoint.rollback()
    except Wrong as wrong:
        return _refused(doing, FormState(form, _values(typed, entry), wrong.errors), 422)
    except (Invalid, Conflict, Forbidden) as refused:
        errors = beside(refused, typed, names or {})
        return _refused(doing, FormState(form, _values(typed, entry), errors), refused.status)
    if typed.seen == seen:
        return redirect(request, f"{file.path}?tab={tab}#content", deed.done, deed.tone)
    return _confirmation(request, typed, deed, seen, list(map(Change, files, before, after)))


def _lock(session: Session, account_ids: Sequence[int]) -> None:
    found = session.scalars(select(Account.customer_id).where(col(Account.id).in_(account_ids)))
    lock_customers(session, list(found))


def _fingerprint(session: Session, files: Sequence[AccountFile]) -> str:
    """Changes with every event of these customers and with every figure of these accounts."""
    parts = []
    for file in files:
        stream = customer_stream(file.account.customer_id)
        seq = session.scalar(select(StreamHead.seq).where(StreamHead.stream == stream))
        parts.append(f"{seq or 0}.{file.stands.balance}.{file.stands.past_due}.{file.days}")
    return "_".join(parts)


def _values(typed: Confirmed, entry: int) -> dict[str, str]:
    return {**typed.values(), "entry": str(entry)}


def _refused(doing: Doing, form: FormState, status: int) -> Response:
    return account_page(
        doing.request, doing.session, doing.staff, doing.file, form, now=doing.now, status=status
    )


def _confirmation(
    request: Request, typed: Confirmed, deed: Deed, seen: str, changes: Sequence[Change]
) -> Response:
    return page(
        request,
        "accounts/confirm.html",
        file=changes[0].file,
        deed=deed,
        changes=changes,
        status_words=STATUS_WORDS,
        typed={**typed.values(), "seen": seen},
        again=bool(typed.seen),
    )


# --- entries ------------------------------------------------------------------------------------------------


class PostForm(Confirmed):
    kind: str = ""
    amount: str = ""
    effective_on: str = ""
    description: str = ""


@router.post("/accounts/{account_id}/post")
def post(
    request: Request,
    account_id: AccountId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PostForm, Form()],
) -> Response:
    """A payment, refund, fee, interest, credit or adjustment."""

    def act(doing: Doing) -> Deed:
        fields = doing.fields
        kind = fields.choice("kind", EntryKind)
        amount = signed_amount(fields, "amount") if kind is EntryKind.ADJUSTMENT else fields.amount("amount")
        effective_on = fields.day("effective_on")
        fields.done()
        entry = post_by_hand(
            session,
            doing.file.account,
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
        what = f"{ENTRY_WORDS[entry.kind]} of {doing.teller.money(shown)}"
        happens = [f"{what}, effective {doing.teller.day(effective_on)}, goes into the ledger."]
        if entry.kind is EntryKind.RECOVERY:
            happens.append("The account was charged off before, so the payment is a recovery.")
        if effective_on < doing.file.book.today:
            happens.append("It is back-dated: days past due are counted again from that day on.")
        return Deed(f"Post the {what[:1].lower()}{what[1:]}", happens, f"{what} is posted.")

    return attempt(request, session, staff, account_id, "post", typed, act, now=now)


def signed_amount(fields: Fields, name: str) -> int:
    """An amount that may be negative: an adjustment that lowers what is owed."""
    text = fields.values[name].strip()
    if text[:1] not in ("-", "−", "－"):
        return fields.amount(name)
    fields.values[name] = text[1:]
    amount = -fields.amount(name)
    fields.values[name] = text
    return amount


class ReasonForm(Confirmed):
    reason: str = ""


@router.post("/accounts/{account_id}/entries/{entry_id}/reverse")
def reverse(
    request: Request,
    account_id: AccountId,
    entry_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Undo an entry by its mirror image: a payment that bounced, a fee entered twice."""

    def act(doing: Doing) -> Deed:
        if not doing.fields.has("reason"):
            raise Wrong({"reason": "Say why, in a few words."})
        entry = _entry(session, account_id, entry_id)
        portfolio = doing.file.portfolio
        reverse_entry(
            session,
            entry,
            reason=typed.reason,
            posted_on=max(business_date(session, portfolio, now), entry.effective_on),
            by=staff.by,
            now=now,
        )
        what = _what(doing, entry)
        happens = [f"A reversal takes back the {what}; both stay in the ledger."]
        if entry.amount_minor < 0:
            happens.append("What it had paid is owed again since its own due date, as if it had never come.")
        return Deed(f"Reverse the {what}", happens, f"The {what} is reversed.")

    return attempt(request, session, staff, account_id, "reverse", typed, act, now=now, entry=entry_id)


class WaiveForm(ReasonForm):
    amount: str = ""


@router.post("/accounts/{account_id}/entries/{entry_id}/waive")
def ask_waiver(
    request: Request,
    account_id: AccountId,
    entry_id: AccountId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[WaiveForm, Form()],
) -> Response:
    """Forgive a fee or interest: done at once by a manager within the limit, otherwise asked of a second person."""

    def act(doing: Doing) -> Deed:
        amount = doing.fields.amount("amount")
        doing.fields.done()
        entry = _entry(session, account_id, entry_id)
        waiver = waive(session, entry, amount, typed.reason, by=staff.by, role=staff.role, now=now)
        what = f"{doing.teller.money(amount)} of the {_what(doing, entry)}"
        if waiver.status is WaiverStatus.APPROVED:
            happens = ["A credit of this amount is posted today. You may decide this alone."]
            return Deed(f"Waive {what}", happens, f"{what} is waived.")
        happens = ["Nothing is posted yet: a manager other than you decides."]
        return Deed(f"Ask to waive {what}", happens, "Asked for; another manager decides.", "info")

    return attempt(request, session, staff, account_id, "waive", typed, act, now=now, entry=entry_id)


class MoveForm(ReasonForm):
    to_account: str = ""


@router.post("/accounts/{account_id}/entries/{entry_id}/move")
def move(
    request: Request,
    account_id: AccountId,
    entry_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[MoveForm, Form()],
) -> Response:
    """A payment that was entered to the wrong account; the confirmation shows whose the other one is."""
    portfolio_id = session.scalar(select(Account.portfolio_id).where(Account.id == account_id))
    target = find_account(session, portfolio_id or 0, typed.to_account.strip()[:60])

    def act(doing: Doing) -> Deed:
        if target is None:
            raise Wrong({"to_account": "There is no account with this reference in this portfolio."})
        entry = _entry(session, account_id, entry_id)
        move_payment(session, entry, target, typed.reason, by=staff.by, role=staff.role, now=now)
        holder = session.get_one(Customer, target.customer_id)
        what = _what(doing, entry)
        happens = [
            f"The {what} is reversed here and posted to {target.reference} of {holder.full_name} "
            f"({target.product}, card ending {target.card_last4}), with its own date.",
            "Days past due of both accounts are counted again from that date on.",
        ]
        return Deed(f"Move the {what}", happens, f"The {what} is now on {target.reference}.")

    other = target.id if target and target.id != account_id else None
    return attempt(
        request, session, staff, account_id, "move", typed, act, now=now, other=other, entry=entry_id
    )


class PayoutForm(Confirmed):
    amount: str = ""
    description: str = ""


@router.post("/accounts/{account_id}/payout")
def payout(
    request: Request,
    account_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[PayoutForm, Form()],
) -> Response:
    """Give an overpayment back."""

    def act(doing: Doing) -> Deed:
        amount = doing.fields.amount("amount")
        doing.fields.done()
        pay_out(
            session,
            doing.file.account,
            amount,
            typed.description,
            by=staff.by,
            role=staff.role,
            now=now,
        )
        what = doing.teller.money(amount)
        happens = [
            "An adjustment takes up the credit balance.",
            "The money itself is sent by whoever makes payments; this only puts it on record.",
        ]
        return Deed(f"Pay out {what}", happens, f"{what} is on record as paid out.")

    return attempt(request, session, staff, account_id, "payout", typed, act, now=now)


def _entry(session: Session, account_id: int, entry_id: int) -> Entry:
    entry = session.get(Entry, entry_id)
    if entry is None or entry.account_id != account_id:
        raise NotFound("This account has no such entry.")
    return entry


def _what(doing: Doing, entry: Entry) -> str:
    amount, on = doing.teller.money(abs(entry.amount_minor)), doing.teller.day(entry.effective_on)
    return f"{ENTRY_WORDS[entry.kind].lower()} of {amount} of {on}"


# --- pauses, re-age, status ---------------------------------------------------------------------------------


class PauseForm(ReasonForm):
    kind: str = ""
    from_on: str = ""
    last_on: str = ""
    """The last paused day; empty = until somebody ends it."""


@router.post("/accounts/{account_id}/pauses")
def pause(
    request: Request,
    account_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[PauseForm, Form()],
) -> Response:
    def act(doing: Doing) -> Deed:
        fields, teller = doing.fields, doing.teller
        kind, from_on = fields.choice("kind", PauseKind), fields.day("from_on")
        last_on = fields.day("last_on") if fields.has("last_on") else None
        fields.done()
        to_on = last_on + DAY if last_on else None
        set_pause(session, doing.file.account, kind, from_on, to_on, typed.reason, by=staff.by, now=now)
        until = f"to {teller.day(last_on)}" if last_on else "until somebody ends the pause"
        happens = [f"Days from {teller.day(from_on)} {until} do not count toward days past due."]
        if from_on < doing.file.book.today:
            happens.append("It begins in the past: the days since are counted again.")
        return Deed(f"Pause the days: {PAUSE_WORDS[kind.value].lower()}", happens, "The pause is set.")

    names = {"to_on": "last_on"}
    return attempt(
        request, session, staff, account_id, "pause", typed, act, now=now, names=names, tab="record"
    )


class EndPauseForm(Confirmed):
    on: str = ""


@router.post("/accounts/{account_id}/pauses/{pause_id}/end")
def stop_pause(
    request: Request,
    account_id: AccountId,
    pause_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[EndPauseForm, Form()],
) -> Response:
    """Days count again from a day on; on or before its first day the pause never was."""

    def act(doing: Doing) -> Deed:
        on = doing.fields.day("on")
        doing.fields.done()
        found = session.get(Pause, pause_id)
        if found is None or found.account_id != account_id:
            raise NotFound("This account has no such pause.")
        never_was = on <= found.from_on
        title = f"End the pause ({PAUSE_WORDS[found.kind.value].lower()})"
        end_pause(session, found, on, by=staff.by, now=now)
        happens = [f"Days count again from {doing.teller.day(on)} on."]
        if never_was:
            happens.append("That is not after its first day: the pause never was.")
        return Deed(title, happens, "The pause is ended.")

    form = f"end-pause-{pause_id}"
    return attempt(request, session, staff, account_id, form, typed, act, now=now, tab="record")


@router.post("/accounts/{account_id}/re-age")
def bring_current(
    request: Request,
    account_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Under the pack's rule; each reason why not is shown with what it rests on."""

    def act(doing: Doing) -> Deed:
        rule = pack_of(doing.file.portfolio).re_age
        try:
            made = re_age(
                session, doing.file.account, rule, typed.reason, by=staff.by, role=staff.role, now=now
            )
        except ReAgeRefused as refused:
            lines = [
                sentence(r.detail) + (f" ({r.citation})" if r.citation else "") for r in refused.refusals
            ]
            raise Wrong({"": " ".join(lines)}) from None
        happens = [
            f"At the end of {doing.teller.day(made.on)} nothing is past due any more; the balance stays.",
            f"It is granted under {made.rule} and counts toward how often that may happen.",
        ]
        amount = doing.teller.money(made.past_due_minor)
        return Deed(f"Re-age the account: {amount} brought current", happens, "The account is re-aged.")

    return attempt(request, session, staff, account_id, "re-age", typed, act, now=now, tab="record")


class StatusForm(ReasonForm):
    to: str = ""
    on: str = ""


@router.post("/accounts/{account_id}/status")
def status(
    request: Request,
    account_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[StatusForm, Form()],
) -> Response:
    def act(doing: Doing) -> Deed:
        to, on = doing.fields.choice("to", AccountStatus), doing.fields.day("on")
        doing.fields.done()
        change_status(session, doing.file.account, to, on, typed.reason, by=staff.by, now=now)
        word, day = STATUS_WORDS[to][0].lower(), doing.teller.day(on)
        return Deed(f"Make the account {word}", [*STATUS_EFFECTS[to]], f"The account is {word} since {day}.")

    return attempt(request, session, staff, account_id, "status", typed, act, now=now, tab="record")


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


# --- terms ---------------------------------------------------------------------------------------------------


class TermsForm(ReasonForm):
    card_last4: str = ""
    product: str = ""
    credit_limit: str = ""
    apr: str = ""


@router.post("/accounts/{account_id}/terms")
def terms(
    request: Request,
    account_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[TermsForm, Form()],
) -> Response:
    """Fields left empty stay as they are."""

    def act(doing: Doing) -> Deed:
        wanted: dict[str, str | int] = {}
        if typed.card_last4.strip():
            wanted["card_last4"] = typed.card_last4.strip()
        if typed.product.strip():
            wanted["product"] = typed.product.strip()
        if typed.credit_limit.strip():
            wanted["credit_limit_minor"] = doing.fields.amount("credit_limit")
        if typed.apr.strip():
            wanted["apr_millionths"] = _millionths(typed.apr)
        doing.fields.done()
        changed = change_terms(session, doing.file.account, wanted, typed.reason, by=staff.by, now=now)
        if not changed:
            raise Invalid("Nothing is different. Enter what is to change.")
        names = ", ".join(ACCOUNT_LABELS[name].lower() for name in changed)
        happens = [
            f"Changed: {names}.",
            "The creditor’s next accounts file takes it back where it says otherwise.",
        ]
        return Deed("Change the account’s terms", happens, f"Changed: {names}.")

    names = {"credit_limit_minor": "credit_limit", "apr_millionths": "apr"}
    return attempt(
        request, session, staff, account_id, "terms", typed, act, now=now, names=names, tab="record"
    )


def _millionths(percent: str) -> int:
    """A rate typed in percent, such as 19.9. Invalid beside its field."""
    try:
        return int(Decimal(percent.strip().removesuffix("%").strip().replace(",", ".")) * 10_000)
    except (ArithmeticError, ValueError):
        raise Invalid("Enter the rate in percent, such as 19.9.", "apr") from None


# --- waivers that wait for a second person --------------------------------------------------------------------


@router.get("/waivers")
def waivers(request: Request, staff: Manager, session: ReadSession) -> Response:
    """The oldest first, of all portfolios."""
    query = (
        sa.select(Waiver, Account, Entry, col(Customer.full_name), Portfolio)
        .join(Account, col(Account.id) == Waiver.account_id)
        .join(Entry, col(Entry.id) == Waiver.entry_id)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .join(Portfolio, col(Portfolio.id) == Waiver.portfolio_id)
        .where(col(Waiver.status) == WaiverStatus.REQUESTED)
        .order_by(col(Waiver.requested_at), col(Waiver.id))
        .limit(200)
    )
    rows = [
        {"waiver": waiver, "account": account, "entry": entry, "name": name, "portfolio": portfolio}
        for waiver, account, entry, name, portfolio in session.execute(query)
    ]
    return page(
        request,
        "accounts/waivers.html",
        rows=rows,
        columns=WAIVER_COLUMNS,
        names=staff_names(session),
        me=staff.by,
        entry_words=ENTRY_WORDS,
    )


@router.post("/waivers/{waiver_id}/decide")
def decide(
    request: Request,
    waiver_id: AccountId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    approve: Annotated[bool, Form()],
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    waiver = session.get(Waiver, waiver_id)
    if waiver is None:
        raise NotFound("There is no such waiver.")
    decide_waiver(session, waiver, approve=approve, note=note, by=staff.by, role=staff.role, now=now)
    words = "Approved; the credit is posted." if approve else "Declined; nothing was posted."
    return redirect(request, "/waivers", words, "good" if approve else "info")
