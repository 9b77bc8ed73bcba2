"""Log a call with its effects: the same by page and by API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.actions.agreements import promise
from app.actions.holds import PlacedHold, place_hold
from app.actions.preferences import replace_links
from app.book.customers.contact_points import set_state_of
from app.book.customers.people import read_telephone
from app.book.customers.queries import phones_of
from app.book.customers.rules import PointState
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.calls import (
    BAD_NUMBER,
    CALL_HOLDS,
    CALLBACK_DAYS,
    NO_CALLBACK,
    NO_CALLS,
    PROMISING,
    RETRY_AFTER,
    UNREACHED,
    CallResult,
)
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import record_call, set_callback
from app.casework.holds.queries import hold_of_kind, open_holds_of
from app.casework.holds.rules import hold_name, review_days
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.outreach.gate.preferences import rest_address
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer, Clearance
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import ask, review_within

LOOK_AHEAD = timedelta(days=7)

REASONS = {
    CallResult.DISPUTES: "disputes the debt",
    CallResult.CEASE: "wants no contact",
    CallResult.ATTORNEY: "is represented by an attorney",
    CallResult.BANKRUPTCY: "speaks of bankruptcy",
    CallResult.DECEASED: "has died, says the person who answered",
    CallResult.PAID: "says that it is paid; look for the payment",
}
RESTS = {
    CallResult.WRONG_NUMBER: "wrong number",
    CallResult.THIRD_PARTY: "another person answered",
    CallResult.OUT_OF_SERVICE: "number out of service",
}
"""Why a number rests: a person who reads a message on another's telephone must not learn of a debt."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """A call that was made, and its contents. `amount_minor` 0 and `due_on` None = no promise."""

    result: CallResult
    note: str = ""
    callback_at: datetime | None = None
    amount_minor: int = 0
    due_on: date | None = None
    number: str = ""
    """The number that was called, as typed; '' = the main one."""


@dataclass(slots=True)
class CallEffects:
    """The effects of a call."""

    placed: PlacedHold | None = None
    number_rests: bool = False
    retry_at: datetime | None = None
    """When an unanswered call may be tried again; None = not at all, or not within a week."""
    task_kept: bool = False
    plan: Plan | None = None
    confirmations: Mapping[Channel, Answer] = field(default_factory=dict)


