"""Events of escalations, and the sentence that tells each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.escalations.rules import REASON_LABELS, STATUS_LABELS, EscalationReason, EscalationStatus
from app.core.labels import in_sentence
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone

_FILTERS = (TimelineFilter.PEOPLE,)


@dataclass(frozen=True, slots=True)
class EscalationAsked(Payload):
    KIND = "escalation.asked"
    FILTERS = _FILTERS
    WORDS = ("words",)

    escalation_id: int = field(metadata=stored_as("escalation"))
    reason: EscalationReason
    words: str
    due_on: date
    is_waiting: bool

    def present(self, reader: Reader) -> TimelineEntry:
        more = f"{in_sentence(REASON_LABELS[self.reason])}; answer by {reader.day(self.due_on)}"
        on_line = ", the customer waits on the line" if self.is_waiting else ""
        return TimelineEntry("Supervisor asked", more + on_line, "warn", quoted=self.words)


@dataclass(frozen=True, slots=True)
class EscalationTaken(Payload):
    """A supervisor looks at it."""

    KIND = "escalation.taken"
    FILTERS = _FILTERS

    escalation_id: int = field(metadata=stored_as("escalation"))

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        return TimelineEntry("A supervisor looks at it", "", "info")


@dataclass(frozen=True, slots=True)
class EscalationEnded(Payload):
    """A supervisor answered, gave an instruction or took the case over; or who asked needs no answer any more."""

    KIND = "escalation.ended"
    FILTERS = _FILTERS
    WORDS = ("answer",)

    escalation_id: int = field(metadata=stored_as("escalation"))
    status: EscalationStatus
    answer: str = ""

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        tone: Tone = "neutral" if self.status is EscalationStatus.WITHDRAWN else "good"
        title = f"Supervisor: {in_sentence(STATUS_LABELS[self.status])}"
        return TimelineEntry(title, "", tone, quoted=self.answer)
