"""Ends of agreements that no letter could tell: the owner of the case has the task, once for each, and reads why."""

from __future__ import annotations

import json
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import PlanStatus
from app.core.actor import SYSTEM
from app.core.clock import local_instant
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import lock_customers
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.agreements.ends import TELLS, untold_ends
from app.outreach.planning.agreements.over import cases_of, is_asked_for, is_complete
from app.outreach.planning.agreements.truth import OWED_AGAIN, WhyEnded, owed_again, why_ended
from app.outreach.planning.event_letters import closing_says_it
from app.outreach.strategy.tasks import add_task

SAYS = (*TELLS, DeskStep.CLOSED)


def tell_of_untold_ends(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owner of a case the work to tell the customer, for each agreement that ended by `on` and of which no
    letter says it after the letters of this night. Returns how many were given."""
    plans = untold_ends(session, portfolio, on)
    cases = cases_of(session, plans)
    lock_customers(session, {plan.customer_id for plan in plans})
    given = 0
    for plan in plans:
        case, why = cases[plan.case_id], why_ended(session, plan, on)
        stands = (
            why is None and plan.status is PlanStatus.BROKEN
        )  # paid in time, or nobody knows what was missed
        is_complete = why is None and plan.status is PlanStatus.KEPT
        is_closed = closing_says_it(case, plan) and not is_complete
        if stands or is_closed or is_asked_for(plan, case, why, on):
            continue
        text = (
            f"{plan.reference} ended on {plan.ended_on}, and no letter says so: "
            f"{_why_not(session, portfolio, plan, why, on)[:160].rstrip('. ')}. Tell the customer, and who acts for "
            "them, as far as you may."
        )
        step = DeskStep.UNTOLD_END
        add_task(session, _open_case(session, case), step, text, on, plan_id=id_of(plan), by=SYSTEM, now=now)
        given += 1
    return given


def _open_case(session: Session, case: CollectionsCase) -> CollectionsCase:
    """The customer's open case, on which somebody works; else the agreement's own."""
    query = select(CollectionsCase).where(
        CollectionsCase.customer_id == case.customer_id, CollectionsCase.status == CaseStatus.OPEN
    )
    return session.scalars(query).first() or case


def _why_not(session: Session, portfolio: Portfolio, plan: Plan, why: WhyEnded | None, on: date) -> str:
    """What the gate refused; else what became of the last letter."""
    if why is not None and live_plan(session, plan.case_id) is not None:
        return "another agreement runs by now, and no confirmation that left names this one"
    if refused := _refused(session, portfolio, plan):
        return refused
    last = (
        select(OutboxMessage)
        .join(PlannedContact, col(PlannedContact.id) == OutboxMessage.contact_id)
        .where(
            PlannedContact.plan_id == plan.id,
            col(PlannedContact.step).in_(SAYS),
            OutboxMessage.case_id == plan.case_id,
            col(OutboxMessage.business_date) >= plan.ended_on,
        )
        .order_by(col(OutboxMessage.id).desc())
    )
    row = session.scalars(last.limit(1)).first()
    if row is None:
        is_owed = is_complete(plan) and owed_again(session, [id_of(plan)], on)
        return OWED_AGAIN if is_owed else "none would be true"
    return f"it was {row.status.value}" + (f" ({row.error})" if row.error else "")


def _refused(session: Session, portfolio: Portfolio, plan: Plan) -> str:
    """The rules by which the gate refused its letters last, with their reasons; '' = it refused none."""
    assert plan.ended_on is not None
    query = (
        sa.select(col(Event.data))
        .where(
            col(Event.customer_id) == plan.customer_id,
            col(Event.kind) == ContactRefused.KIND,
            col(Event.at) >= local_instant(plan.ended_on, 0, 0, portfolio.timezone),
        )
        .order_by(col(Event.id).desc())
    )
    for text in session.scalars(query):
        data = json.loads(text)
        if data.get("plan") == plan.id and data.get("step") in SAYS:
            return "; ".join(f"{each['rule']}, {each['detail']}" for each in data["reasons"])
    return ""
