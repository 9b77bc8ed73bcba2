"""Figures of statutory notices, below, at and above each edge."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.outreach.letters.statutory import AnswerTime, collection_costs, itemize
from app.policy.calendars import Holidays
from tests import builders


@pytest.mark.parametrize(
    ("principal", "costs"),
    [
        (1, 40_00),
        (266_66, 40_00),
        (266_67, 40_00),
        (300_00, 45_00),
        (2_500_00, 375_00),
        (2_500_10, 375_01),
        (5_000_00, 625_00),
        (10_000_00, 875_00),
        (200_000_00, 2_775_00),
        (1_000_000_00, 6_775_00),
        (2_000_000_00, 6_775_00),
    ],
)
def test_dutch_collection_costs(principal: int, costs: int) -> None:
    """Rates and worked totals: Besluit vergoeding voor buitengerechtelijke incassokosten, art. 2."""
    assert collection_costs(principal) == costs


def test_costs_are_asked_on_something() -> None:
    with pytest.raises(ValueError, match="positive"):
        collection_costs(0)


def test_a_day_to_answer_by_counts_from_writing() -> None:
    assert AnswerTime(14).ends(date(2026, 12, 24)) == date(2027, 1, 7)


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        # Eight business days from Monday 2 March: Thursday 12 March; 30 days on.
        (date(2026, 3, 2), date(2026, 4, 11)),
        # A Friday evening's letter counts from Monday.
        (date(2026, 3, 6), date(2026, 4, 17)),
        # Independence Day 2026 is kept on Friday 3 July.
        (date(2026, 6, 29), date(2026, 8, 9)),
    ],
)
def test_the_validation_period_ends_30_days_after_assumed_receipt(written: date, ends: date) -> None:
    answer = builders.catalog().letters["validation_notice"].answer
    assert answer is not None
    assert answer.ends(written) == ends
    assert (ends - written).days >= 35


def test_a_warning_gives_at_least_the_days_of_its_law() -> None:
    """Inkassoloven s 9: from the day it is sent; three days may pass until then."""
    answer = builders.catalog().letters["inkassovarsel"].answer
    assert answer is not None
    assert answer.days >= 14 + 3


def delivered(sent: date, days: int, country: str, weekdays: set[int]) -> date:
    """The day on which a letter arrives, after so many days of delivery."""
    holidays = Holidays(country)
    while days:
        sent += timedelta(days=1)
        days -= sent.weekday() in weekdays and not holidays.name_of(sent)
    return sent


@pytest.mark.parametrize(
    ("name", "days", "weekdays"),
    [
        # PostNL from July 2027: three days, Tuesday to Saturday. Fourteen days from the day after receipt: BW 6:96(6).
        ("fourteen_day_letter", 3, {1, 2, 3, 4, 5}),
        # Second class: up to four working days. Not less than 14 days after service: CCA 1974 s.88(2).
        ("default_notice", 4, {0, 1, 2, 3, 4}),
    ],
)
def test_a_notice_leaves_its_days_after_receipt_whenever_it_was_written(
    name: str, days: int, weekdays: set[int]
) -> None:
    """Each day of two and a half years, and up to three days until the letter leaves."""
    answer = builders.catalog().letters[name].answer
    assert answer is not None
    for n in range(900):
        written = date(2026, 7, 1) + timedelta(days=n)
        for late in range(4):
            arrives = delivered(written + timedelta(days=late), days, answer.country, weekdays)
            assert (answer.ends(written) - arrives).days >= 14, (written, late)


def test_the_last_day_is_the_one_named_or_the_one_before_it() -> None:
    assert AnswerTime(14).last_day(date(2026, 6, 1)) == date(2026, 6, 15)
    assert AnswerTime(14, before=True).last_day(date(2026, 6, 1)) == date(2026, 6, 14)


def test_an_itemization_adds_up() -> None:
    found = itemize(
        223_456,
        [("interest", 7_500), ("fee", 2_500), ("payment", -5_000), ("purchase", 100), ("reversal", -40)],
    )
    assert (found.owed, found.interest, found.fees, found.other, found.paid) == (
        223_456,
        7_500,
        2_500,
        100,
        5_040,
    )
    assert found.now == 223_456 + 7_500 + 2_500 + 100 - 5_040


def test_a_payment_that_came_back_was_not_paid() -> None:
    found = itemize(100_000, [("payment", -5_000), ("payment", 5_000), ("payment", -1_000)])
    assert (found.other, found.paid, found.now) == (0, 1_000, 99_000)
    earlier = itemize(100_000, [("payment", 5_000)])
    assert (earlier.other, earlier.paid, earlier.now) == (5_000, 0, 105_000)
