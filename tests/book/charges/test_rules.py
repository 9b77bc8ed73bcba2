"""Interest by the day and late fees, worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.book.charges.rules import accrue, capped_apr, interest_of_day, late_fee
from app.policy.packfile import shipped_packs
from app.policy.sections.charges import ChargeCaps

DAY = timedelta(days=1)
START = date(2026, 3, 1)
CAPS = ChargeCaps(
    "law", "a law", "a book", True, max_apr_millionths=360_000, late_fee_minor=3_200, currency="USD"
)


def test_a_year_of_days_is_a_year_of_interest_to_the_cent() -> None:
    """1,000.00 at 18.25 % is 182.50 a year: half a unit a day, so every second day has one more."""
    days, carry = [], 0
    for _ in range(365):
        interest, carry = interest_of_day(100_000, 182_500, 365, carry)
        days.append(interest)
    assert days[:4] == [50, 50, 50, 50]
    assert (sum(days), carry) == (18_250, 0)
    days, carry = [], 0
    for _ in range(365):
        interest, carry = interest_of_day(100_000, 180_000, 365, carry)
        days.append(interest)
    assert (days[:4], sum(days), carry) == ([49, 49, 49, 50], 18_000, 0)


@pytest.mark.parametrize(("balance", "expected"), [(0, 0), (-5_000, 0), (1, 0)])
def test_nothing_is_charged_on_nothing(balance: int, expected: int) -> None:
    assert interest_of_day(balance, 180_000, 365, 0)[0] == expected
    assert interest_of_day(-5_000, 180_000, 365, 77) == (0, 77), "what was carried is kept"


@given(
    st.lists(st.integers(0, 10**9), min_size=1, max_size=60),
    st.integers(0, 10**6),
    st.sampled_from([360, 365]),
)
def test_no_fraction_is_ever_lost(balances: list[int], apr: int, day_count: int) -> None:
    total = carry = 0
    for balance in balances:
        interest, carry = interest_of_day(balance, apr, day_count, carry)
        total += interest
    exact = sum(Fraction(b * apr, day_count * 1_000_000) for b in balances)
    assert total + Fraction(carry, day_count * 1_000_000) == exact


@given(
    st.lists(st.tuples(st.integers(-5, 40), st.integers(-200_000, 300_000)), max_size=12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=2),
)
def test_what_should_have_been_is_what_the_nights_would_have_posted(
    moves: list[tuple[int, int]], rests: list[tuple[int, int]]
) -> None:
    entries = sorted((START + n * DAY, amount) for n, amount in moves)
    pauses = [(START + n * DAY, START + (n + length) * DAY) for n, length in rests]
    last = START + 30 * DAY
    charged = today = carry = 0
    on = START
    while on <= last:
        charged, today = charged + today, 0
        balance = sum(amount for day, amount in entries if day < on) + charged
        if not any(a <= on < b for a, b in pauses):
            today, carry = interest_of_day(balance, 180_000, 365, carry)
        on += DAY
    found = accrue(
        entries, first_on=START, through=last, apr_millionths=180_000, day_count=365, pauses=pauses
    )
    assert (found.before, found.last, found.carry) == (charged, today, carry)


def test_a_rate_is_capped_by_the_pack() -> None:
    assert [capped_apr(apr, CAPS) for apr in (359_999, 360_000, 360_001)] == [359_999, 360_000, 360_000]
    assert capped_apr(990_000, None) == 990_000


@pytest.mark.parametrize(
    ("fee", "minimum", "currency", "caps", "expected"),
    [
        (2_500, 5_000, "USD", CAPS, 2_500),
        (3_200, 5_000, "USD", CAPS, 3_200),
        (3_300, 5_000, "USD", CAPS, 3_200),
        (3_000, 2_999, "USD", CAPS, 2_999),
        (3_000, 0, "USD", CAPS, 0),
        (3_000, 5_000, "EUR", CAPS, 0),
        (9_900, 50_000, "EUR", None, 9_900),
    ],
)
def test_a_late_fee_is_never_above_the_cap_nor_the_minimum(
    fee: int, minimum: int, currency: str, caps: ChargeCaps | None, expected: int
) -> None:
    assert late_fee(fee, minimum, currency, caps) == expected


def test_the_shipped_caps_say_where_they_are_from() -> None:
    caps = shipped_packs()["us-third-party"].charges
    assert caps is not None
    assert (caps.late_fee_minor, caps.currency, caps.max_apr_millionths) == (3_000, "USD", 360_000)
    assert "1026.52(b)" in caps.citation
    assert shipped_packs()["cn"].charges is None
