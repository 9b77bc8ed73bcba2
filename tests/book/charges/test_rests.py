"""Disputed parts that bear nothing: the rule on random books, and late fees below, at and above what rests."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.charges.rules import Rest, accrue, late_fee, resting_on

FIRST = date(2026, 3, 2)
DAY = timedelta(days=1)
DAYS = 60

a_day = st.integers(0, DAYS).map(lambda n: FIRST + n * DAY)
an_entry = st.tuples(a_day, st.integers(-150_000, 150_000))


@st.composite
def a_rest(draw: st.DrawFn) -> Rest:
    from_on = draw(a_day)
    length = draw(st.none() | st.integers(1, DAYS))
    to_on = None if length is None else from_on + length * DAY
    return Rest(from_on, to_on, draw(st.integers(1, 80_000)))


@given(
    st.lists(an_entry, max_size=12),
    st.lists(a_rest(), max_size=3),
    st.integers(0, 400_000),
    st.sampled_from([360, 365]),
)
def test_a_part_that_rests_is_charged_as_if_it_were_not_there(
    entries: list[tuple[date, int]], rests: list[Rest], apr: int, day_count: int
) -> None:
    """Interest of a day is on the balance of the evening before: a book that lacks the part from the evening before its
    first day until the evening before the day on which it counts again has the same interest, to the fraction."""
    book = sorted(entries, key=lambda each: each[0])
    lacking = list(book)
    for each in rests:
        lacking.append((each.from_on - DAY, -each.amount_minor))
        if each.to_on is not None:
            lacking.append((each.to_on - DAY, each.amount_minor))
    lacking.sort(key=lambda each: each[0])
    terms = {"first_on": FIRST, "through": FIRST + DAYS * DAY, "apr_millionths": apr, "day_count": day_count}
    resting = accrue(book, rests=rests, **terms)  # type: ignore[arg-type]
    without = accrue(lacking, **terms)  # type: ignore[arg-type]
    assert (resting.before, resting.last, resting.carry) == (without.before, without.last, without.carry)
    everything = accrue(book, **terms)  # type: ignore[arg-type]
    assert resting.before + resting.last <= everything.before + everything.last


@pytest.mark.parametrize(("days", "sum_minor"), [(-1, 0), (0, 500), (4, 500), (5, 0)])
def test_the_last_day_of_a_rest_is_the_one_before_its_end(days: int, sum_minor: int) -> None:
    assert resting_on(FIRST + days * DAY, [Rest(FIRST, FIRST + 5 * DAY, 500)]) == sum_minor


@pytest.mark.parametrize(
    ("minimum", "resting", "fee"),
    [(5_000, 0, 2_500), (5_000, 2_499, 2_500), (5_000, 2_501, 2_499), (5_000, 5_000, 0), (5_000, 9_000, 0)],
)
def test_a_late_fee_is_at_most_what_had_to_be_paid(minimum: int, resting: int, fee: int) -> None:
    assert late_fee(2_500, minimum, "USD", None, resting) == fee
