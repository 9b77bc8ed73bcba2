"""The roll-rate matrix and vintages of accounts of which only month-end positions are known, against plain Python."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

from sqlalchemy.engine import Engine

from app.book.ledger.models import Position
from app.book.ledger.service import mark_changed
from app.book.portfolios.rules import DelinquencySource
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.reporting.cohorts.queries import cohorts_of
from app.reporting.cohorts.rules import Curve
from app.reporting.kpis.queries import roll_matrix
from tests import builders

ENDS = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
OPENED = [date(2025, 6, 1), date(2025, 8, 31), date(2025, 12, 12)]
LABELS = ["current", "1-29", "30-59", "60-89", "90-119", "120-149", "150-179", "180+"]


def bucket(on: date, oldest_due_on: date | None) -> str:
    if oldest_due_on is None:
        return "current"
    late = (on - oldest_due_on).days
    return LABELS[0 if late < 1 else min(1 + late // 30, 7)]


def test_positions_alone_give_the_matrix(engine: Engine) -> None:
    draw = random.Random(16)
    cells: Counter[tuple[str, str]] = Counter()
    balances: Counter[tuple[str, str]] = Counter()
    opened: Counter[str] = Counter()
    late: Counter[tuple[str, date]] = Counter()
    with transaction(engine) as session:
        book = builders.portfolio(session, source=DelinquencySource.REPORTED)
        for number in range(60):
            card = builders.account(session, builders.customer(session, book), opened_on=OPENED[number % 3])
            opened[f"{card.opened_on:%Y-%m}"] += 1
            first, oldest, then = draw.choice([0, 0, 0, 2]), None, ("", 0)
            for n, on in enumerate(ENDS[first:], first):
                moved = draw.choice(["falls", "stays", "cured"])
                if moved == "falls":
                    oldest = oldest or on - timedelta(days=draw.randint(1, 29))
                elif moved == "cured":
                    oldest = None
                balance = draw.randint(1_000, 90_000)
                position = Position(
                    portfolio_id=id_of(book), account_id=id_of(card), as_of=on, balance_minor=balance,
                    past_due_minor=min(balance, 500) if oldest else 0, oldest_due_on=oldest, posted_on=on,
                )  # fmt: skip
                session.add(position)
                now = bucket(on, oldest)
                late[f"{card.opened_on:%Y-%m}", on] += bool(oldest and (on - oldest).days >= 30)
                if n == 1:
                    then = (now, balance)
                elif n == 2 and first < 2:
                    cells[then[0], now] += 1
                    balances[then[0], now] += then[1]
            mark_changed(session, id_of(book), {id_of(card): ENDS[first]})
    builders.close_day(engine, ENDS[-1])
    with transaction(engine) as session:
        matrix = roll_matrix(session, session.merge(book), ENDS[-1])
        vintages = cohorts_of(session, session.merge(book), Curve.LATE_30, ENDS[-1])
    found = {(then, now): pair for then, row in matrix.items() for now, pair in row.items()}
    assert found == {cell: (n, balances[cell]) for cell, n in cells.items()}
    assert len(found) > 6
    # One night was closed: the two month ends before it come from the positions alone.
    assert {
        (each.month, point.on): (point.numerator, point.denominator)
        for each in vintages
        for point in each.points
    } == {(month, on): (late[month, on], number) for month, number in opened.items() for on in ENDS}
    assert [point.months for point in vintages[0].points] == [7, 8, 9]
    assert [point.is_stored for point in vintages[0].points] == [False, False, True]
    assert sum(late.values()) > 20
