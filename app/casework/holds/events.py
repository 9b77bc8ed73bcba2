"""Events of a hold, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.holds.rules import FOR_GOOD, EndsBy
from app.core.labels import HOLD_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter
from app.core.vocabulary import HoldKind


class _OfHold(Payload):
    __slots__ = ()

    kind: HoldKind

    def is_restricted(self) -> bool:
        """What a customer told of their circumstances is for those who work the case."""
        return self.kind is HoldKind.VULNERABLE


@dataclass(frozen=True, slots=True)
class HoldPlaced(_OfHold):
    KIND = "hold.placed"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("reason",)

    hold_id: int = field(metadata=stored_as("hold"))
    kind: HoldKind
    reason: str
    until: date
    """Its last day, or the day of its review where only a person ends it."""
    by_person: bool = False

    def present(self, reader: Reader) -> TimelineEntry:
        until = reader.day(self.until)
        ends = f"review by {until}" if self.by_person or self.kind in FOR_GOOD else f"until {until}"
        title = f"Hold placed: {HOLD_LABELS[self.kind].lower()}"
        return TimelineEntry(title, ends, "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class HoldReviewDue(_OfHold):
    """A hold that no date ends has reached its review date, or still waits for its review: a person has to look."""

    KIND = "hold.review_due"
    FILTERS = (TimelineFilter.HOLDS,)

    hold_id: int = field(metadata=stored_as("hold"))
    kind: HoldKind
    due: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Hold to review: {HOLD_LABELS[self.kind].lower()}"
        return TimelineEntry(title, f"due {reader.day(self.due)}", "warn")


@dataclass(frozen=True, slots=True)
class HoldReviewed(_OfHold):
    KIND = "hold.reviewed"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("reason",)

    hold_id: int = field(metadata=stored_as("hold"))
    kind: HoldKind
    reason: str
    until: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Hold reviewed and kept: {HOLD_LABELS[self.kind].lower()}"
        return TimelineEntry(title, f"review again by {reader.day(self.until)}", "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class HoldEnded(_OfHold):
    KIND = "hold.ended"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("reason",)

    hold_id: int = field(metadata=stored_as("hold"))
    kind: HoldKind
    reason: str = ""
    because: EndsBy = EndsBy.DECISION

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Hold ended: {HOLD_LABELS[self.kind].lower()}", quoted=self.reason)
