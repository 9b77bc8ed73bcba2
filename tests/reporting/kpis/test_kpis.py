"""Key figures of a small month, worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.reporting.kpis.definitions.catalog import DEFINITIONS, FAMILIES
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.queries import month_roll_forward, roll_matrix, snapshots
from app.reporting.kpis.rules import Figure, median_pair
from tests import builders
from tests.lasting import DATABASES, lasting

LAST = date(2026, 3, 31)


def figures_on(session: Session, portfolio_id: int, on: date) -> list[Figure]:
    """Every key figure of the whole portfolio at the end of `on`, a day that was closed, with everything folded so
    far."""
    scope = Scope(session.get_one(Portfolio, portfolio_id))
    found = measured_figures(session, FAMILIES, scope, on)
    return [figure for (_, dimension, _), figure in found.items() if not dimension]


def march(engine: Engine) -> None:
    """Five cards owing 1,000.00 each, with a minimum of 100.00, and one in credit.

    a: due 20 February, never paid: 100.00 past due when March begins.
    b: due 10 March, 60.00 paid on the 20th. c: due 10 March, 100.00 refunded on the 15th.
    d: due 10 March, paid on the day. e: due 10 March, charged off.
    """
    with transaction(engine) as session:
        book = builders.portfolio(session)
        due = {"a": date(2026, 2, 20)} | dict.fromkeys("bcde", date(2026, 3, 10))
        cards = {
            name: builders.late_customer(session, book, due_on=on, minimum=10_000, balance=100_000)
            for name, on in due.items()
        }
        builders.payment(session, cards["b"], 6_000, date(2026, 3, 20))
        builders.entry(session, cards["c"], EntryKind.REFUND, 10_000, date(2026, 3, 15))
        builders.payment(session, cards["d"], 10_000, date(2026, 3, 10))
        cards["e"].status = AccountStatus.CHARGED_OFF
        in_credit = builders.account(session, builders.customer(session, book))
        builders.payment(session, in_credit, 5_000, date(2026, 3, 1))
    builders.close_day(engine, date(2026, 2, 28))
    builders.close_day(engine, LAST)


@pytest.fixture(scope="module", params=DATABASES)
def marched(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """`march`, lived through once for the tests that read it."""
    with lasting(request) as engine:
        march(engine)
        yield engine


def test_march_by_hand(marched: Engine) -> None:
    with reading(marched) as session:
        book = get_portfolio(session, builders.BOOK)
        found = {
            row.kpi: (row.numerator, row.denominator) for row in snapshots(session, id_of(book), LAST, LAST)
        }
        rolled = month_roll_forward(session, id_of(book), LAST)
    # 100.00 past due on 28 February; b, c and e fell past due on the 11th with 100.00 each.
    assert (rolled.start, rolled.fell_past_due, rolled.paid, rolled.adjusted, rolled.end) == (
        10_000, 30_000, 6_000, 10_000, 24_000,
    )  # fmt: skip
    assert rolled.closes
    assert found["recovery_rate"] == (6_000, 40_000)
    # Not charged off and owing: a 1,000.00, b 940.00, c 900.00, d 900.00; a and b are late.
    assert found["overdue_rate_balance_1"] == (194_000, 374_000)
    assert found["overdue_rate_accounts_1"] == (2, 5)
    assert found["overdue_rate_balance_30"] == (100_000, 374_000), "a is 39 days late, b 21"
    assert found["overdue_rate_accounts_60"] == (0, 5)
    assert found.keys() == DEFINITIONS.keys()
    # On 28 February only a was past due, by 8 days; e came charged off and is not counted.
    assert found["roll_rate"] == (1, 1)
    assert found["roll_rate_balance"] == (100_000, 100_000)
    assert found["cure_rate"] == (0, 1)
    with reading(marched) as session:
        book = get_portfolio(session, builders.BOOK)
        assert roll_matrix(session, book, LAST) == {
            "current": {"current": (3, 200_000), "1-29": (1, 100_000)},
            "1-29": {"30-59": (1, 100_000)},
        }
        # b, c and e went past due on 11 March; c was cleared within 30 days.
        [repaid] = [
            f
            for f in figures_on(session, id_of(book), date(2026, 4, 10))
            if f.kpi == "overdue_repayment_rate"
        ]
        assert (repaid.numerator, repaid.denominator) == (1, 3)


def test_figures_asked_later_for_a_past_day_are_those_of_its_night(marched: Engine) -> None:
    with reading(marched) as session:
        book = get_portfolio(session, builders.BOOK)
        for on in (date(2026, 2, 28), date(2026, 3, 11), date(2026, 3, 20), LAST):
            asked = figures_on(session, id_of(book), on)
            kept = {
                row.kpi: (row.numerator, row.denominator) for row in snapshots(session, id_of(book), on, on)
            }
            assert {f.kpi: (f.numerator, f.denominator) for f in asked} == kept, on


def test_every_day_of_the_month_closes(marched: Engine) -> None:
    with reading(marched) as session:
        book = get_portfolio(session, builders.BOOK)
        on = date(2026, 3, 1)
        while on <= LAST:
            assert month_roll_forward(session, id_of(book), on).closes, on
            on += timedelta(days=1)


@pytest.mark.parametrize(
    ("counts", "pair"),
    [({}, (0, 0)), ({4: 1}, (8, 2)), ({1: 1, 2: 1}, (3, 2)), ({1: 5, 9: 4}, (2, 2)), ({1: 2, 9: 2}, (10, 2))],
)
def test_a_median_is_kept_as_the_two_in_the_middle(counts: dict[int, int], pair: tuple[int, int]) -> None:
    assert median_pair(counts) == pair


@pytest.mark.parametrize(("numerator", "denominator", "value"), [(1, 4, 0.25), (0, 4, 0.0), (0, 0, None)])
def test_nothing_is_divided_by_nothing(numerator: int, denominator: int, value: float | None) -> None:
    assert Figure("k", numerator, denominator).value == value


def test_an_empty_book_has_figures_without_values(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.portfolio(session)
    builders.close_day(engine, LAST)
    assert builders.count(engine, Account) == 0
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        rows = snapshots(session, id_of(book), LAST, LAST)
        assert {(row.numerator, row.denominator) for row in rows} == {(0, 0)}
