"""Events of a message that was dealt with, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.casework.correspondence.rules import ReviewOutcome
from app.core.labels import REVIEW_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class MessageReviewed(Payload):
    KIND = "message.reviewed"
    FILTERS = (TimelineFilter.PEOPLE,)

    message_id: int = field(metadata=stored_as("message"))
    outcome: ReviewOutcome

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Message dealt with: {REVIEW_LABELS[self.outcome].lower()}")
