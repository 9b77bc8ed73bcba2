"""Callbacks and calls that reached nobody, as an agent logs them."""

from __future__ import annotations

import pytest

from app.casework.cases.models import CollectionsCase
from tests.scenarios.desk_day.formosa import LAI, Formosa


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2026-03-03T03:00", "No call is allowed at that time"),
        ("2036-03-03T15:00", "at most 90 days ahead"),
        ("2026-03-02T09:00", "is in the past"),
    ],
)
def test_a_callback_lies_within_permitted_hours_and_the_near_future(day: Formosa, at: str, why: str) -> None:
    """Bug 21: 03:00 and the year 2036 were accepted."""
    page = day.refused(LAI, "call", result="call_back", callback_at=at, note="asked for it")
    assert day.desk.read(lambda s: s.get_one(CollectionsCase, day.case(LAI))).callback_at is None
    assert why in page
    assert "asked for it" in page, "what was typed stays"


def test_a_callback_that_is_due_is_on_top_of_the_list(day: Formosa) -> None:
    """Bug 21: "you will be reminded", and nobody was."""
    day.send(LAI, "call", result="call_back", callback_at="2026-03-02T18:00", note="after work")
    day.later(hours=1, minutes=5)
    page = day.text("/worklist?owner=all")
    assert "Call" in page
    first = page.index(LAI)
    assert "6:00" in page[max(0, first - 200) : first + 400]


def test_nobody_answered_so_the_call_stays_to_be_made(day: Formosa) -> None:
    """Bug 11: a call task or callback > No answer > both gone, no second attempt."""
    day.send(LAI, "call", result="call_back", callback_at="2026-03-02T18:00")
    day.later(hours=1, minutes=1)
    said = day.send(LAI, "call", result="no_answer")
    assert "Attempt 1 of 3" in said
    assert "try again from" in said
    case = day.desk.read(lambda s: s.get_one(CollectionsCase, day.case(LAI)))
    assert case.callback_at is not None
    assert case.callback_at > day.desk.clock.now()
