"""Whom a question is for, how long it may be answered, and the interval of a mean score."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.satisfaction.rules import AskedAfter, Scores, SurveyDoor, door_of, is_sampled

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LAST = date(2026, 4, 1)


@pytest.mark.parametrize(
    ("today", "after_answer", "declined", "door"),
    [
        (LAST, None, False, SurveyDoor.OPEN),
        (LAST + timedelta(days=1), None, False, SurveyDoor.CLOSED),
        (LAST, None, True, SurveyDoor.CLOSED),
        (LAST, timedelta(hours=23, minutes=59), False, SurveyDoor.CHANGEABLE),
        (LAST + timedelta(days=1), timedelta(hours=23), False, SurveyDoor.CHANGEABLE),
        (LAST, timedelta(days=1), False, SurveyDoor.ANSWERED),
        (LAST, timedelta(hours=1), True, SurveyDoor.CLOSED),
    ],
)
def test_a_question_is_open_for_its_days_and_an_answer_changeable_for_one(
    today: date, after_answer: timedelta | None, declined: bool, door: SurveyDoor
) -> None:
    answered = NOON - after_answer if after_answer is not None else None
    found = door_of(closes_on=LAST, answered_at=answered, declined=declined, today=today, now=NOON)
    assert found is door


def test_nobody_is_sampled_at_none_everybody_at_all_and_about_a_tenth_at_ten() -> None:
    def number(share: int) -> int:
        return sum(is_sampled(share, 1, n, AskedAfter.CALL, n) for n in range(2000))

    assert number(0) == 0
    assert number(100) == 2000
    assert 140 < number(10) < 260
    assert is_sampled(50, 1, 7, AskedAfter.CASE, 9) == is_sampled(50, 1, 7, AskedAfter.CASE, 9)


def test_scores_of_a_cell() -> None:
    some = Scores(20, (1, 0, 1, 3, 5))
    assert (some.answers, some.total, some.satisfied) == (10, 41, 8)
    assert some.mean == 4.1
    assert some.response_rate == 0.5
    low, high = some.interval or (0, 0)
    assert (round(low, 2), round(high, 2)) == (2.86, 4.73)
    low, high = some.response_interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.299, 0.701)
    assert Scores(0).mean is None
    assert Scores(0).response_interval is None
    assert (some + some).answers == 20


@given(st.lists(st.integers(0, 60), min_size=5, max_size=5), st.integers(0, 100))
def test_an_interval_holds_its_mean_and_stays_on_the_scale(counts: list[int], unanswered: int) -> None:
    cell = Scores(sum(counts) + unanswered, tuple(counts))
    if cell.mean is None or cell.interval is None:
        assert cell.answers == 0
        return
    low, high = cell.interval
    assert 1 - 1e-9 <= low <= cell.mean + 1e-9
    assert cell.mean - 1e-9 <= high <= 5 + 1e-9
