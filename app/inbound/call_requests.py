"""A customer asks to be called: a call task on the worklist, for the next day on which they may be called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.timeline.service import record
from app.core.vocabulary import Channel, Purpose
from app.inbound.phrases.wishes import wished_time
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.decisions import ReviewRequest, decision_entry, record_decisions
from app.outreach.gate.facts import address_of
from app.outreach.gate.pack_versions import keep_pack
from app.policy.answers import Clearance
from app.policy.facts import Contact

LOOK_AHEAD = timedelta(days=7)
LONGEST_WISH = 300


def task_to_call(
    session: Session,
    case: CollectionsCase,
    wish: str = "",
    *,
    by: Actor,
    now: datetime,
) -> bool:
    """Create the call task, once. The gate's answer about such a call is on record. True if a call is to be made now,
    also where one was before: then it keeps the newest `wish`, the customer's words. False if the case is closed or the
    gate permits none in the next days, from the time they named if they named one plainly."""
    wish = " ".join(wish.split())[:LONGEST_WISH]
    waiting = select(CallTask).where(CallTask.case_id == case.id, col(CallTask.done_at).is_(None))
    before = session.scalars(waiting.order_by(col(CallTask.id)).limit(1)).first()
    if before is not None and not wish:
        return True
    if case.status is not CaseStatus.OPEN:
        return False
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now)
    zone = contact_case.customer.timezone or portfolio.timezone
    named = wished_time(wish, now.astimezone(ZoneInfo(zone))) if wish else None
    named = named.astimezone(UTC) if named else None
    if before is not None:
        before.wish, before.not_before = wish, named
        if named is not None:
            before.due_on = local_date(named, zone)
        return True
    step = CaseStep(
        id_of(case), DeskStep.CALL_REQUEST, next_occurrence(session, id_of(case), DeskStep.CALL_REQUEST)
    )
    contact = Contact(Channel.CALL, Purpose.CONFIRMATION, address_of(contact_case.customer, Channel.CALL))
    earliest = named or now
    asked = ReviewRequest(contact, contact_case.facts, earliest, earliest + LOOK_AHEAD)
    answer = asked.answer(contact_case.pack)
    keep_pack(session, contact_case.pack, now=now)
    decision = decision_entry(case.id, case.customer_id, asked, answer, letter="", **step.told())
    [decision_id] = record_decisions(session, [decision], by=by, now=now)
    if not isinstance(answer, Clearance):
        return False
    due_on = local_date(answer.not_before, zone)
    made = PlannedContact(
        **step._asdict(), channel=contact.channel, purpose=contact.purpose, decision_id=decision_id,
        created_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    task = CallTask(case_id=id_of(case), contact_id=id_of(made), due_on=due_on, wish=wish, created_at=now)
    task.not_before = answer.not_before if named else None
    session.add(task)
    created = CallTaskCreated(DeskStep.CALL_REQUEST, due_on, wish, task.not_before if wish else None)
    event = about_case(case, created, channel=Channel.CALL)
    record(session, event, by=by, now=now)
    return True
