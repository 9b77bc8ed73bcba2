"""Events of a matter with the lawyers, and the sentence that tells each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter
from app.legal.matters.rules import REPORT_LABELS, ReportKind


@dataclass(frozen=True, slots=True)
class LegalReported(Payload):
    KIND = "legal.reported"
    FILTERS = (TimelineFilter.CASE,)
    WORDS = ("court", "court_reference", "note")

    referral_id: int = field(metadata=stored_as("referral"))
    kind: ReportKind
    on: date
    court: str = ""
    court_reference: str = ""
    amount_minor: int | None = None
    note: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        awarded = "" if self.amount_minor is None else f"{reader.money(self.amount_minor)} awarded"
        more = ", ".join(filter(None, (reader.day(self.on), self.court, self.court_reference, awarded)))
        return TimelineEntry(REPORT_LABELS[self.kind], more, "info", quoted=self.note)


@dataclass(frozen=True, slots=True)
class LegalAsked(Payload):
    KIND = "legal.asked"
    FILTERS = (TimelineFilter.CASE,)
    WORDS = ("question",)

    question_id: int = field(metadata=stored_as("legal_question"))
    to_legal: bool
    question: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = "Collections asks the legal team" if self.to_legal else "The legal team asks collections"
        return TimelineEntry(title, "", "info", quoted=self.question)


@dataclass(frozen=True, slots=True)
class LegalAnswered(Payload):
    KIND = "legal.answered"
    FILTERS = (TimelineFilter.CASE,)
    WORDS = ("answer",)

    question_id: int = field(metadata=stored_as("legal_question"))
    to_legal: bool
    answer: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = "The legal team answers" if self.to_legal else "Collections answers the legal team"
        return TimelineEntry(title, "", "info", quoted=self.answer)
