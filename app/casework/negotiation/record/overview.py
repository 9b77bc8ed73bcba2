"""Offers made and not made in a period: counts by kind, state and reason, and the offers behind a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.rules import OfferStatus
from app.core.database.engine import table_of

OFFER = table_of(NegotiationOffer)


@dataclass(frozen=True, slots=True)
class OfferCount:
    """Offers of one kind in one state; for those not offered, by the rule that stood against them."""

    kind: OptionKind
    status: OfferStatus
    rule: str
    """'' unless not offered."""
    count: int
    cases: int
    example: str
    """One of the reasons, where there is one."""


@dataclass(frozen=True, slots=True)
class OfferBehind:
    """One offer of a count, with its case."""

    offer: NegotiationOffer
    customer_name: str


def offer_counts(session: Session, portfolio_id: int, since: datetime) -> list[OfferCount]:
    """Counts of a portfolio's offers made since then, the most frequent first."""
    is_refused = OFFER.c.status == OfferStatus.NOT_OFFERED
    rule = sa.case((is_refused, OFFER.c.rule), else_="").label("rule")
    query = (
        sa.select(
            OFFER.c.kind,
            OFFER.c.status,
            rule,
            sa.func.count(),
            sa.func.count(sa.distinct(OFFER.c.case_id)),
            sa.func.max(OFFER.c.reason),
        )
        .where(OFFER.c.portfolio_id == portfolio_id, OFFER.c.made_at >= since)
        .group_by(OFFER.c.kind, OFFER.c.status, rule)
        .order_by(sa.func.count().desc(), OFFER.c.kind, OFFER.c.status, rule)
    )
    return [OfferCount(*row) for row in session.execute(query)]


def offers_behind(
    session: Session,
    portfolio_id: int,
    since: datetime,
    *,
    kind: OptionKind,
    status: OfferStatus,
    rule: str = "",
    before: int | None = None,
    limit: int,
) -> tuple[Sequence[OfferBehind], int | None]:
    """The offers that a count counts, the latest first, and the id before which the next page starts."""
    customer, case = table_of(Customer), table_of(CollectionsCase)
    query = (
        sa.select(NegotiationOffer, customer.c.full_name)
        .join(case, case.c.id == OFFER.c.case_id)
        .join(customer, customer.c.id == case.c.customer_id)
        .where(
            OFFER.c.portfolio_id == portfolio_id,
            OFFER.c.made_at >= since,
            OFFER.c.kind == kind,
            OFFER.c.status == status,
        )
    )
    if rule:
        query = query.where(OFFER.c.rule == rule)
    if before is not None:
        query = query.where(OFFER.c.id < before)
    rows = session.execute(query.order_by(OFFER.c.id.desc()).limit(limit + 1)).all()
    found = [OfferBehind(offer, name) for offer, name in rows]
    return found[:limit], found[limit - 1].offer.id if len(found) > limit else None
