"""What letters about an agreement that was restored tell, as of now."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import live_plan
from app.casework.plans.restoration.made_whole import MadeWhole
from app.casework.plans.restoration.models import PlanRestoration
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import MAY_HAVE_LEFT
from app.outreach.planning.agreements.truth import state_of

TOLD_BY = (DeskStep.BROKEN_PLAN, DeskStep.OVER_PLAN, DeskStep.FEES_AGAIN)
"""Steps whose letters tell that an agreement is broken."""


def restoration_figures(
    session: Session, plan: Plan, row: PlanRestoration, whole: MadeWhole, wrote_on: date | None
) -> dict[str, date | int | str]:
    """What a letter about a restored agreement tells as of now. `wrote_on`: when a letter left that this one takes
    back."""
    state = state_of(plan)
    figures: dict[str, date | int | str] = {"paid_on": whole.last_on, "paid_amount": whole.minor}
    if wrote_on is not None:
        figures["wrote_on"] = wrote_on
    if state == "runs" and (day := new_date(session, row)) is not None:
        figures["extended_to"] = day
    if state == "over" and (live := live_plan(session, plan.case_id)) is not None:
        figures["replaced_by"] = live.reference
    return {**figures, "restored": state}


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
    """The day on which instalments fall due that ran out of time while the agreement was taken to be broken."""
    change = table_of(PlanChange)
    moved = sa.select(sa.func.max(change.c.to_on)).where(
        change.c.plan_id == row.plan_id, change.c.by == SYSTEM, change.c.at == row.created_at
    )
    found: date | None = session.scalar(moved)
    return found
