"""Results that stop contact: a number that rests, a hold, an opt-out; and the request to a manager."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from app.actions.approvals.asking import figures_now
from app.actions.complaints.opening import open_complaint
from app.actions.holds import PlacedHold, place_hold
from app.actions.people.support_needs import record_need
from app.actions.preferences import refuse_channel, replace_links, rest_wrong_address
from app.actions.results.report import CallReport
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.approvals import service
from app.casework.approvals.rules import AskDecision
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.rules import (
    OF_CALLS,
    ComplaintCategory,
    ComplaintChannel,
    ReceivedComplaint,
)
from app.casework.contacts.rules import DeskStep
from app.casework.disputes.rules import Receipt, ReceivedAs
from app.casework.holds.queries import hold_of_kind
from app.casework.results.choices import field_words
from app.casework.results.effects import NumberBad, PlaceHold
from app.casework.results.rules import CallField, ContactWay, ResultCode
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import with_need
from app.casework.support_needs.rules import Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.actor import Actor
from app.core.clock import local_date, local_instant
from app.core.errors import Conflict, Invalid
from app.core.money import with_code
from app.core.vocabulary import HOLD_TRAITS, Channel, HoldKind
from app.outreach.gate.preferences import rest_address
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import add_task

COMPLAINT_CHANNELS = {
    ContactWay.CALL: ComplaintChannel.CALL,
    ContactWay.EMAIL: ComplaintChannel.EMAIL,
    ContactWay.POST: ComplaintChannel.POST,
    ContactWay.VISIT: ComplaintChannel.OTHER,
}
TOLD = (
    CallField.CATEGORY, CallField.TRANSACTIONS, CallField.RELATION, CallField.PERSON, CallField.WORDS,
)  # fmt: skip
"""Fields that the reason of a hold repeats, in this order."""


def rest_number(
    session: Session, case: CollectionsCase, customer: Customer, number: str, bad: NumberBad,
    *, by: Actor, now: datetime,
) -> str:  # fmt: skip
    """Use the number on no channel until a person confirms it: a person who reads a message on another's telephone must
    not learn of a debt. Answers the task to look for another number; '' = none."""
    source = f"waits for a person: call, {bad.why}"
    if bad.look_for_another:
        rest_wrong_address(session, customer, number, bad.why, source=source, case_id=case.id, by=by, now=now)
    else:
        rest_address(session, customer, number, source=source, case_id=case.id, by=by, now=now)
    if bad.replace_links:
        replace_links(session, customer, by=by, now=now)  # links in earlier SMS are with another person
    if not bad.look_for_another:
        return ""
    text = f"Look for another number: {bad.why}" + (f", {number}" if number else "")
    on = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    add_task(session, case, DeskStep.CALL_RESULT, text, on, by=by, now=now)
    return text


def hold_from_call(
    session: Session, portfolio: Portfolio, case: CollectionsCase, effect: PlaceHold, call: CallReport,
    letters: LetterCatalog, *, by: Actor, now: datetime,
) -> PlacedHold | None:  # fmt: skip
    """Place the hold; None where such a hold stands already. A complaint is put on record in either case, with its
    category and the words of the customer: it shares the hold of an earlier one."""
    complaint = _complaint(portfolio, call) if effect.kind is HoldKind.COMPLAINT else None
    if hold_of_kind(session, case.customer_id, effect.kind) is not None:
        if complaint is not None:
            open_complaint(session, case, complaint, letters, by=by, now=now)
        return None
    parts = [f"{call.told}: {HOLD_TRAITS[effect.kind].told}", *_told(portfolio, call), call.note.strip()]
    today = local_date(now, portfolio.timezone)
    until = today + timedelta(days=effect.days)
    reason = ". ".join(filter(None, parts))[:500]
    receipt = None
    if effect.kind is HoldKind.DISPUTE:
        how = ReceivedAs.WRITTEN if call.way.is_written else ReceivedAs.ORAL
        receipt = Receipt(call.received_on(today), how)
    return place_hold(
        session, case, effect.kind, reason, until, letters, complaint=complaint, disputed=receipt, by=by, now=now
    )  # fmt: skip


def _complaint(portfolio: Portfolio, call: CallReport) -> ReceivedComplaint:
    words = (
        call.text(CallField.WORDS)
        or call.note.strip()
        or f"Complained {call.told[:1].lower()}{call.told[1:]}"
    )
    category = OF_CALLS.get(call.text(CallField.CATEGORY), ComplaintCategory.OTHER)
    received_at = local_instant(call.on, 0, 0, portfolio.timezone) if call.on else None
    return ReceivedComplaint(words, category, COMPLAINT_CHANNELS[call.way], received_at=received_at)


def need_from_call(
    session: Session, case: CollectionsCase, code: ResultCode, call: CallReport, letters: LetterCatalog,
    *, by: Actor, now: datetime,
) -> SupportNeed | None:  # fmt: skip
    """Record the support need that was told, on the customer's consent, or until a person has asked them. None where
    none was named, or it is on file."""
    named = call.text(CallField.SUPPORT_TYPE) if CallField.SUPPORT_TYPE in code.asks else ""
    if not named or with_need(session, [case.customer_id], [named]):
        return None
    agreed = call.text(CallField.CONSENT) == "yes" and code.conversation
    new = NewNeed(
        named,
        Basis.CONSENT if agreed else Basis.UNCONFIRMED,
        ToldBy.CUSTOMER if agreed else ToldBy.COLLEAGUE,
    )
    return record_need(session, case, new, letters, by=by, now=now)


def _told(portfolio: Portfolio, call: CallReport) -> Iterator[str]:
    for name in TOLD:
        if text := call.text(name):
            yield f"“{text}”" if name is CallField.WORDS else field_words(name, text)
    if call.disputed_minor:
        yield f"Amount: {with_code(call.disputed_minor, portfolio.currency)}"


def opt_out(
    session: Session, case: CollectionsCase, customer: Customer, call: CallReport, *, by: Actor, now: datetime
) -> Channel:
    channel = Channel(call.text(CallField.CHANNEL))
    refuse_channel(
        session,
        customer,
        channel,
        source=call.told[:1].lower() + call.told[1:],
        case_id=case.id,
        by=by,
        now=now,
    )
    return channel


def ask_manager(
    session: Session, portfolio: Portfolio, case: CollectionsCase, call: CallReport,
    *, by: Actor, now: datetime,
) -> str:  # fmt: skip
    """Ask a manager for a decision, with the figures of this moment; the answer comes back to the agent as a task."""
    request, asked = call.text(CallField.REQUEST), AskDecision()
    figures = figures_now(session, case, asked, today=local_date(now, portfolio.timezone))
    try:
        service.ask(session, case, asked, figures, request, by=by, now=now)
    except Conflict as waiting:
        raise Invalid(waiting.message, "request") from None
    return request


def without_refused_details(call: CallReport) -> CallReport:
    """Drop kind and words of a support need that the customer does not want recorded; the hold is still placed."""
    if call.text(CallField.CONSENT) != "no":
        return call
    return replace(call, note="", texts={CallField.CONSENT: "no"})
