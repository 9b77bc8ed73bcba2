"""Letters of an agreement that their reader has, or may have."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.core.database.engine import table_of
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import MAY_HAVE_LEFT


def left_in_writing(session: Session, plan: Plan, step: DeskStep) -> list[Channel]:
    """Channels by which the plan's letter of this step left, or may have left."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = sa.select(contact.c.channel).join(message, message.c.contact_id == contact.c.id)
    left = query.where(
        contact.c.plan_id == plan.id, contact.c.step == step, message.c.status.in_(MAY_HAVE_LEFT)
    )
    session.flush()
    return [Channel(channel) for channel in session.scalars(left.order_by(contact.c.channel))]


def may_be_known(session: Session, offer: Plan) -> bool:
    """True if the customer has this offer in writing, or may have."""
    return bool(left_in_writing(session, offer, DeskStep.OFFER))
