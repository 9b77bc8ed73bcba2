"""The only file that asks what time it is.

Entry points (a request, a job tick, a command) read the clock once and pass `now` and `today` down;
ruff's DTZ rules keep every other file from asking again. `FixedClock` is what simulation and tests use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


@lru_cache(maxsize=1000)
def local_date(instant: datetime, timezone_name: str) -> date:
    """The calendar date of `instant` (aware) in the IANA zone `timezone_name`."""
    return instant.astimezone(ZoneInfo(timezone_name)).date()


def local_instant(on: date, hour: int, minute: int, timezone_name: str) -> datetime:
    """The UTC instant of a local wall-clock time; in a spring-forward gap, the instant just after the gap."""
    local = datetime(on.year, on.month, on.day, hour, minute, tzinfo=ZoneInfo(timezone_name))
    return local.astimezone(UTC)
