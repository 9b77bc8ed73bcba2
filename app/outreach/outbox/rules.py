"""Outbox rules: the states of a message, what an adapter is handed, and what it answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from app.core.types import Values
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.facts import Hold


class Destination(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    LEGAL_DESK = "legal_desk"


def unreachable(portfolio_code: str) -> str:
    """Error text for a portfolio that gives customers neither a telephone number nor an e-mail address."""
    return (
        f"Portfolio {portfolio_code} has no telephone number and no e-mail address for customers to answer to: no "
        f"letter leaves. Set one with: desk portfolio set {portfolio_code} contact-phone=..."
    )


ANSWER_LETTER = "sms_answer"
"""A customer's own SMS answered in free words."""


def purpose_of_answer(holds: Sequence[Hold]) -> Purpose:
    """What the gate is asked of an answer in free words. They may ask for money, so that to somebody who disputes the
    debt they count as a reminder; to anybody else they answer what they wrote."""
    return Purpose.REMINDER if any(hold.kind is HoldKind.DISPUTE for hold in holds) else Purpose.CONFIRMATION


MOVED = "the customer's address has changed since it was written"
"""Why a message is withheld that goes to its reader's new address instead (`planning/fallback.py`)."""


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


# Whatever stands here, what the provider says it took is `sent`: also if we had read its answer, or a person its list,
# as a no, and even while the message waits for its next attempt.
TRANSITIONS: Mapping[OutboxStatus, frozenset[OutboxStatus]] = {
    OutboxStatus.QUEUED: frozenset({OutboxStatus.CLAIMED, OutboxStatus.WITHHELD, OutboxStatus.SENT}),
    OutboxStatus.CLAIMED: frozenset(
        {OutboxStatus.SENDING, OutboxStatus.QUEUED, OutboxStatus.WITHHELD, OutboxStatus.SENT}
    ),
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
    OutboxStatus.FAILED: frozenset({OutboxStatus.SENT}),
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
    line: str = ""
    """Our own number or name to send from; '' = the adapter's only one."""
    not_after: datetime | None = None
    """The provider must not let it leave later than that."""
    context: Values = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    enclosed: Dispatch | None = None
    """A letter that travels with an e-mail as PDF, as a printer would get it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; `provider_ref` finds it again on their side."""

    provider_ref: str
    simulated: bool = field(default=False, kw_only=True)
    """There is no provider: it was printed to the console, and nothing left."""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """It can never arrive at this address; nothing was sent."""

    reason: str
    no_such_address: bool = False
    """The provider knows no such number or mailbox, so that no other message can arrive there either; False where it
    only would not take this one."""
    opted_out: bool = False
    """The provider refuses because whoever has the address told it to stop."""


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


@dataclass(frozen=True, slots=True)
class NotDispatched:
    """The provider was not asked: the channel was stopped, or the permission had grown old. No adapter returns it."""

    reason: str


SendResult = Accepted | Undeliverable | TryLater | Misconfigured | Uncertain | NotDispatched
Failure = Undeliverable | Misconfigured
"""What a provider reports later of a message that it took and that did not arrive."""


class Sender(Protocol):
    """An adapter for a channel. It must not raise for anything a network or provider can do."""

    def send(self, dispatch: Dispatch) -> SendResult:
        """May be called by several threads at once, by as many as its transport has in flight."""
        ...


@runtime_checkable
class AsyncSender(Protocol):
    """An adapter for a channel that makes many requests at once on an event loop."""

    async def send(self, dispatch: Dispatch) -> SendResult: ...

    async def disconnect(self) -> None:
        """Close what is kept open for the running event loop."""
        ...


# --- looking up -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A message on the provider's own list."""

    provider_ref: str
    text: str
    at: datetime
    """When the provider took it."""
    status: OutboxStatus
    """SENT = no more is known."""
    detail: str = ""
    failure: Failure | None = field(default=None, compare=False)
    """Why it did not arrive, read off the same code, as the answer to a call would say it."""


class Lookup(Protocol):
    """A provider that can be asked what it took."""

    def find(self, to: str, *, since: datetime) -> Sequence[Found] | TryLater | Misconfigured: ...


CLOCKS_DIFFER = timedelta(minutes=2)
CALL_TAKES = timedelta(minutes=1)
"""From when an attempt is committed to when its call has reached the provider, at the most."""


def same_message(found: Sequence[Found], text: str, attempted_at: datetime) -> list[Found]:
    """Keep those that can be this attempt: the same words, at that time."""
    since, until = attempted_at - CLOCKS_DIFFER, attempted_at + CALL_TAKES + CLOCKS_DIFFER
    return [each for each in found if each.text == text and since <= each.at <= until]


FIRST_LOOK = timedelta(minutes=2)
LAST_LOOK = timedelta(days=1)


def look_again(unknown_since: datetime, looked_up_at: datetime | None, now: datetime) -> bool:
    """Whether it is time to look a message up: two minutes after it became unknown, then each time after four times as
    long, for a day."""
    if looked_up_at is None:
        return now >= unknown_since + FIRST_LOOK
    waited = looked_up_at - unknown_since
    return waited < LAST_LOOK and now >= unknown_since + 4 * waited


MAX_ATTEMPTS = 8
LONGEST_WAIT = timedelta(hours=2)


def retry_wait(after_seconds: int, attempts: int) -> timedelta:
    """Wait after so many attempts: as long as the provider asked for, and twice as long each time, up to
    two hours."""
    told = timedelta(seconds=after_seconds)
    return max(told, min(told * float(2 ** (attempts - 1)), LONGEST_WAIT))


# --- pace -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of one of our numbers or servers: so many units a second (segments of SMS, e-mails)."""

    units_per_second: float
    units: Callable[[str], int] = lambda _text: 1
    """Of a message's text."""

    def admit(self, caught_up_at: datetime, units: int, now: datetime) -> datetime | None:
        """When the sender will have caught up if these leave now; None = not now. A sender may be BURST ahead of its
        rate: workers look every few seconds, and the provider spreads what little there is."""
        start = max(caught_up_at, now)
        if start - now >= BURST:
            return None
        return start + timedelta(seconds=units / self.units_per_second)


BURST = timedelta(seconds=10)


class Paper(Protocol):
    """Shows how a letter looks on paper. Raises Invalid for one that cannot be printed."""

    def pdf(self, dispatch: Dispatch) -> bytes: ...

    def pictures(self, dispatch: Dispatch) -> list[bytes]:
        """Its pages as PNG."""
        ...


# --- the print batch ------------------------------------------------------------------------------------------


class BatchStatus(StrEnum):
    MAKING = "making"
    """Nothing is to be seen outside."""
    PUBLISHING = "publishing"
    """Complete and on the disk; from here on it can only be published."""
    PUBLISHED = "published"
    ABANDONED = "abandoned"
    """Never published; its letters went back to the queue."""
    LOST = "lost"
    """It was to be published, and the print folder knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One letter for the print batch, with what it is sorted by."""

    dispatch: Dispatch
    country: str
    postcode: str


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    """A batch that is complete and not published yet."""

    letters: int
    pages: int
    sha256: str
    """Of the PDF; '' if there is no letter in it."""
    refused: Mapping[str, str]
    """Key -> why that letter cannot be printed."""


class HandoffStatus(StrEnum):
    """A published batch on its way to the print service's server."""

    NONE = "none"
    """Nobody wants it there."""
    WAITING = "waiting"
    UPLOADED = "uploaded"
    """There, whole, under names that nobody takes; from here on it can only be given its own."""
    DROPPED = "dropped"


class HandoffFailed(Exception):
    """What was asked for was not done; it may be asked for again. `reason` names no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PrintService(Protocol):
    """The print service that takes published batches. Both verbs raise HandoffFailed."""

    def upload(self, batch: str) -> None:
        """Put it there whole, under names that nobody takes; again replaces it. Refuses one that has its names."""
        ...

    def name(self, batch: str) -> None:
        """Give what was uploaded its names. Whatever is there no more under the first had its own already."""
        ...


class PressDown(Exception):
    """No batch could be made, and none was published."""

    def __init__(self, outcome: TryLater | Misconfigured) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Press(Protocol):
    """Makes a day's letters into one batch. Batches are named `<day>/batch-<number>`."""

    def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
        """Everything but the name under which others find it. Raises PressDown."""
        ...

    def publish(self, batch: str) -> bool:
        """Show it, once and for all; again does nothing. False if there is no such batch. Raises OSError."""
        ...

    def discard(self, batch: str) -> None: ...

    def manifest(self, batch: str) -> Mapping[str, int]:
        """Key -> piece number of a published batch. Raises OSError."""
        ...


# --- links that open a customer's page ------------------------------------------------------------------------

LINK_GONE = "[personal link removed]"
_BEARER_LINK = re.compile(
    r"(?:https?://[^\s\"'<>]{0,300}?)?/u/[0-9]{1,18}\.[a-z]{3,5}\.[0-9]{1,18}w[0-9]{1,6}\.[0-9A-Za-z_-]{10,40}"
    r"(?:/[a-z]{1,20})?"
)


def redact_links(text: str) -> str:
    """Remove the link to the reader's own page: its holder can act in the reader's name."""
    return _BEARER_LINK.sub(LINK_GONE, text) if "/u/" in text else text
