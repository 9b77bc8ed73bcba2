"""Lookup: which message on a provider's own list an unknown attempt is, and when to look. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from app.outreach.outbox.dispatch import Failure, Misconfigured, TryLater
from app.outreach.outbox.rules import OutboxStatus


@dataclass(frozen=True, slots=True)
class ProviderMessage:
    """A message on the provider's own list."""

    provider_ref: str
    text: str
    at: datetime
    """Time at which the provider took it."""
    status: OutboxStatus
    """SENT = no more is known."""
    detail: str = ""
    failure: Failure | None = field(default=None, compare=False)
    """Reason why the message did not arrive, read off the same code, as the answer to a call would say it."""


class Lookup(Protocol):
    """A provider that can be asked what it took."""

    def find(self, to: str, *, since: datetime) -> Sequence[ProviderMessage] | TryLater | Misconfigured: ...


CLOCKS_DIFFER = timedelta(minutes=2)


CALL_TAKES = timedelta(minutes=1)
"""From when an attempt is committed to when its call has reached the provider, at the most."""


def same_message(
    found: Sequence[ProviderMessage], text: str, attempted_at: datetime
) -> list[ProviderMessage]:
    """Keep those that can be this attempt: the same words, at that time."""
    since, until = attempted_at - CLOCKS_DIFFER, attempted_at + CALL_TAKES + CLOCKS_DIFFER
    return [each for each in found if each.text == text and since <= each.at <= until]


FIRST_LOOK = timedelta(minutes=2)


LAST_LOOK = timedelta(days=1)


def look_again(unknown_since: datetime, looked_up_at: datetime | None, now: datetime) -> bool:
    """True if it is time to look a message up: two minutes after it became unknown, then each time after four times as
    long, for a day."""
    if looked_up_at is None:
        return now >= unknown_since + FIRST_LOOK
    waited = looked_up_at - unknown_since
    return waited < LAST_LOOK and now >= unknown_since + 4 * waited
