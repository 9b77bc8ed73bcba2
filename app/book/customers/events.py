"""Events of a customer's data and choices, and the sentence that tells each on a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.book.customers.rules import PointKind, PointSource, PointState, PointType, on_one_line
from app.core.labels import CONTACT_LABELS, POINT_LABELS, POINT_SOURCE_LABELS, POINT_TYPE_LABELS
from app.core.text import isolated
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone


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
            f"{label}: {isolated(self.from_[name]) or 'none'} → {isolated(self.to[name]) or 'none'}"
            for name, label in CONTACT_LABELS.items()
            if name in self.to
        ]
        return TimelineEntry("Contact data changed", "; ".join([*changes, self.reason]), "info")


@dataclass(frozen=True, slots=True)
class LanguageChanged(Payload):
    """The customer's own choice: files leave it alone from then on."""

    KIND = "customer.language_changed"
    FILTERS = (TimelineFilter.HOLDS,)

    from_: str
    to: str

    def present(self, reader: Reader) -> TimelineEntry:
        change = f"{reader.language(self.from_)} to {reader.language(self.to)}"
        return TimelineEntry("Chose another language", change, "info")


@dataclass(frozen=True, slots=True)
class LinksReplaced(Payload):
    """Links in earlier messages only stop messages from now on."""

    KIND = "customer.links_replaced"
    FILTERS = (TimelineFilter.HOLDS,)

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Links in earlier messages only stop messages now", "", "info")


@dataclass(frozen=True, slots=True)
class PageCheckFailed(Payload):
    """The holder of a link gave wrong answers to the identity questions; the answers are not kept."""

    KIND = "customer.page_check_failed"
    FILTERS = (TimelineFilter.HOLDS,)

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        return TimelineEntry("Wrong answers on the cardholder’s page", "The agreement was not shown.", "warn")


@dataclass(frozen=True, slots=True)
class ContactPointAdded(Payload):
    KIND = "customer.contact_point_added"
    FILTERS = (TimelineFilter.HOLDS,)

    point_id: int
    kind: PointKind
    type: PointType
    value: str
    source: PointSource
    note: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{POINT_LABELS[self.kind]} added"
        said = [
            f"{on_one_line(self.value)} ({POINT_TYPE_LABELS[self.type].lower()})",
            POINT_SOURCE_LABELS[self.source],
        ]
        return TimelineEntry(title, "; ".join(filter(None, [*said, self.note])), "info")


@dataclass(frozen=True, slots=True)
class ContactPointChanged(Payload):
    """A number or address before and after a change: state, type, work, source, main."""

    KIND = "customer.contact_point_changed"
    FILTERS = (TimelineFilter.HOLDS,)

    point_id: int
    kind: PointKind
    value: str
    from_: Mapping[str, str]
    to: Mapping[str, str]
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        state = self.to.get("state")
        title = f"{POINT_LABELS[self.kind]} changed"
        if state:
            title = f"{POINT_LABELS[self.kind]} {POINT_STATE_TITLES[state]}"
        changes = [
            f"{name}: {self.from_[name]} → {text}" for name, text in self.to.items() if name != "state"
        ]
        tone: Tone = "bad" if state == PointState.BAD else "info"
        return TimelineEntry(
            title, "; ".join([on_one_line(self.value), *changes, *filter(None, [self.reason])]), tone
        )


@dataclass(frozen=True, slots=True)
class ContactPointEnded(Payload):
    KIND = "customer.contact_point_ended"
    FILTERS = (TimelineFilter.HOLDS,)

    point_id: int
    kind: PointKind
    value: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            f"{POINT_LABELS[self.kind]} removed", f"{on_one_line(self.value)}; {self.reason}", "info"
        )


POINT_STATE_TITLES: Mapping[str, str] = {
    PointState.USABLE: "confirmed",
    PointState.BAD: "marked bad",
    PointState.UNCONFIRMED: "marked unconfirmed",
}


@dataclass(frozen=True, slots=True)
class PlaceWithheld(Payload):
    """A number or address was taken off every page. The event does not say which."""

    KIND = "place.withheld"
    FILTERS = (TimelineFilter.HOLDS,)

    kind: PointKind

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"{POINT_LABELS[self.kind]} withheld for the customer’s safety", tone="warn")

    def is_restricted(self) -> bool:
        return True
