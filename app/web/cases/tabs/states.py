"""States of messages in words, the same on every tab of a case."""

from __future__ import annotations

from collections.abc import Mapping

from app.outreach.outbox.rules import OutboxStatus
from app.web.rendering import Tone

STATES: Mapping[OutboxStatus, tuple[str, Tone]] = {
    OutboxStatus.QUEUED: ("Waiting to leave", "neutral"),
    OutboxStatus.CLAIMED: ("Leaving now", "info"),
    OutboxStatus.SENDING: ("Leaving now", "info"),
    OutboxStatus.SENT: ("Sent", "info"),
    OutboxStatus.DELIVERED: ("Delivered", "good"),
    OutboxStatus.UNDELIVERED: ("Not delivered", "bad"),
    OutboxStatus.BOUNCED: ("Returned", "bad"),
    OutboxStatus.FAILED: ("Failed", "bad"),
    OutboxStatus.WITHHELD: ("Stopped before sending", "warn"),
    OutboxStatus.UNKNOWN: ("Perhaps sent", "warn"),
}


def state_of(status: OutboxStatus, console_only: bool) -> tuple[str, Tone]:
    """The state in words, and its tone. A message printed to the console has not left."""
    if console_only:
        return "Printed to the console", "warn"
    return STATES.get(status, (status.value.capitalize(), "neutral"))
