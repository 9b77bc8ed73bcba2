"""What letters about an agreement that was restored tell, as of now: how it stands, what is to be paid next and by
when."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.holds.queries import at_rest
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import live_plan
from app.casework.plans.restoration.made_whole import MadeWhole
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.rules import CASE_CLOSED
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import MAY_HAVE_LEFT
from app.outreach.planning.agreements.open_payments import Told, open_payments
from app.outreach.planning.agreements.truth import state_of

CHANGE = table_of(PlanChange)
TOLD_BY = (DeskStep.BROKEN_PLAN, DeskStep.OVER_PLAN, DeskStep.FEES_AGAIN)
"""Steps whose letters tell that an agreement is broken."""


def restoration_figures(
    session: Session, plan: Plan, row: PlanRestoration, whole: MadeWhole, wrote_on: date | None, on: date
) -> Told:
    """What a letter about a restored agreement tells at the end of `on`. `wrote_on`: when a letter left that this one
    takes back."""
    state = state_of(plan)
    figures: Told = {"paid_on": whole.last_on, "paid_amount": whole.minor, "restored": state}
    if wrote_on is not None:
        figures["wrote_on"] = wrote_on
    if state == "runs":
        return {**figures, **_to_pay(session, plan, row, on)}
    return {**figures, **_over(session, plan)} if state == "over" else figures


def _to_pay(session: Session, plan: Plan, row: PlanRestoration, on: date) -> Told:
    """What is missing next and by when, whether it was given more time, and what that adds to the last payment. Nothing
    while it rests."""
    if at_rest(session, [plan.customer_id]):
        return {}
    told = open_payments(session, plan, on, has_new_last=bool(_interest_of_new_dates(session, row)))
    is_later = "grace_until" not in told and told.get("due_on") == new_date(session, row)
    return {**told, "extended_to": told["due_on"]} if is_later and "due_on" in told else told


def _over(session: Session, plan: Plan) -> Told:
    """What stands in its place, or the day and the reason of its end."""
    if (live := live_plan(session, plan.case_id)) is not None:
        return {"replaced_by": live.reference}
    told: Told = {"ended_on": plan.ended_on} if plan.ended_on is not None else {}
    case = session.get_one(CollectionsCase, plan.case_id)
    is_cured = plan.why == CASE_CLOSED and case.outcome is CaseOutcome.CURED
    return {**told, "why_ended": "cured"} if is_cured else told


def told_on(session: Session, row: PlanRestoration) -> date | None:
    """The day of the last letter that told of this break and left, or may have left."""
    contact, message = table_of(PlannedContact), table_of(OutboxMessage)
    left = (
        sa.select(message.c.business_date)
        .join(contact, contact.c.id == message.c.contact_id)
        .where(
            contact.c.plan_id == row.plan_id,
            contact.c.step.in_(TOLD_BY),
            message.c.business_date >= row.broken_on,
            message.c.status.in_(MAY_HAVE_LEFT),
        )
    )
    return session.scalar(left.order_by(message.c.business_date.desc()).limit(1))


def new_date(session: Session, row: PlanRestoration) -> date | None:
    """The day on which instalments fall due whose time ran while the agreement was taken to be broken."""
    found: date | None = session.scalar(sa.select(sa.func.max(CHANGE.c.to_on)).where(*_given_time(row)))
    return found


def _interest_of_new_dates(session: Session, row: PlanRestoration) -> int:
    """The interest that the new dates bring, in minor units; negative: save."""
    return session.scalar(sa.select(sa.func.sum(CHANGE.c.interest_minor)).where(*_given_time(row))) or 0


def _given_time(row: PlanRestoration) -> tuple[sa.ColumnElement[bool], ...]:
    return CHANGE.c.plan_id == row.plan_id, CHANGE.c.by == SYSTEM, CHANGE.c.at == row.created_at
