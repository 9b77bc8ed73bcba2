"""Events of a satisfaction question: its answer, and that a customer wants none."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.casework.satisfaction.rules import DISSATISFIED_TO, SATISFIED_FROM
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone


@dataclass(frozen=True, slots=True)
class SurveyAnswered(Payload):
    """The customer answered how satisfied they are, or changed the answer."""

    KIND = "survey.answered"
    FILTERS = (TimelineFilter.PEOPLE,)
    WORDS = ("comment",)

    survey_id: int = field(metadata=stored_as("survey"))
    score: int
    comment: str
    was: int | None = None
    """The score before it was changed; None = the first answer."""

    def present(self, reader: Reader) -> TimelineEntry:
        tone: Tone = (
            "good" if self.score >= SATISFIED_FROM else "warn" if self.score <= DISSATISFIED_TO else "info"
        )
        changed = f"; it was {self.was}" if self.was is not None else ""
        title = "Satisfaction answered" if self.was is None else "Satisfaction answer changed"
        return TimelineEntry(title, f"{self.score} of 5{changed}", tone, quoted=self.comment)

    def is_restricted(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class SurveyDeclined(Payload):
    """The customer wants no questions about satisfaction any more."""

    KIND = "survey.declined"
    FILTERS = (TimelineFilter.PEOPLE,)

    survey_id: int = field(metadata=stored_as("survey"))

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Wants no satisfaction questions", "No further one is sent.", "info")
