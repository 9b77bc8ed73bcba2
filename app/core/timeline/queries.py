"""Reads of the timelines of a customer and of a portfolio."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col, select

from app.core.timeline.models import Event
from app.core.timeline.payload import Payload
from app.core.timeline.service import portfolio_stream


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


def events_of_portfolio(
    session: Session, portfolio_id: int, kinds: Sequence[str], limit: int
) -> Sequence[Event]:
    """The latest events of these kinds in a portfolio's own stream, newest first."""
    query = select(Event).where(Event.stream == portfolio_stream(portfolio_id), col(Event.kind).in_(kinds))
    return session.scalars(query.order_by(col(Event.seq).desc()).limit(limit)).all()


def last_event(session: Session, customer_id: int, payload: type[Payload]) -> Event | None:
    """The event of a customer that was recorded last of those with this payload."""
    query = select(Event).where(Event.customer_id == customer_id, Event.kind == payload.KIND)
    return session.scalars(query.order_by(col(Event.id).desc()).limit(1)).first()


def lists_with(
    session: Session, data: sa.ColumnElement[str], name: str, key: str, value: str
) -> sa.ColumnElement[bool]:
    """SQL: the JSON object in `data` has under `name` a list with an object whose `key` is `value`."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.cast(data, JSONB).contains({name: [{key: value}]})
    each = sa.func.json_each(data, f"$.{name}").table_valued("value")
    return sa.exists(sa.select(each.c.value).where(sa.func.json_extract(each.c.value, f"$.{key}") == value))
