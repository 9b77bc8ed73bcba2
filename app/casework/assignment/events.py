"""Events of skills, absences and covered cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.core.timeline.payload import Payload
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
