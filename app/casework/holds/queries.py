"""Holds of customers, and the conditions by which the worklist chooses cases with one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.listing import (
    Condition,
    PortfolioToday,
    in_any,
)
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold, no_date_ends
from app.casework.holds.rules import RESTING
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.vocabulary import HoldKind


def get_hold(session: Session, customer_id: int, hold_id: int, *, lock: bool = False) -> CaseHold:
    """A hold of this customer. NotFound where it is of another."""
    hold = locked_row(session, CaseHold, hold_id) if lock else session.get(CaseHold, hold_id)
    if hold is None or hold.customer_id != customer_id:
        raise NotFound(f"This customer has no hold {hold_id}.")
    return hold


def hold_of_kind(session: Session, customer_id: int, kind: HoldKind) -> CaseHold | None:
    """The customer's open hold of this kind. Not one that a support need placed: that stands and ends with the need,
    beside any other, so that the end of this one neither ends nor tells of it."""
    found = open_holds_of(session, customer_id)
    return next((hold for hold in found if hold.kind is kind and hold.need_id is None), None)


def open_holds_of(session: Session, customer_id: int) -> list[CaseHold]:
    """`open_holds` of one customer."""
    return open_holds(session, [customer_id]).get(customer_id, [])


def open_holds(session: Session, customer_ids: Sequence[int]) -> dict[int, list[CaseHold]]:
    """Open holds by customer: first those that no date ends, then the one that lasts longest."""
    query = (
        select(CaseHold)
        .where(col(CaseHold.customer_id).in_(customer_ids), col(CaseHold.ended_at).is_(None))
        .order_by(
            sa.case((no_date_ends(table_of(CaseHold)), 0), else_=1),
            col(CaseHold.until).desc(),
            col(CaseHold.id),
        )
    )
    holds: dict[int, list[CaseHold]] = {}
    for hold in session.scalars(query):
        holds.setdefault(hold.customer_id, []).append(hold)
    return holds


def at_rest(session: Session, customer_ids: Collection[int]) -> set[int]:
    """Those of the customers whose running agreements rest."""
    row = table_of(CaseHold)
    if not customer_ids:
        return set()
    query = sa.select(row.c.customer_id).where(
        among(session, row.c.customer_id, customer_ids), row.c.ended_at.is_(None), row.c.kind.in_(RESTING)
    )
    return set(session.connection().execute(query).scalars())


def holds_of(session: Session, customer_id: int) -> list[CaseHold]:
    """All holds a customer ever had, open ones first, then the latest."""
    order = (col(CaseHold.ended_at).is_not(None), col(CaseHold.started_at).desc(), col(CaseHold.id).desc())
    return list(session.scalars(select(CaseHold).where(CaseHold.customer_id == customer_id).order_by(*order)))


def impersonal_holds(holds: Sequence[CaseHold]) -> list[CaseHold]:
    """The holds for who works no case: without those that say what a customer told of their circumstances."""
    return [hold for hold in holds if hold.kind is not HoldKind.VULNERABLE]


# --- conditions of the worklist -------------------------------------------------------------------------------


def has_hold_to_review(books: Sequence[PortfolioToday]) -> Condition:
    """Cases with a hold that no date ends, whose review date has come."""
    case, hold = table_of(CollectionsCase), table_of(CaseHold)
    held = sa.select(hold.c.customer_id).where(hold.c.ended_at.is_(None), no_date_ends(hold))
    return in_any(books, lambda book: case.c.customer_id.in_(held.where(hold.c.until <= book.today)))
