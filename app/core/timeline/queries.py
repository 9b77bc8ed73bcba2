"""Reading what is on record about a customer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from app.core.timeline.models import Event
from app.core.timeline.rules import Kind


def events_of_customer(
    session: Session, customer_id: int, *, kinds: Sequence[str] = (), before: int | None = None, limit: int
) -> tuple[list[Event], int | None]:
    """Events of a customer, newest first, and the id before which the next page starts (None = that was all)."""
    query = select(Event).where(Event.customer_id == customer_id)
    if kinds:
        query = query.where(col(Event.kind).in_(kinds))
    if before is not None:
        query = query.where(col(Event.id) < before)
    found = list(session.scalars(query.order_by(col(Event.id).desc()).limit(limit + 1)))
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def last_call(session: Session, customer_id: int) -> Event | None:
    """The call to a customer that was logged last."""
    query = select(Event).where(Event.customer_id == customer_id, Event.kind == Kind.CALL_LOGGED)
    return session.scalars(query.order_by(col(Event.id).desc()).limit(1)).first()
