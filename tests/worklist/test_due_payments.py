"""Payments of agreements in the worklist: who paid ahead is not called about a payment that has come."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.plans.tracking.assessment import assess_due
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.worklist.books import books_at
from app.worklist.items import items_among
from app.worklist.rules import Section
from tests import builders
from tests.outreach.agreements.made import agreement

TODAY = date(2026, 3, 20)
D1, D2, D3 = date(2026, 4, 10), date(2026, 5, 8), date(2026, 6, 10)


@pytest.mark.parametrize(
    ("paid", "section", "on"),
    [
        (19_999, Section.PROMISE_DUE, D2),
        (20_000, Section.PROMISE_RUNNING, D3),
        (29_999, Section.PROMISE_RUNNING, D3),
    ],
)
def test_a_payment_that_was_made_ahead_is_not_due(
    engine: Engine, paid: int, section: Section, on: date
) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=10), on=TODAY)
        case.now_past_due_minor = 50_000
        agreement(session, case, [(each, 10_000) for each in (D1, D2, D3)], accepted_on=TODAY)
        builders.payment(session, session.scalars(select(Account)).one(), paid, D1)
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        assess_due(session, portfolio, D1, now=builders.night_after(D1))
        now = builders.at(D2)
        found = items_among(session, books_at(session, now), [id_of(case)], now)[id_of(case)]
    assert (found.section, found.on) == (section, on)
