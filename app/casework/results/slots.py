"""Parts of the day in which a call may be tried, in the customer's own time. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

NOON, EVENING, SATURDAY = 12, 17, 5


class Slot(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    WEEKEND = "weekend"


def slot_of(at: datetime, zone: str) -> Slot:
    local = at.astimezone(ZoneInfo(zone))
    if local.weekday() >= SATURDAY:
        return Slot.WEEKEND
    if local.hour < NOON:
        return Slot.MORNING
    return Slot.AFTERNOON if local.hour < EVENING else Slot.EVENING


def stretches(
    start: datetime, end: datetime, zone: str, tried: Collection[Slot]
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time from `start` to `end`, in order, that lie in a slot not tried; all of it once every slot
    was tried."""
    if set(tried) >= set(Slot):
        yield start, end
        return
    begins = start
    while begins < end:
        ends = min(_slot_ends(begins, zone), end)
        if slot_of(begins, zone) not in tried:
            yield begins, ends
        begins = ends


def _slot_ends(at: datetime, zone: str) -> datetime:
    """The first moment after `at` at which another slot or another day begins."""
    local = at.astimezone(ZoneInfo(zone))
    hour = {Slot.MORNING: NOON, Slot.AFTERNOON: EVENING}.get(slot_of(at, zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = midnight.replace(hour=hour) if hour else midnight + timedelta(days=1)
    return ends.astimezone(at.tzinfo)
