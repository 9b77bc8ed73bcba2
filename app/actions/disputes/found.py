"""Payments that customers said they had made, once they are posted: the dispute ends in the customer's favour."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.casework.claims.queries import AROUND
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind
from app.casework.disputes.service import uphold_found
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of


class FoundPayment(NamedTuple):
    """A payment that an open dispute speaks of."""

    dispute_id: int
    customer_id: int
    entry_id: int


def payments_found(
    session: Session, portfolio: Portfolio, customer_ids: Collection[int] | None = None
) -> list[FoundPayment]:
    """The disputes of a portfolio, or of these customers of it, whose payment was posted since: one of at least the
    disputed sum to the disputed account that stands, dated near the day that the customer names, or no later than the
    days after the dispute came. One payment ends one dispute. A dispute whose sum nobody told waits for a person."""
    dispute, entry = table_of(Dispute), table_of(Entry)
    reversal, other = entry.alias("reversal"), dispute.alias("other")
    query = (
        sa.select(
            dispute.c.id, dispute.c.customer_id, dispute.c.paid_on, dispute.c.received_on,
            entry.c.id.label("entry_id"), entry.c.effective_on,
        )
        .join(entry, entry.c.account_id == dispute.c.account_id)
        .where(
            dispute.c.portfolio_id == portfolio.id,
            dispute.c.outcome.is_(None),
            dispute.c.kind == DisputeKind.ALREADY_PAID,
            dispute.c.hold_id.is_(None),
            entry.c.kind.in_(MONEY_IN),
            entry.c.created_at >= dispute.c.opened_at,
            -entry.c.amount_minor >= dispute.c.amount_minor,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
            ~sa.exists().where(other.c.correction_id == entry.c.id),
        )
        .order_by(dispute.c.id, entry.c.amount_minor.desc(), entry.c.id)
    )  # fmt: skip
    if customer_ids is not None:
        query = query.where(among(session, dispute.c.customer_id, customer_ids))
    found: dict[int, FoundPayment] = {}
    used: set[int] = set()
    for row in session.connection().execute(query):
        near = _is_near(row.effective_on, row.paid_on, row.received_on)
        if near and row.id not in found and row.entry_id not in used:
            found[row.id] = FoundPayment(row.id, row.customer_id, row.entry_id)
            used.add(row.entry_id)
    return list(found.values())


def _is_near(effective_on: date, paid_on: date | None, received_on: date) -> bool:
    """A later payment is another one: the customer had paid when they said so."""
    if paid_on is None:
        return effective_on <= received_on + AROUND
    return paid_on - AROUND <= effective_on <= paid_on + AROUND


def end_paid_disputes(
    session: Session, portfolio: Portfolio, customer_ids: Collection[int], *, by: Actor, now: datetime
) -> int:
    """Uphold the disputes of these customers whose payment was found: it is in the ledger, so nothing is posted, and
    nothing is left out any more. The night writes to them. Returns how many ended. The caller holds the customers'
    locks."""
    found = {each.dispute_id: each.entry_id for each in payments_found(session, portfolio, customer_ids)}
    return uphold_found(session, id_of(portfolio), found, by=by, now=now) if found else 0
