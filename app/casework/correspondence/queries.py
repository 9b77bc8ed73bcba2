"""Messages from customers that wait for a person."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.core.database.engine import table_of


def waiting_matches() -> sa.Subquery:
    """(case_id, received_at) of messages without a decision."""
    message, match = table_of(InboundMessage), table_of(InboundMatch)
    return (
        sa.select(match.c.case_id, message.c.received_at)
        # + 0: a planner begins at the few open messages, not at every match there ever was.
        .join(message, match.c.message_id == message.c.id + 0)
        .where(message.c.reviewed_at.is_(None), match.c.case_id.is_not(None))
        .subquery()
    )
