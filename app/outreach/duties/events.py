"""Events of duties, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter
from app.policy.kinds.duty import DutyEvent


@dataclass(frozen=True, slots=True)
class DutyArose(Payload):
    """A letter is owed from now on."""

    KIND = "duty.arose"
    FILTERS = (TimelineFilter.CONTACTS,)

    duty_id: int = field(metadata=stored_as("duty"))
    rule: str
    citation: str
    event: DutyEvent
    letter: str
    due: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Letter owed: {self.letter.replace('_', ' ')}"
        return TimelineEntry(title, f"by {reader.day(self.due)}; {self.citation}", "info")


@dataclass(frozen=True, slots=True)
class DutyOverdue(Payload):
    """The last day of a duty is over, and the letter has not left."""

    KIND = "duty.overdue"
    FILTERS = (TimelineFilter.CONTACTS,)

    duty_id: int = field(metadata=stored_as("duty"))
    rule: str
    letter: str
    due: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Letter overdue: {self.letter.replace('_', ' ')}"
        return TimelineEntry(title, f"was owed by {reader.day(self.due)}", "bad")


@dataclass(frozen=True, slots=True)
class DutyEnded(Payload):
    """The letter left, or nothing is owed any more."""

    KIND = "duty.ended"
    FILTERS = (TimelineFilter.CONTACTS,)

    duty_id: int = field(metadata=stored_as("duty"))
    rule: str
    letter: str
    met: bool
    why: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        said = "Owed letter sent" if self.met else "Letter no longer owed"
        return TimelineEntry(
            f"{said}: {self.letter.replace('_', ' ')}", self.why, "good" if self.met else "info"
        )
