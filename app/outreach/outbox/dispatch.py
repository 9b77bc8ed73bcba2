"""Dispatches: messages handed to an adapter to send, and the results it answers with. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from app.core.types import Values
from app.core.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with an e-mail."""

    name: str
    content_type: str
    """As `application/pdf`."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message as an adapter gets it: worded, addressed and cleared.

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
    large_print: bool = False
    """A letter is printed in a bigger face."""
    enclosed: Dispatch | None = None
    """A letter that travels with an e-mail as PDF, as a printer would get it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message; `provider_ref` finds it again on their side."""

    provider_ref: str
    console_only: bool = field(default=False, kw_only=True)
    """There is no provider: it was printed to the console, and nothing left."""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The message can never arrive at this address; nothing was sent."""

    reason: str
    no_such_address: bool = False
    """The provider knows no such number or mailbox, so that no other message can arrive there either; False where it
    only would not take this one."""
    opted_out: bool = False
    """The provider refuses because the holder of the address told it to stop."""


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
"""Later report of a provider about a message that it took and that did not arrive."""


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
        """Close the connections kept open for the running event loop."""
        ...
