"""Questions whether words are a complaint, or of another room: where the words stood, and how a page asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.casework.recognition.cues import Subject
from app.casework.results.rules import ContactWay


class QuestionSource(StrEnum):
    """Where the words stood."""

    MESSAGE = "message"
    CALL = "call"
    NOTE = "note"
    POST = "post"
    EMAIL = "email"
    VISIT = "visit"


SOURCE_LABELS: Mapping[QuestionSource, str] = {
    QuestionSource.MESSAGE: "A message of theirs",
    QuestionSource.CALL: "The note of a call",
    QuestionSource.NOTE: "A note",
    QuestionSource.POST: "A letter",
    QuestionSource.EMAIL: "An e-mail",
    QuestionSource.VISIT: "The note of a visit",
}
SOURCE_OF: Mapping[ContactWay, QuestionSource] = {
    ContactWay.CALL: QuestionSource.CALL,
    ContactWay.POST: QuestionSource.POST,
    ContactWay.EMAIL: QuestionSource.EMAIL,
    ContactWay.VISIT: QuestionSource.VISIT,
}
"""The source of words in a contact that was logged by hand."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a page asks whether words are of a subject."""

    question: str
    yes: str
    no: str
    name: str
    """The subject in the plural, as a tab of the list names it."""


ASKING: Mapping[Subject, Asking] = {
    Subject.COMPLAINT: Asking("Is this a complaint?", "It is a complaint", "Not a complaint", "Complaints"),
    Subject.HARDSHIP: Asking(
        "Do they ask for help with payments?", "They do: take it down", "They do not", "Help with payments"
    ),
    Subject.SUPPORT_NEED: Asking(
        "Do they need something from us?", "They do: record it", "They do not", "Support needs"
    ),
    Subject.DISPUTE: Asking("Do they dispute something?", "They do: open it", "They do not", "Disputes"),
}
ROOMS: Mapping[Subject, str] = {
    Subject.HARDSHIP: "hardship?question={}#do-request",
    Subject.SUPPORT_NEED: "support-needs?question={}#do-need",
    Subject.DISPUTE: "disputes?question={}#do-dispute",
}
"""The page of a case whose form a yes opens. A complaint is opened by the yes itself."""


def form_path(subject: Subject, case_id: int, question_id: int) -> str:
    """The address of the form that takes these words up."""
    return f"/cases/{case_id}/{ROOMS[subject].format(question_id)}"
