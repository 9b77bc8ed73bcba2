"""Parts of the day in which a call is tried, in the customer's own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.casework.results.slots import Slot, slot_of, stretches

OSLO = "Europe/Oslo"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("utc", "slot"),
    [
        ("2026-03-20T10:59", Slot.MORNING),
        ("2026-03-20T11:00", Slot.AFTERNOON),
        ("2026-03-20T15:59", Slot.AFTERNOON),
        ("2026-03-20T16:00", Slot.EVENING),
        ("2026-03-20T22:59", Slot.EVENING),
        ("2026-03-20T23:00", Slot.WEEKEND),
        ("2026-03-22T22:59", Slot.WEEKEND),
        ("2026-03-22T23:00", Slot.MORNING),
    ],
)
def test_a_moment_is_in_a_slot_where_the_customer_lives(utc: str, slot: Slot) -> None:
    assert slot_of(at(utc), OSLO) is slot


def test_the_slots_tried_are_left_out() -> None:
    friday = at("2026-03-20T11:00")  # noon in Oslo
    found = list(stretches(friday, friday + timedelta(days=2), OSLO, {Slot.AFTERNOON}))
    assert [(slot_of(start, OSLO), slot_of(end - timedelta(minutes=1), OSLO)) for start, end in found] == [
        (Slot.EVENING, Slot.EVENING),
        (Slot.WEEKEND, Slot.WEEKEND),
        (Slot.WEEKEND, Slot.WEEKEND),
    ]
    assert found[0][0] == at("2026-03-20T16:00")


def test_once_every_slot_was_tried_all_of_the_time_is_left() -> None:
    start = at("2026-03-20T11:00")
    assert list(stretches(start, start + timedelta(hours=3), OSLO, set(Slot))) == [
        (start, start + timedelta(hours=3))
    ]
