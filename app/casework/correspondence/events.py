"""Events of a customer's message, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.casework.correspondence.rules import InboundSource, Intent
from app.core.labels import INTENT_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class MessageReceived(Payload):
    """The customer wrote to us, by SMS or on their preferences page."""

    KIND = "message.received"
    FILTERS = (TimelineFilter.PEOPLE, TimelineFilter.CONTACTS)
    WORDS = ("text",)

    message_id: int = field(metadata=stored_as("message"))
    source: InboundSource
    from_: str
    text: str
    means: tuple[Intent, ...]

    @property
    def is_reaction(self) -> bool:
        """True if it is only a button that a telephone has, pressed on a message."""
        return self.means == (Intent.REACTION,)

    def present(self, reader: Reader) -> TimelineEntry:
        by_sms = self.source is InboundSource.SMS
        title = "The customer wrote" if by_sms else "Asked for on the preferences page"
        means = ", ".join(INTENT_LABELS[intent] for intent in self.means)
        return TimelineEntry(title, means, "info", quoted=self.text)
