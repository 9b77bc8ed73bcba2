"""Sign-in: refusals, throttling after failures, and how long a session lives. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class LoginRefusal(StrEnum):
    UNKNOWN = "unknown"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
    INACTIVE = "inactive"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """`reason` is for the record; the person who signs in only learns to try again, or how long to wait."""

    reason: LoginRefusal
    wait_seconds: int = 0


THROTTLE_WINDOW = timedelta(minutes=15)
FAILURES_PER_USERNAME = 5
FAILURES_PER_CLIENT = 20
"""Higher than for one name: an office shares an address."""


def throttle_seconds(
    username_failures: Sequence[datetime], client_failures: Sequence[datetime], now: datetime
) -> int:
    """Seconds to wait before the next try, 0 if none. Failures come newest first; old ones may be left in."""
    wait = timedelta(0)
    for failures, limit in (
        (username_failures, FAILURES_PER_USERNAME),
        (client_failures, FAILURES_PER_CLIENT),
    ):
        if len(failures) >= limit:
            # The limit-th newest failure leaves the window first; then one try is free again.
            wait = max(wait, failures[limit - 1] + THROTTLE_WINDOW - now)
    return max(0, -(-int(wait.total_seconds() * 1000) // 1000))


SESSION_IDLE = timedelta(minutes=60)
"""A negotiation on the telephone can leave the page untouched for half an hour."""
TOUCH_EVERY = timedelta(seconds=60)
"""Precision of `last_seen_at`: writing it on every request would make every page view a write."""


def session_alive(
    *, now: datetime, last_seen_at: datetime, expires_at: datetime, ended_at: datetime | None
) -> bool:
    return ended_at is None and now < expires_at and now < last_seen_at + SESSION_IDLE
