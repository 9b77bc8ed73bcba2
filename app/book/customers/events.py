"""Events of a customer's data and choices, and the sentence that tells each on a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.labels import CONTACT_LABELS
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class CustomerChanged(Payload):
    """Contact data (`CONTACT_LABELS`) before and after."""

    KIND = "customer.changed"
    FILTERS = (TimelineFilter.HOLDS,)

    from_: Mapping[str, str]
    to: Mapping[str, str]
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        changes = [
            f"{label}: {self.from_[name] or 'none'} → {self.to[name] or 'none'}"
            for name, label in CONTACT_LABELS.items()
            if name in self.to
        ]
        return TimelineEntry("Contact data changed", "; ".join([*changes, self.reason]), "info")


@dataclass(frozen=True, slots=True)
class LanguageChanged(Payload):
    KIND = "customer.language_changed"
    FILTERS = (TimelineFilter.HOLDS,)

    from_: str
    to: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Chose another language", f"{self.from_} to {self.to}", "info")


@dataclass(frozen=True, slots=True)
class LinksReplaced(Payload):
    """Links in earlier messages only stop messages from now on."""

    KIND = "customer.links_replaced"
    FILTERS = (TimelineFilter.HOLDS,)

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Links in earlier messages only stop messages now", "", "info")
