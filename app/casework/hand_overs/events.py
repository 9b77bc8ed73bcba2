"""Events of offers, hand-overs and abusive contact, and the sentence that tells each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.hand_overs.rules import (
    ANSWER_LABELS,
    CONDUCT_LABELS,
    HAND_OVER_STATES,
    ConductStep,
    HandOverKind,
    HandOverStatus,
    OfferAnswer,
)
from app.core.labels import in_sentence
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone

_FILTERS = (TimelineFilter.PEOPLE,)


@dataclass(frozen=True, slots=True)
class HelpOffered(Payload):
    """Something was offered, or the customer answered later."""

    KIND = "offer.answered"
    FILTERS = _FILTERS
    WORDS = ("note",)

    help_offer_id: int = field(metadata=stored_as("offer"))
    code: str
    label: str
    answer: OfferAnswer
    note: str = ""

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        tone: Tone = "good" if self.answer is OfferAnswer.ACCEPTED else "info"
        title = f"Offered: {self.label}"
        return TimelineEntry(title, in_sentence(ANSWER_LABELS[self.answer]), tone, quoted=self.note)


@dataclass(frozen=True, slots=True)
class HandedToDesk(Payload):
    KIND = "hand_over.handed"
    FILTERS = _FILTERS
    WORDS = ("words",)

    hand_over_id: int = field(metadata=stored_as("hand_over"))
    desk: str
    desk_name: str
    kind: HandOverKind
    due_on: date
    words: str

    def present(self, reader: Reader) -> TimelineEntry:
        more = f"to be done by {reader.day(self.due_on)}"
        return TimelineEntry(f"Handed to the desk {self.desk_name}", more, "info", quoted=self.words)


@dataclass(frozen=True, slots=True)
class HandOverMoved(Payload):
    """The desk received it, did it, or gave it back."""

    KIND = "hand_over.moved"
    FILTERS = _FILTERS
    WORDS = ("words",)

    hand_over_id: int = field(metadata=stored_as("hand_over"))
    desk_name: str
    status: HandOverStatus
    received_by: str
    words: str = ""

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = f"Desk {self.desk_name}: {in_sentence(HAND_OVER_STATES[self.status])}"
        tone: Tone = "warn" if self.status is HandOverStatus.RETURNED else "good"
        return TimelineEntry(title, f"received by {self.received_by}", tone, quoted=self.words)


@dataclass(frozen=True, slots=True)
class ConductWarned(Payload):
    """A supervisor had the warning letter written."""

    KIND = "conduct.warned_in_writing"
    FILTERS = _FILTERS
    WORDS = ("words",)

    conduct_id: int = field(metadata=stored_as("conduct"))
    words: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        return TimelineEntry("Abusive contact: warned in writing", "", "warn", quoted=self.words)


@dataclass(frozen=True, slots=True)
class ConductRecorded(Payload):
    KIND = "conduct.recorded"
    FILTERS = _FILTERS
    WORDS = ("words",)

    conduct_id: int = field(metadata=stored_as("conduct"))
    step: ConductStep
    words: str
    was_warned: bool

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        more = "after a warning" if self.was_warned else "no earlier warning"
        title = f"Abusive contact: {in_sentence(CONDUCT_LABELS[self.step])}"
        return TimelineEntry(title, more, "warn", quoted=self.words)
