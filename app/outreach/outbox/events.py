"""Events of a cleared message, of channels and of print batches, and how a timeline tells each."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence, words
from app.outreach.outbox.rules import Destination

# --- messages -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageEvent(Payload):
    """The fields of every event about a message."""

    FILTERS = (TimelineFilter.CONTACTS,)

    message_id: int = field(metadata=stored_as("message"))
    letter: str

    @property
    def title(self) -> str:
        return sentence(words(self.letter))


@dataclass(frozen=True, slots=True)
class ContactSent(MessageEvent):
    """The provider accepted it; caps count these events."""

    KIND = "contact.sent"

    to: str
    provider_ref: str | None = None
    template_version: str | None = None
    known_by: str | None = None
    """Proof of it, where the provider's answer was lost."""
    resolved_by: str | None = None
    """The person who found out."""

    def present(self, reader: Reader) -> TimelineEntry:
        address = self.to.replace("\n", ", ")
        body = "; ".join(filter(None, (self.title, f"to {address}" if address else "")))
        return TimelineEntry(f"{sentence(reader.channel)} sent", body, "info", message_id=self.message_id)


@dataclass(frozen=True, slots=True)
class ContactConsoleOnly(MessageEvent):
    """Printed to the console instead of being sent: nothing left."""

    KIND = "contact.console_only"

    to: str
    provider_ref: str | None = None
    template_version: str | None = None

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{sentence(reader.channel)} printed to the console"
        return TimelineEntry(title, f"{self.title}; nothing left", "warn", message_id=self.message_id)


@dataclass(frozen=True, slots=True)
class ContactDelivered(MessageEvent):
    KIND = "contact.delivered"

    detail: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"{sentence(reader.channel)} delivered", self.title, "good")


@dataclass(frozen=True, slots=True)
class ContactFailed(MessageEvent):
    KIND = "contact.failed"

    error: str | None = None
    detail: str | None = None
    """Report of the provider."""
    to: str | None = None
    resolved_by: str | None = None
    """The person who found out."""

    def present(self, reader: Reader) -> TimelineEntry:
        why = sentence(self.error or self.detail)
        return TimelineEntry(f"{sentence(reader.channel)} did not arrive", why, "bad")


@dataclass(frozen=True, slots=True)
class ContactUnknown(MessageEvent):
    KIND = "contact.unknown"

    error: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{sentence(reader.channel)}: nobody knows whether it left"
        return TimelineEntry(title, sentence(self.error), "warn")


@dataclass(frozen=True, slots=True)
class RepresentativeLetter(Payload):
    """A letter to a customer's representative moved on. It is no contact with the customer: no cap counts it."""

    KIND = "representative.letter"
    FILTERS = (TimelineFilter.PEOPLE,)

    name: str
    letter: str
    state: str
    """`queued`, `sent`, `printed`, `delivered`, `failed`, `unknown`, `withheld`, or `not written`."""
    to: str = ""
    detail: str = ""
    message_id: int = field(default=0, metadata=stored_as("message"))
    """0 = there is none."""
    provider_ref: str = ""
    template_version: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        tone: Tone = (
            "good" if self.state == "delivered" else "info" if self.state in ("queued", "sent") else "warn"
        )
        body = "; ".join(filter(None, (sentence(words(self.letter)), self.to, self.detail)))
        return TimelineEntry(
            f"Letter to {self.name}: {self.state}", body, tone, message_id=self.message_id or None
        )


def to_representative(payload: Payload, name: str) -> RepresentativeLetter:
    """An event of a message, told of a letter to a representative. TypeError for what is no event of a message."""
    match payload:
        case ContactSent() | ContactConsoleOnly():
            state = "sent" if isinstance(payload, ContactSent) else "printed"
            told = getattr(payload, "known_by", None) or getattr(payload, "resolved_by", None) or ""
            return RepresentativeLetter(
                name, payload.letter, state, payload.to, told, payload.message_id, payload.provider_ref or "",
                payload.template_version or "",
            )  # fmt: skip
        case ContactDelivered():
            return RepresentativeLetter(
                name, payload.letter, "delivered", "", payload.detail, payload.message_id
            )
        case ContactFailed():
            why = payload.error or payload.detail or ""
            return RepresentativeLetter(name, payload.letter, "failed", "", why, payload.message_id)
        case ContactUnknown():
            return RepresentativeLetter(
                name, payload.letter, "unknown", "", payload.error, payload.message_id
            )
    raise TypeError(f"{type(payload).__name__} is no event of a message")


# --- channels and batches -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelStopped(Payload):
    KIND = "channel.stopped"

    destination: Destination
    reason: str


@dataclass(frozen=True, slots=True)
class ChannelStarted(Payload):
    KIND = "channel.started"

    destination: Destination


@dataclass(frozen=True, slots=True)
class PrintBatchEnded(Payload):
    """A batch was printed, failed, or was handed to the print service."""

    KIND = "print.batch_ended"

    batch: str
    status: str
    sha256: str
    letters: int | None = None
    pages: int | None = None
    error: str | None = None
