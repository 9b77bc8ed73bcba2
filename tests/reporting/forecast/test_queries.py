"""The months that a forecast is learned from, read from a small book."""

from __future__ import annotations

from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.delinquency.days import CURRENT
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account
from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.reporting.forecast.flows import AGREEMENT, Roll
from app.reporting.forecast.queries import forecast_cash
from tests import builders
from tests.agreements import promise_to_pay

JANUARY, FEBRUARY, MARCH = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)
AGREED = date(2026, 2, 5)


def test_rolls_cash_and_agreements_of_a_month(engine: Engine) -> None:
    """a: 100.00 past due since 20 January, 40.00 paid in February. b: falls past due on 11 February, pays 70.00 of
    100.00 in March. c: past due since 10 January; 30.00 promised on 5 February for 5 March."""
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 1, 10), minimum=10_000, on=AGREED)
        book = get_portfolio(session, builders.BOOK)
        a, b = (
            builders.late_customer(session, book, due_on=on, minimum=10_000)
            for on in (date(2026, 1, 20), date(2026, 2, 10))
        )
        builders.payment(session, a, 4_000, date(2026, 2, 15))
        builders.payment(session, b, 7_000, date(2026, 3, 15))
        by, now = "user:ben", builders.at(AGREED)
        promise_to_pay(session, case, 3_000, date(2026, 3, 5), by=by, today=AGREED, now=now)
        fold_accounts(
            session, book, [id_of(card) for card in session.scalars(select(Account))], through=MARCH
        )
        session.add(DailyRun(portfolio_id=id_of(book), business_date=JANUARY, started_at=builders.NOW))
        session.flush()
        assert forecast_cash(session, book, date(2026, 2, 27)) is None
        found = forecast_cash(session, book, MARCH)
    assert found is not None
    february, march = found.flows
    assert (february.ends_on, march.ends_on, found.as_of) == (FEBRUARY, MARCH, MARCH)
    assert february.rolls == {
        ("1-29", "30-59"): Roll(1, 10_000, 6_000),
        ("1-29", AGREEMENT): Roll(1, 10_000, 10_000),
        (CURRENT, "1-29"): Roll(1, 0, 10_000),
    }
    assert (february.fell_minor, february.paid_minor) == (10_000, {"1-29": 4_000})
    assert march.paid_minor == {"1-29": 7_000}
    assert (february.due_minor, march.due_minor) == ({1: 0, 2: 0, 3: 0}, {1: 3_000, 2: 0, 3: 0})
    assert [line.is_shown for line in found.lines] == [False] * 3
    assert "Too little history" in found.lines[0].why
