"""Keep the index of names as the customers' rows are."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.names.models import CustomerName
from app.book.names.rules import terms_of
from app.core.database.bulk import bulk_write, chunked
from app.core.database.engine import table_of

Renamed = tuple[int, str, str]
"""A customer, their name before and after; '' before = a new customer."""


def rename(session: Session, renamed: list[Renamed]) -> None:
    """Index customers whose name changed."""
    index = table_of(CustomerName)
    for some in chunked(renamed, 5000):
        old = [(term, customer_id) for customer_id, was, _ in some for term in terms_of(was)]
        if old:
            here = sa.and_(index.c.term == sa.bindparam("t"), index.c.customer_id == sa.bindparam("c"))
            session.connection().execute(sa.delete(index).where(here), [{"t": t, "c": c} for t, c in old])
        new = sorted((term, customer_id) for customer_id, _, name in some for term in terms_of(name))
        bulk_write(session, CustomerName, ("term", "customer_id"), new)


def index_all(session: Session) -> int:
    """Build the index anew from the customers; how many customers there are."""
    session.connection().execute(sa.delete(table_of(CustomerName)))
    customer, count = table_of(Customer), 0
    query = sa.select(customer.c.id, customer.c.full_name)
    for part in session.connection().execute(query).partitions(50_000):
        rename(session, [(row.id, "", row.full_name) for row in part])
        count += len(part)
    return count
