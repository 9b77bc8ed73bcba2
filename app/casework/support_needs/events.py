"""Events of support needs: the number of the need alone. What it says stands in its row, which can be forgotten; the
events, and with them a case bundle, never tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


class _OfNeed(Payload):
    __slots__ = ()

    def is_restricted(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class SupportNeedRecorded(_OfNeed):
    KIND = "arrangement.made"
    FILTERS = (TimelineFilter.HOLDS,)

    need_id: int = field(metadata=stored_as("arrangement"))

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Support need recorded", tone="info")


@dataclass(frozen=True, slots=True)
class SupportNeedReviewed(_OfNeed):
    """A person looked at the need and kept it, or the customer confirmed what another had told."""

    KIND = "arrangement.reviewed"
    FILTERS = (TimelineFilter.HOLDS,)

    need_id: int = field(metadata=stored_as("arrangement"))
    review_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            "Support need reviewed and kept", f"review again by {reader.day(self.review_on)}", "info"
        )


@dataclass(frozen=True, slots=True)
class SupportNeedEnded(_OfNeed):
    KIND = "arrangement.ended"
    FILTERS = (TimelineFilter.HOLDS,)

    need_id: int = field(metadata=stored_as("arrangement"))

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Support need ended")


@dataclass(frozen=True, slots=True)
class SupportNeedsDisclosed(Payload):
    """Somebody who does not work the case gave a reason, and saw the needs once."""

    KIND = "arrangement.disclosed"
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.CASE)
    WORDS = ("reason",)

    reason: str
    needs: tuple[int, ...]

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            "Support needs shown to somebody outside casework", quoted=self.reason, tone="warn"
        )


@dataclass(frozen=True, slots=True)
class SupportNeedsForgotten(Payload):
    """Needs that had ended were deleted when their retention ended."""

    KIND = "arrangements.forgotten"

    needs: int
    older_than: datetime
    questions: int = 0
    """Questions about words, which were deleted with them."""
