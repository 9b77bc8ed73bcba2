"""Ten seconds in which a person may take back what they sent by hand, before any worker may claim it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.core.actor import Actor, ActorKind
from app.core.database.engine import table_of
from app.outreach.outbox.models import OutboxMessage

UNDO_WITHIN = timedelta(seconds=10)
BY_HAND = (DeskStep.MANUAL, DeskStep.ANSWER, DeskStep.KNOWLEDGE)
"""Steps that a person takes: a letter or an answer sent from a page."""


def wait_for_undo(session: Session, case_id: int, *, by: Actor, now: datetime) -> None:
    """Let the messages that a person has just queued by hand on this case leave in ten seconds at the earliest.

    A window that closes sooner is kept; a program's messages are not held back."""
    if by.kind is not ActorKind.USER:
        return
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    just_now = sa.select(contact.c.id).where(
        contact.c.case_id == case_id, contact.c.step.in_(BY_HAND), contact.c.created_at == now
    )
    until = now + UNDO_WITHIN
    session.flush()
    session.execute(
        sa.update(message)
        .where(
            message.c.contact_id.in_(just_now),
            message.c.not_before < until,
            sa.or_(message.c.not_after.is_(None), message.c.not_after > until),
        )
        .values(not_before=until)
        .execution_options(synchronize_session=False)
    )


def can_be_undone(step: str, created_at: datetime, now: datetime) -> bool:
    """Check whether a queued message may still be taken back without a reason."""
    return step in BY_HAND and now <= created_at + UNDO_WITHIN
