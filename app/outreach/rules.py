"""The outbox's states and what an adapter is handed and answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from app.timeline.rules import Channel


class Destination(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    LEGAL_DESK = "legal_desk"


def to_ask(past_due: int, balance: int) -> int:
    """What a message may ask for on one account: past due, but never more than is owed. Credits that did not
    count toward a minimum can leave a balance below the unpaid minimums."""
    return max(0, min(past_due, balance))


class OutboxStatus(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


TRANSITIONS: Mapping[OutboxStatus, frozenset[OutboxStatus]] = {
    OutboxStatus.QUEUED: frozenset({OutboxStatus.CLAIMED, OutboxStatus.WITHHELD}),
    OutboxStatus.CLAIMED: frozenset({OutboxStatus.SENDING, OutboxStatus.QUEUED, OutboxStatus.WITHHELD}),
    OutboxStatus.SENDING: frozenset(
        {
            OutboxStatus.SENT,
            OutboxStatus.FAILED,
            OutboxStatus.UNKNOWN,
            OutboxStatus.QUEUED,
            OutboxStatus.UNDELIVERED,
        }
    ),
    OutboxStatus.SENT: frozenset({OutboxStatus.DELIVERED, OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED}),
    OutboxStatus.UNKNOWN: frozenset({OutboxStatus.SENT, OutboxStatus.FAILED}),
    OutboxStatus.DELIVERED: frozenset({OutboxStatus.BOUNCED}),
    OutboxStatus.UNDELIVERED: frozenset(),
    OutboxStatus.BOUNCED: frozenset(),
    OutboxStatus.FAILED: frozenset(),
    OutboxStatus.WITHHELD: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with an e-mail."""

    name: str
    content_type: str
    """As `application/pdf`."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message as an adapter gets it: everything already worded, addressed and cleared.

    `to` is an E.164 number (sms), an address (email) or the postal lines joined by newline (post).
    `key` is the outbox row's unique key; `attempt_id` is new for every attempt.
    """

    key: str
    attempt_id: str
    channel: Channel
    to: str
    recipient_name: str
    language: str
    letter: str
    text: str
    business_date: date
    sender_name: str
    subject: str = ""
    html: str = ""
    reference: str = ""
    unsubscribe_url: str = ""
    status_callback_url: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; `provider_ref` finds it again on their side."""

    provider_ref: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """It can never arrive at this address; nothing was sent."""

    reason: str
    no_such_address: bool = False
    """The provider knows no such number or mailbox, so that no other message can arrive there either; False where it
    only would not take this one."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Certainly not sent, may work later (rate limit, connection refused)."""

    reason: str
    after_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Certainly not sent, and no message on this channel will be until a person acts (wrong credentials)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may or may not have been sent (the answer was lost). Never sent again without a person or a lookup."""

    reason: str


Outcome = Accepted | Undeliverable | TryLater | Misconfigured | Uncertain


class Sender(Protocol):
    """What an adapter for a channel offers. Must not raise for anything a network or provider can do."""

    def send(self, dispatch: Dispatch) -> Outcome: ...
