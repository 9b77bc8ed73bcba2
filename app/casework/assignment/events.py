"""Events of skills, absences, covered cases and moves of many cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter

_FILTERS = (TimelineFilter.CASE, TimelineFilter.PEOPLE)


@dataclass(frozen=True, slots=True)
class AbilitiesSet(Payload):
    """What a person can do and how much, as it is from now on."""

    KIND = "staff.abilities_set"

    username: str
    most_cases: int | None
    languages: Sequence[str]
    products: Sequence[str]
    care: Sequence[str]


@dataclass(frozen=True, slots=True)
class AbsencePlanned(Payload):
    KIND = "staff.absence_planned"

    username: str
    first_on: date
    last_on: date
    cover: str
    over_reason: str = ""
    """Why the cover gets more cases than their capacity."""


@dataclass(frozen=True, slots=True)
class AbsenceEnded(Payload):
    """An absence was called off, or ended before its last day."""

    KIND = "staff.absence_ended"

    username: str
    first_on: date
    last_on: date


@dataclass(frozen=True, slots=True)
class CaseCovered(Payload):
    """A colleague works a case while the person whose it is is absent."""

    KIND = "case.covered"
    FILTERS = _FILTERS

    owner: str
    covered_for: str

    def present(self, reader: Reader) -> TimelineEntry:
        away = reader.name(self.covered_for)
        return TimelineEntry(f"{reader.name(self.owner)} covers for {away}", "until they are back", "info")


@dataclass(frozen=True, slots=True)
class CaseReturned(Payload):
    """The person whose a case is is back."""

    KIND = "case.returned"
    FILTERS = _FILTERS

    owner: str
    cover: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Back with {reader.name(self.owner)}", f"{reader.name(self.cover)} covered")


@dataclass(frozen=True, slots=True)
class CaseMoved(Payload):
    """The case was one of many that a manager moved."""

    KIND = "case.moved"
    FILTERS = _FILTERS
    WORDS = ("reason",)

    owner: str
    was: str
    """User name of the owner until then; '' = none."""
    covered_for: str
    """The absent person whose case it stays; '' = it is the new owner's."""
    reason: str
    move_id: int = field(metadata=stored_as("move"))

    def present(self, reader: Reader) -> TimelineEntry:
        to = reader.name(self.owner)
        title = f"{to} covers for {reader.name(self.covered_for)}" if self.covered_for else f"Moved to {to}"
        return TimelineEntry(title, "with other cases", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class CaseMoveUndone(Payload):
    """A move was taken back: the case is with whom it was before."""

    KIND = "case.move_undone"
    FILTERS = _FILTERS

    owner: str
    was: str
    covered_for: str
    move_id: int = field(metadata=stored_as("move"))

    def present(self, reader: Reader) -> TimelineEntry:
        to = f"with {reader.name(self.owner)}" if self.owner else "without an owner"
        return TimelineEntry(f"Move taken back: {to} again")
