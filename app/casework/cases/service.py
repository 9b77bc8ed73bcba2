"""Work a case: assign, note, call back, call, reopen. Row and event together, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.events import (
    CallbackSet,
    CallLogged,
    CaseAssigned,
    CaseHandedOver,
    CaseOpened,
    CaseReopened,
    ContactLogged,
    NoteAdded,
)
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.results.file import shipped
from app.casework.results.rules import CallResult, ContactWay, Direction, ResultCode
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, record
from app.core.vocabulary import Channel


def assign(session: Session, case: CollectionsCase, owner: str, *, by: Actor, now: datetime) -> None:
    _require_open(case)
    case.owner, case.covered_for = owner, ""
    record(session, about_case(case, CaseAssigned(owner)), by=by, now=now)


def hand_over(
    session: Session, case: CollectionsCase, owner: str, note: str, *, by: Actor, now: datetime
) -> None:
    """Give a case to a colleague, with a note for them."""
    _require_open(case)
    note = clean_text(note, "note", at_most=500, empty="Say what the colleague has to know.")
    was, case.owner, case.covered_for = case.owner, owner, ""
    record(session, about_case(case, CaseHandedOver(owner, was, note)), by=by, now=now)


def add_note(session: Session, case: CollectionsCase, text: str, *, by: Actor, now: datetime) -> None:
    text = clean_text(text, "note")
    record(session, about_case(case, NoteAdded(text)), by=by, now=now)


def set_callback(
    session: Session,
    case: CollectionsCase,
    at: datetime | None,
    *,
    by: Actor,
    now: datetime,
    reason: str = "",
) -> None:
    """Remember to call back at `at`; None forgets it, for a reason."""
    _require_open(case)
    reason = clean_text(reason, "reason", required=False, at_most=500)
    if at is not None and at < now:
        raise Invalid("The callback time is in the past. Choose a later time.", "callback_at")
    case.callback_at = at
    record(session, about_case(case, CallbackSet(at, reason)), by=by, now=now)


def record_call(
    session: Session,
    case: CollectionsCase,
    code: ResultCode | CallResult,
    note: str,
    *,
    number: str | None = None,
    direction: Direction = Direction.OUT,
    fields: Mapping[str, str] | None = None,
    callback_at: datetime | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record a call; one that we made counts toward caps from this moment. Call tasks, and a callback that was due, are
    done with it, unless the code says that the call is to be tried again. `number`: None = the customer's main
    one. A `callback_at` that is arranged in a conversation is the customer's own wish; with anybody else it is not."""
    note = clean_text(note, "note", required=False)
    code = code if isinstance(code, ResultCode) else shipped(code)
    if number is None:
        number = session.get_one(Customer, case.customer_id).mobile
    asked_for = callback_at if code.conversation else None
    call = CallLogged(code.code, note, number, code.counts, code.label, direction, fields or None, asked_for)
    record(session, about_case(case, call, channel=Channel.CALL), by=by, now=now)
    if not code.keeps_task:
        finish_calls(session, case, code.code, now=now)


CHANNEL_OF: Mapping[ContactWay, Channel] = {
    ContactWay.CALL: Channel.CALL,
    ContactWay.EMAIL: Channel.EMAIL,
    ContactWay.POST: Channel.POST,
}
"""A visit is by no channel of the desk: no pack has a rule about visits, and no cap counts one."""


def record_contact(
    session: Session,
    case: CollectionsCase,
    code: ResultCode,
    way: ContactWay,
    direction: Direction,
    on: date,
    note: str,
    *,
    fields: Mapping[str, str] | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record a letter, e-mail or visit that did not pass the desk. A letter or e-mail of ours counts toward caps of its
    channel from this moment; one from the customer does not. Call tasks and a callback stay: no call was made."""
    note = clean_text(note, "note", required=False)
    logged = ContactLogged(way, direction, code.code, note, code.counts, code.label, on, fields or None)
    record(session, about_case(case, logged, channel=CHANNEL_OF.get(way)), by=by, now=now)


def finish_calls(session: Session, case: CollectionsCase, result: str, *, now: datetime) -> None:
    """Mark the call tasks of a case, and a callback that is due, as done."""
    open_tasks = select(CallTask).where(CallTask.case_id == case.id, col(CallTask.done_at).is_(None))
    for task in session.scalars(open_tasks):
        task.done_at = now
        task.result = result
    if case.callback_at is not None and case.callback_at <= now:
        case.callback_at = None


def _require_open(case: CollectionsCase) -> None:
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} is closed: it has no owner and no callback.")


def about_case(case: CollectionsCase, payload: Payload, channel: Channel | None = None) -> NewEvent:
    return about_customer(case.customer_id, payload, case_id=id_of(case), channel=channel)


def reopen_case(
    session: Session,
    account: Account,
    portfolio: Portfolio,
    why: str,
    *,
    closed_since: date,
    on: date,
    by: Actor,
    now: datetime,
) -> CollectionsCase | None:
    """An account whose end was undone is worked again: the case that closed with it is open again, or the
    customer's open case is looked at tonight. None where nothing is past due yet: a night opens one when it is.

    The caller holds the customer's lock. Amounts are as of now, and the night's as soon as it has folded.
    """
    cases = select(CollectionsCase).where(CollectionsCase.customer_id == account.customer_id)
    case = session.scalar(cases.where(CollectionsCase.status == CaseStatus.OPEN).with_for_update())
    if case is not None:
        case.next_contact_on = on
        return case
    owes = debt_now(session, portfolio, account.customer_id, on)
    closed = cases.where(col(CollectionsCase.closed_on) >= closed_since)
    case = session.scalar(closed.order_by(col(CollectionsCase.id).desc()).limit(1).with_for_update())
    if owes.past_due < max(1, portfolio.small_debt_minor):
        if case is not None:  # no letter may say that it was paid off or settled
            case.outcome = CaseOutcome.CURED
        return None
    is_new = case is None
    if case is None:
        case = CollectionsCase(
            portfolio_id=account.portfolio_id, customer_id=account.customer_id, opened_on=on
        )
        session.add(case)
    else:
        # The letter sent when the case closed may have to be sent again, another time.
        case.occurrence += 1
    case.status, case.outcome, case.closed_on = CaseStatus.OPEN, None, None
    case.past_due_minor, case.balance_minor, case.oldest_due_on = owes.past_due, owes.balance, owes.oldest
    case.now_past_due_minor, case.now_balance_minor = owes.past_due, owes.balance
    case.now_oldest_due_on = owes.oldest
    case.next_contact_on = on
    session.flush()
    reopened = CaseOpened if is_new else CaseReopened
    record(session, about_case(case, reopened(on, owes.past_due, owes.oldest, why)), by=by, now=now)
    return case
