"""Calendar arithmetic that more than one package needs. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


def minute_of_day(text: str) -> int | None:
    """Minutes after midnight of a time of day such as `17:00`, up to `24:00`; None for a text that is none."""
    found = _TIME_OF_DAY.fullmatch(text.strip())
    if found is None or int(found[2]) > 59:
        return None
    minute = int(found[1]) * 60 + int(found[2])
    return minute if minute <= 1440 else None


def add_months(on: date, months: int) -> date:
    """The same day `months` later (earlier, if negative), or the last day of that month where it has no such day."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def month_start(on: date) -> date:
    """The first day of the month of `on`."""
    return on.replace(day=1)
