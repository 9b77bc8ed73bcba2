"""Escalations: who is answered first, and what is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.casework.escalations.rules import (
    LONGEST_DUE,
    WAITING_OVERDUE,
    WAITS_FOR,
    EscalationReason,
    due_day,
    is_late,
    still_waits,
    turn,
)
from app.core.errors import Invalid

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ago", "waits"), [(WAITS_FOR - MOMENT, True), (WAITS_FOR, False), (WAITS_FOR + MOMENT, False)]
)
def test_a_customer_waits_half_an_hour_at_most(ago: timedelta, waits: bool) -> None:
    assert still_waits(NOW - ago, NOW, is_waiting=True, is_open=True) is waits
    assert not still_waits(NOW - ago, NOW, is_waiting=False, is_open=True)
    assert not still_waits(NOW - ago, NOW, is_waiting=True, is_open=False)


@pytest.mark.parametrize(
    ("due_on", "ago", "waits", "late"),
    [
        (TODAY, timedelta(hours=9), False, False),
        (TODAY - timedelta(days=1), timedelta(0), False, True),
        (TODAY, WAITING_OVERDUE, True, False),
        (TODAY, WAITING_OVERDUE + MOMENT, True, True),
    ],
)
def test_late_is_after_the_day_or_after_five_minutes_on_the_line(
    due_on: date, ago: timedelta, waits: bool, late: bool
) -> None:
    assert is_late(due_on, NOW - ago, NOW, TODAY, waits=waits) is late


def test_the_line_comes_first_then_harm_then_the_day_and_the_age() -> None:
    later = TODAY + timedelta(days=1)
    line = turn(EscalationReason.ADVICE, later, NOW, waits=True)
    harm = turn(EscalationReason.HARM, later, NOW, waits=False)
    today = turn(EscalationReason.ADVICE, TODAY, NOW, waits=False)
    older = turn(EscalationReason.ADVICE, TODAY, NOW - MOMENT, waits=False)
    assert sorted([today, older, harm, line]) == [line, harm, older, today]


@pytest.mark.parametrize("day", [TODAY - timedelta(days=1), TODAY + LONGEST_DUE + timedelta(days=1)])
def test_a_day_that_is_over_or_far_away_is_refused(day: date) -> None:
    with pytest.raises(Invalid) as refused:
        due_day(day, TODAY)
    assert refused.value.field == "due_on"
    assert due_day(None, TODAY) == TODAY
    assert due_day(TODAY + LONGEST_DUE, TODAY) == TODAY + LONGEST_DUE
