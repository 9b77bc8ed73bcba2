"""Keep the index of names as the customers' rows are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.names.models import CustomerName
from app.book.names.rules import terms_of
from app.core.database.bulk import bulk_write, chunked, upsert
from app.core.database.engine import table_of
from app.core.timeline.models import Event

Renamed = tuple[int, str, str]
"""A customer, their name before and after; '' before = a new customer."""
NAME_CHANGED = "customer.changed"
"""Kind of the event that has the data of a customer before and after (`CustomerChanged` in `app/book/customers`)."""


def rename(session: Session, renamed: list[Renamed]) -> None:
    """Index customers whose name changed. The terms of the name before stay: people go on giving it."""
    for some in chunked(renamed, 5000):
        known = {customer_id for customer_id, was, _ in some if was}
        new = sorted(
            (term, customer_id)
            for customer_id, _, name in some
            if customer_id not in known
            for term in terms_of(name)
        )
        bulk_write(session, CustomerName, ("term", "customer_id"), new)
        add_names(session, [(customer_id, name) for customer_id, _, name in some if customer_id in known])


def add_names(session: Session, names: Sequence[tuple[int, str]]) -> None:
    """Index further names of customers; a term that is there already stays one."""
    rows = sorted({(term, customer_id) for customer_id, name in names for term in terms_of(name)})
    for some in chunked(rows, 500):
        insert = upsert(session, CustomerName).values([{"term": t, "customer_id": c} for t, c in some])
        session.execute(insert.on_conflict_do_nothing())


def index_all(session: Session) -> int:
    """Build the index anew from the customers and the names that they had; how many customers there are."""
    session.connection().execute(sa.delete(table_of(CustomerName)))
    customer, count = table_of(Customer), 0
    query = sa.select(customer.c.id, customer.c.full_name)
    for part in session.connection().execute(query).partitions(50_000):
        rename(session, [(row.id, "", row.full_name) for row in part])
        count += len(part)
    event = table_of(Event)
    told = sa.select(event.c.customer_id, event.c.data).where(event.c.kind == NAME_CHANGED)
    for part in session.connection().execute(told).partitions(50_000):
        before = [(row.customer_id, json.loads(row.data).get("from", {}).get("full_name")) for row in part]
        add_names(session, [(customer_id, name) for customer_id, name in before if customer_id and name])
    return count


def former_names(session: Session, customer_id: int) -> list[tuple[str, datetime]]:
    """The names that a customer had, each with the moment at which it changed, the newest first."""
    told = select(Event).where(Event.customer_id == customer_id, Event.kind == NAME_CHANGED)
    found = [
        (json.loads(event.data).get("from", {}).get("full_name"), event.at)
        for event in session.scalars(told.order_by(col(Event.id).desc()))
    ]
    return [(name, at) for name, at in found if name]
