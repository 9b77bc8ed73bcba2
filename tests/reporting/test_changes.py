"""What changed between two days, and what each slice added to it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.engine import Engine

from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.reporting.changes.queries import changes, look_before
from app.reporting.changes.rules import Compare, compared_day, contributions
from app.reporting.changes.service import note_look
from app.reporting.kpis.rules import Dimension, Figure
from tests import builders

ON = date(2026, 3, 31)


def test_contributions_add_up_to_the_change() -> None:
    before, after = Figure("x", 30, 100), Figure("x", 50, 120)
    members = {"a": ((10, 60), (10, 50)), "b": ((20, 40), (35, 60)), "c": ((0, 0), (5, 10))}
    found = {each.member: each.amount for each in contributions(before, after, members, Dimension.BUCKET)}
    assert sum(found.values()) == pytest.approx(50 / 120 - 30 / 100)
    assert found["a"] == pytest.approx(0.3 * 10 / 120)  # fewer at a low ratio lifts the whole
    assert found["b"] == pytest.approx((15 - 0.3 * 20) / 120)


def test_nothing_explains_a_change_from_nothing() -> None:
    assert not list(
        contributions(Figure("x", 0, 0), Figure("x", 1, 2), {"a": ((0, 0), (1, 2))}, Dimension.TEAM)
    )


@pytest.mark.parametrize(
    ("compare", "expected"),
    [
        (Compare.YESTERDAY, date(2026, 3, 30)),
        (Compare.WEEK, date(2026, 3, 24)),
        (Compare.MONTH, date(2026, 2, 28)),
        (Compare.LAST_LOOK, None),
    ],
)
def test_the_compared_day(compare: Compare, expected: date | None) -> None:
    assert compared_day(compare, ON, None) == expected


def test_a_change_names_the_strongest_slice_of_each_dimension() -> None:
    name = "overdue_rate_accounts_30"
    was = {
        (name, "", ""): (1, 10, 100),
        (name, "bucket", "1-29"): (1, 0, 60),
        (name, "bucket", "30-59"): (1, 10, 40),
    }
    now = {
        (name, "", ""): (1, 20, 100),
        (name, "bucket", "1-29"): (1, 0, 50),
        (name, "bucket", "30-59"): (1, 20, 50),
    }
    change = changes(was, now)[name]
    assert change.amount == pytest.approx(0.1)
    assert [(each.dimension, each.member) for each in change.why] == [(Dimension.BUCKET, "30-59")]
    of_slice = changes(was, now, "bucket", "30-59")[name]
    assert of_slice.amount == pytest.approx(0.4 - 0.25)
    assert not of_slice.why


def test_a_look_is_remembered_until_the_next_day_is_seen(engine: Engine) -> None:
    def look(day: int) -> tuple[date, datetime] | None:
        at = datetime(2026, 4, day, 7, tzinfo=UTC)
        on = date(2026, 3, day)
        with transaction(engine) as session:
            before = look_before(session, "mei", portfolio_id, on)
            note_look(session, "mei", portfolio_id, on, now=at)
        return before

    with transaction(engine) as session:
        portfolio_id = id_of(builders.portfolio(session))
    assert look(3) is None
    assert look(3) is None  # the page opened again says the same again
    assert look(9) == (date(2026, 3, 3), datetime(2026, 4, 3, 7, tzinfo=UTC))
    assert look(9) == (date(2026, 3, 3), datetime(2026, 4, 3, 7, tzinfo=UTC))
    with reading(engine) as session:
        assert look_before(session, "ben", portfolio_id, ON) is None
