"""Events of requests for help with payments, and the sentence that tells each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from app.casework.hardship.rules import DocumentState, HardshipStatus, HardshipWay
from app.core.labels import HARDSHIP_LABELS, HARDSHIP_REASON_LABELS, REFUSAL_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone

_TONES: dict[HardshipStatus, Tone] = {HardshipStatus.GRANTED: "good", HardshipStatus.REFUSED: "bad"}


@dataclass(frozen=True, slots=True)
class HardshipRequested(Payload):
    KIND = "hardship.requested"
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PLANS)
    WORDS = ("note",)

    request_id: int = field(metadata=stored_as("request"))
    way: HardshipWay
    reasons: tuple[str, ...]
    received_on: date
    answer_by: date
    note: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        why = ", ".join(HARDSHIP_REASON_LABELS[each].lower() for each in self.reasons)
        said = f"{why}; to be answered by {reader.day(self.answer_by)}"
        return TimelineEntry("Asked for help with payments", said, "warn", quoted=self.note)

    def is_restricted(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class HardshipDocumentNoted(Payload):
    """Something was asked of the customer, came, or does not show enough."""

    KIND = "hardship.document"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("what", "lacking")

    request_id: int = field(metadata=stored_as("request"))
    what: str
    state: DocumentState
    answer_by: date
    document: int | None = None
    lacking: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Help with payments: {self.what} {self.state.value}"
        return TimelineEntry(title, f"to be answered by {reader.day(self.answer_by)}", quoted=self.lacking)

    def is_restricted(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class HardshipDecided(Payload):
    KIND = "hardship.decided"
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PLANS)
    WORDS = ("words",)

    request_id: int = field(metadata=stored_as("request"))
    decision: HardshipStatus
    until: date | None = None
    refusals: tuple[str, ...] = ()
    words: str = ""
    plan: int | None = None

    def present(self, reader: Reader) -> TimelineEntry:
        said = [REFUSAL_LABELS[each].lower() for each in self.refusals]
        said += [f"until {reader.day(self.until)}"] if self.until else []
        title = f"Help with payments: {HARDSHIP_LABELS[self.decision].lower()}"
        return TimelineEntry(title, "; ".join(said), _TONES.get(self.decision, "info"), quoted=self.words)


@dataclass(frozen=True, slots=True)
class HardshipForgotten(Payload):
    """Requests that were decided were deleted when their retention ended."""

    KIND = "hardship.forgotten"

    requests: int
    older_than: datetime
    questions: int = 0
    """Questions about words, which were deleted with them."""
