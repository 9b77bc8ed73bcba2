"""Calendar arithmetic that more than one package needs. Pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def add_months(on: date, months: int) -> date:
    """The same day `months` later (earlier, if negative), or the last day of that month where it has no such day."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def month_start(on: date) -> date:
    """The first day of the month of `on`."""
    return on.replace(day=1)
