"""Events of household statements. They hold no figure of a household: a timeline is never deleted, and those are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class HouseholdStated(Payload):
    """A household statement was recorded."""

    KIND = "household.stated"
    FILTERS = (TimelineFilter.PLANS,)

    statement_id: int
    taken_on: date
    review_on: date
    adviser: str = ""
    """Who drew it up, where that was an adviser."""

    def present(self, reader: Reader) -> TimelineEntry:
        whose = f", drawn up by {self.adviser}" if self.adviser else ""
        text = reader.plain(f"Of {self.taken_on.isoformat()}{whose}; review by {self.review_on.isoformat()}.")
        return TimelineEntry("Household statement recorded", text, "info")


@dataclass(frozen=True, slots=True)
class AffordabilitySaid(Payload):
    """The customer said what they can pay, or when they are paid."""

    KIND = "household.said"
    FILTERS = (TimelineFilter.PLANS,)

    answer_id: int

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Customer said what they can pay and when they are paid", "", "info")


@dataclass(frozen=True, slots=True)
class HouseholdsForgotten(Payload):
    """Statements and answers were deleted when their retention ended."""

    KIND = "household.forgotten"

    statements: int
    answers: int
    older_than: datetime


@dataclass(frozen=True, slots=True)
class GuidelinesLoaded(Payload):
    """The operator loaded an edition of guideline figures."""

    KIND = "household.guidelines"

    guideline_id: int
    categories: str
    source: str
    valid_from: date
