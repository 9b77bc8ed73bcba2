"""A customer asks to be called: a call task on the worklist, for the next day on which they may be called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.book.ledger.models import Portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.inbound.wishes import wished_time
from app.outreach.gate.case_facts import load_case_facts
from app.outreach.gate.decisions import ReviewRequest, decision_entry, record_decisions
from app.outreach.gate.facts import address_of
from app.outreach.gate.pack_versions import keep_pack
from app.policy.answers import Clearance
from app.policy.facts import Contact

STEP = "call-me"
"""The 'step' of such a task; strategies have none of this name."""
LOOK_AHEAD = timedelta(days=7)
LONGEST_WISH = 300


def task_to_call(
    session: Session,
    case: CollectionsCase,
    message_id: int,
    wish: str = "",
    *,
    by: Actor,
    now: datetime,
) -> bool:
    """Make the task, once; what the gate says of such a call is on record. True if a call is to be made now, also
    where one was before: then it keeps the newest `wish`, the customer's words. False if the case is closed or the gate
    permits none in the next days, from the time they named if they named one plainly."""
    wish = " ".join(wish.split())[:LONGEST_WISH]
    waiting = select(CallTask).where(CallTask.case_id == case.id, col(CallTask.done_at).is_(None))
    before = session.scalars(waiting.order_by(col(CallTask.id)).limit(1)).first()
    if before is not None and not wish:
        return True
    if case.status is not CaseStatus.OPEN:
        return False
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    [folder] = load_case_facts(session, portfolio, [id_of(case)], now=now)
    zone = folder.customer.timezone or portfolio.timezone
    named = wished_time(wish, now.astimezone(ZoneInfo(zone))) if wish else None
    named = named.astimezone(UTC) if named else None
    if before is not None:
        before.wish, before.not_before = wish, named
        if named is not None:
            before.due_on = local_date(named, zone)
        return True
    key = f"{case.id}:{STEP}-{message_id}:1:{Channel.CALL.value}"
    contact = Contact(Channel.CALL, Purpose.CONFIRMATION, address_of(folder.customer, Channel.CALL))
    earliest = named or now
    asked = ReviewRequest(contact, folder.facts, earliest, earliest + LOOK_AHEAD)
    answer = asked.answer(folder.pack)
    keep_pack(session, folder.pack, now=now)
    told = [decision_entry(case.id, case.customer_id, asked, answer, step=STEP, letter="", key=key)]
    if not isinstance(answer, Clearance):
        record_decisions(session, told, by=by, now=now)
        return False
    due_on = local_date(answer.not_before, zone)
    task = CallTask(case_id=id_of(case), key=key, step=STEP, due_on=due_on, wish=wish, created_at=now)
    task.not_before = answer.not_before if named else None
    session.add(task)
    created = CallTaskCreated(STEP, due_on, wish, task.not_before if wish else None)
    event = about_case(case, created, channel=Channel.CALL)
    record_decisions(session, [*told, event], by=by, now=now)
    return True
