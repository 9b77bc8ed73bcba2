"""What the customer has in writing of a step, or is to get: its messages, and the letters that wait."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.deferred import waiting_channels

ON_ITS_WAY = (
    OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING, OutboxStatus.SENT, OutboxStatus.DELIVERED,
    OutboxStatus.UNKNOWN,
)  # fmt: skip


def messages_of(session: Session, step: CaseStep) -> list[tuple[Channel, OutboxStatus]]:
    """Channel and status of the step's messages."""
    return [(row.channel, row.status) for row in _messages(session, step)]


def is_on_its_way(
    session: Session,
    step: CaseStep,
    channels: Collection[Channel],
    states: Collection[OutboxStatus] = ON_ITS_WAY,
) -> bool:
    """True if a message of the step left or is to leave by one of these channels (is in one of `states`), or is still
    to be written or written again."""
    for row in _messages(session, step):
        if row.channel in channels and (row.status in states or row.fallback_at is not None):
            return True
    return not waiting_channels(session, step).isdisjoint(channels)


def _messages(session: Session, step: CaseStep) -> Sequence[DbRow]:
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = (
        sa.select(contact.c.channel, message.c.status, message.c.fallback_at)
        .join(contact, contact.c.id == message.c.contact_id)
        .where(
            message.c.case_id == step.case_id,
            contact.c.step == step.step,
            contact.c.occurrence == step.occurrence,
            contact.c.plan_id.is_not_distinct_from(step.plan_id),
            contact.c.hold_id.is_not_distinct_from(step.hold_id),
            contact.c.instalment.is_not_distinct_from(step.instalment),
        )
    )
    session.flush()
    return session.execute(query).all()
