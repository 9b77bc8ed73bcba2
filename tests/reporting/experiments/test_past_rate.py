"""How many new cases a month brings, for planning an experiment: the backlog of a first night is none of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine

from app.book.portfolios.models import DailyRun
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.reporting.experiments.queries import past_cure_rate
from tests import builders

FIRST_NIGHT = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("days", "cases", "per_month"),
    [(31, 1, 0), (43, 13, 0), (44, 14, 30), (60, 30, 30)],  # cases are counted once their 30 days are over
)
def test_the_first_night_counts_for_nothing(engine: Engine, days: int, cases: int, per_month: int) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        session.add(
            DailyRun(
                portfolio_id=id_of(portfolio), business_date=FIRST_NIGHT, started_at=builders.at(FIRST_NIGHT)
            )
        )
        for n in range(days):
            for _ in range(50 if n == 0 else 1):
                holder = builders.customer(session, portfolio)
                session.add(
                    CollectionsCase(
                        portfolio_id=id_of(portfolio),
                        customer_id=id_of(holder),
                        opened_on=FIRST_NIGHT + timedelta(days=n),
                    )
                )
        session.flush()
        found = past_cure_rate(session, portfolio, FIRST_NIGHT + timedelta(days=days))
    assert (found.cases, found.per_month) == (cases, per_month)
