"""Customers whose facts the tests of the gate gather."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.ids import id_of
from app.outreach.gate.facts import gather_facts
from app.policy.composition import packs_for
from app.policy.facts import Facts
from tests import builders as make

WEDNESDAY = datetime(2026, 10, 7, 16, 0, tzinfo=UTC)
"""Noon in New York, 18:00 in Amsterdam and Oslo."""


def american(session: Session, **changes: object) -> tuple[Portfolio, Customer]:
    portfolio = make.portfolio(
        session, "CARDS-US", pack="us-third-party", collector=CollectorKind.THIRD_PARTY, currency="USD"
    )
    given = {"country": "US", "region": "NY", "city": "New York", "postcode": "10001", "timezone": ""}
    return portfolio, make.customer(session, portfolio, **(given | {"mobile": "+12125552000"} | changes))


def facts_of(session: Session, portfolio: Portfolio, who: Customer, now: datetime = WEDNESDAY) -> Facts:
    return gather_facts(session, [who], packs_for(portfolio, who), now=now)[id_of(who)]
