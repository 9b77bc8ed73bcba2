"""Disputed parts of accounts that bear no interest and no late fees while the law says so.

Interest of a day is on the balance of the evening before without what rests on that day (12 CFR 1026.13(d)(1)).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.models import ChargeRest
from app.book.charges.rules import Rest
from app.core.database.bulk import among
from app.core.database.engine import table_of

OF_DISPUTES = "interest-correction:dispute-"
"""How references of interest begin that the course of a dispute credits or charges."""


def rests_of(session: Session, account_ids: Sequence[int]) -> dict[int, list[Rest]]:
    """The parts of these accounts that bear nothing, by account, with their days."""
    row = table_of(ChargeRest)
    query = sa.select(row.c.account_id, row.c.from_on, row.c.to_on, row.c.amount_minor).where(
        among(session, row.c.account_id, account_ids), row.c.lifted_at.is_(None)
    )
    found: dict[int, list[Rest]] = {}
    for account_id, from_on, to_on, amount in session.connection().execute(query):
        found.setdefault(account_id, []).append(Rest(from_on, to_on, amount))
    return found


def rests_of_dispute(session: Session, dispute_id: int, account_id: int) -> list[Rest]:
    """The parts of an account that bear nothing because of a dispute, with their days."""
    query = select(ChargeRest).where(
        ChargeRest.dispute_id == dispute_id,
        ChargeRest.account_id == account_id,
        col(ChargeRest.lifted_at).is_(None),
    )
    rows = session.scalars(query.order_by(col(ChargeRest.from_on), col(ChargeRest.id)))
    return [Rest(row.from_on, row.to_on, row.amount_minor) for row in rows]


def resting(account_id: sa.ColumnElement[int], on: date) -> sa.ColumnElement[int]:
    """SQL: the sum of an account that bears nothing on a day."""
    row = table_of(ChargeRest)
    found = sa.select(sa.func.sum(row.c.amount_minor)).where(
        row.c.account_id == account_id,
        row.c.lifted_at.is_(None),
        row.c.from_on <= on,
        sa.or_(row.c.to_on.is_(None), row.c.to_on > on),
    )
    return sa.func.coalesce(found.scalar_subquery(), 0)
