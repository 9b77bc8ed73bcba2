"""A no to the question whether words are a request for help, a support need or a dispute, as a timeline shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.casework.recognition.cues import Subject
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter

_TITLES: Mapping[Subject, str] = {
    Subject.HARDSHIP: "Not a request for help with payments",
    Subject.DISPUTE: "Nothing is disputed",
}


@dataclass(frozen=True, slots=True)
class WordsDenied(Payload):
    """A person looked at words and said what they are not. The words stand on the question, which can be forgotten."""

    KIND = "question.denied"
    FILTERS = (TimelineFilter.PEOPLE,)

    question_id: int = field(metadata=stored_as("question"))
    about: Subject | None = None
    """None where the subject itself would tell of the customer's circumstances."""

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = _TITLES.get(self.about, "") if self.about else ""
        return TimelineEntry(title or "Words were looked at: nothing to record")

    def is_restricted(self) -> bool:
        return True
