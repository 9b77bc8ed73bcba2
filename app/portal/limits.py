"""Limits of the customer's own page: a program at a link may not fill the timeline or the review queue."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Customer
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.core.actor import CUSTOMER
from app.core.timeline.models import Event
from app.inbound.rules import InboundSource

MOST_CHANGES = 60
"""Events an hour that the page may cause for one customer, refusals not counted."""
MOST_REQUESTS = 5
"""Requests a day that one customer's page may give people to answer."""


def changes_too_often(session: Session, customer: Customer, *, now: datetime) -> bool:
    """Check whether the page caused too many changes in the last hour. Refusing must always work, so it does not ask
    this."""
    query = sa.select(sa.func.count()).where(
        col(Event.customer_id) == customer.id,
        col(Event.by) == CUSTOMER,
        col(Event.at) > now - timedelta(hours=1),
    )
    return (session.scalar(query) or 0) >= MOST_CHANGES


def asks_too_often(session: Session, customer: Customer, *, now: datetime) -> bool:
    """Check whether the page has made as many requests as it may in a day."""
    query = (
        sa.select(sa.func.count())
        .select_from(InboundMatch)
        .join(InboundMessage, col(InboundMessage.id) == InboundMatch.message_id)
        .where(
            col(InboundMatch.customer_id) == customer.id,
            col(InboundMessage.source) == InboundSource.PAGE,
            col(InboundMessage.received_at) > now - timedelta(days=1),
        )
    )
    return (session.scalar(query) or 0) >= MOST_REQUESTS