def log_call(
    session: Session,
    case: CollectionsCase,
    call: CallReport,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> CallEffects:
    """Put a call on record with all that follows: holds, a number that rests, a callback, a promise, the next attempt.
    Invalid, naming the field, where the result lacks what it says. The caller holds the customer's lock."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    _require_whole(session, case, call)
    _require_fitting(call)
    if call.callback_at is not None:
        check_callback(session, portfolio, customer, call.callback_at, now=now)
    number = called_number(session, customer, call.number)
    record_call(session, case, call.result, call.note, number=number, by=by, now=now)
    effects = CallEffects()
    if call.result in BAD_NUMBER:
        _rest_number(session, case, customer, number, call.result, by=by, now=now)
        effects.number_rests = bool(number)
    if call.result in CALL_HOLDS:
        effects.placed = _hold(session, portfolio, case, call, letters, by=by, now=now)
    if call.callback_at is not None:
        set_callback(session, case, call.callback_at, by=by, now=now)
    if call.due_on is not None:
        made = promise(session, case, call.amount_minor, call.due_on, letters, by=by, now=now)
        effects.plan, effects.confirmations = made.plan, made.confirmations
    if call.result in UNREACHED and call.callback_at is None:
        _try_again(session, portfolio, case, customer, call.result, effects, now=now)
    return effects


def called_number(session: Session, customer: Customer, typed: str) -> str:
    """The customer's number that was called, as it is kept; '' = none is on file. Invalid for another's number."""
    if not typed.strip():
        return customer.mobile
    number = read_telephone(typed.strip(), customer.country).value
    if number not in [point.value for point in phones_of(session, id_of(customer))]:
        raise Invalid("This number is not on file. Add it under Contact data first.", "number")
    return number or ""


def _require_whole(session: Session, case: CollectionsCase, call: CallReport) -> None:
    """A result that speaks of a promise or a callback brings it, so that none is only a word on the timeline."""
    promised = call.amount_minor > 0 or call.due_on is not None
    if call.result is CallResult.PROMISED and not promised and live_plan(session, id_of(case)) is None:
        raise Invalid("Say how much they promised.", "amount")
    if promised and call.amount_minor <= 0:
        raise Invalid("Say how much they promised.", "amount")
    if promised and call.due_on is None:
        raise Invalid("Say by when they pay.", "due_on")
    if call.result is CallResult.CALL_BACK and call.callback_at is None and case.status is CaseStatus.OPEN:
        raise Invalid("Say when to call them back.", "callback_at")


def _require_fitting(call: CallReport) -> None:
    """Refuse a promise that the cardholder did not make, and a callback to a customer who cannot or may not be called.
    One of the two was chosen by mistake, and a confirmation would tell the customer something false."""
    if call.due_on is not None and call.result not in PROMISING:
        raise Invalid(
            "A call with this result brings no promise. Clear the amount and the date, or choose another result.",
            "result",
        )
    if call.callback_at is not None and call.result in NO_CALLBACK:
        raise Invalid(
            "A call with this result brings no callback. Clear the time, or choose another result.", "result"
        )


def check_callback(
    session: Session, portfolio: Portfolio, customer: Customer, at: datetime, *, now: datetime
) -> None:
    """Invalid for a callback in the past, too far ahead, or at an hour closed by law or by their own wish."""
    if at <= now:
        raise Invalid("The callback time has passed.", "callback_at")
    if at > now + timedelta(days=CALLBACK_DAYS):
        raise Invalid(f"A callback is at most {CALLBACK_DAYS} days ahead.", "callback_at")
    for hold in open_holds_of(session, id_of(customer)):
        if hold.kind in NO_CALLS:
            raise Invalid(f"No call is allowed while the {hold_name(hold.kind)} stands.", "callback_at")
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=now)[id_of(customer)]
    asked = ask(Contact(Channel.CALL, Purpose.REMINDER, address_of(customer, Channel.CALL)), facts, at)
    for rule in pack.rules_for(asked):
        for reason in rule.hour_objections(asked):
            raise Invalid(f"No call is allowed at that time: {reason.detail}.", "callback_at")


def _rest_number(
    session: Session,
    case: CollectionsCase,
    customer: Customer,
    number: str,
    result: CallResult,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Use the number on no channel until a person confirms it."""
    source = f"waits for a person: call, {RESTS[result]}"
    rest_address(session, customer, number, source=source, case_id=case.id, by=by, now=now)
    if result is not CallResult.THIRD_PARTY:
        set_state_of(
            session, customer, number, PointState.BAD, RESTS[result], case_id=case.id, by=by, now=now
        )
    if result is CallResult.WRONG_NUMBER:
        replace_links(session, customer, by=by, now=now)  # links in earlier SMS are with another person


def _hold(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    call: CallReport,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> PlacedHold | None:
    """None where such a hold stands already."""
    kind = CALL_HOLDS[call.result]
    if hold_of_kind(session, case.customer_id, kind) is not None:
        return None
    said = call.note.strip()
    reason = f"On the phone: {REASONS[call.result]}" + (f". {said}" if said else "")
    until = local_date(now, portfolio.timezone) + timedelta(days=review_days(kind))
    return place_hold(session, case, kind, reason[:500], until, letters, by=by, now=now)


def _try_again(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    customer: Customer,
    result: CallResult,
    effects: CallEffects,
    *,
    now: datetime,
) -> None:
    """Keep the task of an unanswered call for the next time at which the gate clears a call."""
    waiting = select(CallTask).where(CallTask.case_id == case.id, col(CallTask.done_at).is_(None))
    tasks = session.scalars(waiting).all()
    effects.task_kept = bool(tasks) or (case.callback_at is not None and case.callback_at <= now)
    if not effects.task_kept or result is CallResult.THIRD_PARTY:
        return
    session.flush()
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=now)[id_of(customer)]
    contact = Contact(Channel.CALL, Purpose.REMINDER, address_of(customer, Channel.CALL))
    answer = review_within(contact, facts, pack, now + RETRY_AFTER, now + LOOK_AHEAD)
    if not isinstance(answer, Clearance):
        return
    effects.retry_at = answer.not_before
    for task in tasks:
        task.not_before = answer.not_before
        task.due_on = local_date(answer.not_before, customer.timezone or portfolio.timezone)
