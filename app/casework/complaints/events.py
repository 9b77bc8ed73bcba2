"""Events of a complaint, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.complaints.models import complaint_reference
from app.casework.complaints.rules import (
    ANSWER_LABELS,
    CATEGORY_LABELS,
    COMPLAINT_CHANNEL_LABELS,
    LETTER_LABELS,
    OMBUDSMAN_LABELS,
    OUTCOME_LABELS,
    SEVERITY_LABELS,
    AnswerKind,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintOutcome,
    ComplaintSeverity,
    LetterKind,
    OmbudsmanStage,
    RedressStatus,
)
from app.core.labels import in_sentence
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone

_FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PEOPLE)


@dataclass(frozen=True, slots=True)
class ComplaintOpened(Payload):
    KIND = "complaint.opened"
    FILTERS = _FILTERS
    WORDS = ("words",)

    complaint_id: int = field(metadata=stored_as("complaint"))
    category: ComplaintCategory
    severity: ComplaintSeverity
    channel: ComplaintChannel
    words: str
    received_on: date
    answer_by: date
    citation: str
    account_id: int | None = field(default=None, metadata=stored_as("account"))

    def present(self, reader: Reader) -> TimelineEntry:
        how = in_sentence(COMPLAINT_CHANNEL_LABELS[self.channel])
        more = f"received {reader.day(self.received_on)}, {how}; answer by {reader.day(self.answer_by)}"
        title = f"Complaint {complaint_reference(self.complaint_id)}: {in_sentence(CATEGORY_LABELS[self.category])}"
        return TimelineEntry(title, more, "warn", quoted=self.words)


@dataclass(frozen=True, slots=True)
class ComplaintDenied(Payload):
    """A person says that words in which a cue was heard are no complaint."""

    KIND = "complaint.denied"
    FILTERS = _FILTERS

    question_id: int = field(metadata=stored_as("question"))
    words: str
    cues: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        return TimelineEntry("Not a complaint", f"asked because of: {self.cues}", "info", quoted=self.words)


@dataclass(frozen=True, slots=True)
class ComplaintChanged(Payload):
    """Its owner, category, severity, or the person or cause it is about was set."""

    KIND = "complaint.changed"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    category: ComplaintCategory
    severity: ComplaintSeverity
    owner: str
    about_staff: str = ""
    cause: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        said = [CATEGORY_LABELS[self.category], f"{SEVERITY_LABELS[self.severity].lower()} severity"]
        said.append(f"with {reader.name(self.owner)}" if self.owner else "without an owner")
        said += [f"cause: {self.cause}"] if self.cause else []
        title = f"Complaint {complaint_reference(self.complaint_id)} changed"
        return TimelineEntry(title, "; ".join(said), "info")


@dataclass(frozen=True, slots=True)
class ComplaintFirstResponse(Payload):
    KIND = "complaint.first_response"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    on: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"First response to complaint {complaint_reference(self.complaint_id)} on the portal"
        return TimelineEntry(title, reader.day(self.on), "good")


@dataclass(frozen=True, slots=True)
class ComplaintHeld(Payload):
    """The answer is late, and the letter that says so was written."""

    KIND = "complaint.held"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    answer_by: date
    expected_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        more = (
            f"no answer by {reader.day(self.answer_by)}; told that it comes by {reader.day(self.expected_on)}"
        )
        return TimelineEntry(
            f"Holding letter of complaint {complaint_reference(self.complaint_id)}", more, "warn"
        )


@dataclass(frozen=True, slots=True)
class ComplaintOverdue(Payload):
    KIND = "complaint.overdue"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    answer_by: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Complaint {complaint_reference(self.complaint_id)} overdue"
        return TimelineEntry(title, f"its answer was owed by {reader.day(self.answer_by)}", "bad")


@dataclass(frozen=True, slots=True)
class ComplaintLetterLost(Payload):
    """A letter of it did not reach the customer, and nothing else could take its place."""

    KIND = "complaint.letter_lost"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    letter: LetterKind
    why: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        what = in_sentence(LETTER_LABELS[self.letter])
        title = f"Complaint {complaint_reference(self.complaint_id)}: its {what} did not reach the customer"
        return TimelineEntry(title, self.why, "bad")


@dataclass(frozen=True, slots=True)
class ComplaintLetterAgain(Payload):
    """A person had a letter of it written once more."""

    KIND = "complaint.letter_again"
    FILTERS = _FILTERS

    complaint_id: int = field(metadata=stored_as("complaint"))
    letter: LetterKind

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        what = in_sentence(LETTER_LABELS[self.letter])
        title = f"Complaint {complaint_reference(self.complaint_id)}: its {what} is sent again"
        return TimelineEntry(title, "", "info")


@dataclass(frozen=True, slots=True)
class ComplaintClosed(Payload):
    KIND = "complaint.closed"
    FILTERS = _FILTERS
    WORDS = ("reasons",)

    complaint_id: int = field(metadata=stored_as("complaint"))
    kind: AnswerKind
    outcome: ComplaintOutcome
    reasons: str
    on_time: bool

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        how = ANSWER_LABELS[self.kind].lower()
        late = "" if self.on_time or self.kind is AnswerKind.WITHDRAWN else "; late"
        title = f"Complaint {complaint_reference(self.complaint_id)} closed: {OUTCOME_LABELS[self.outcome].lower()}"
        more = "" if self.kind is AnswerKind.WITHDRAWN else f"{how}{late}"
        return TimelineEntry(title, more, "good", quoted=self.reasons)


@dataclass(frozen=True, slots=True)
class ComplaintReopened(Payload):
    KIND = "complaint.reopened"
    FILTERS = _FILTERS
    WORDS = ("reason",)

    complaint_id: int = field(metadata=stored_as("complaint"))
    reason: str
    answer_by: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Complaint {complaint_reference(self.complaint_id)} reopened"
        return TimelineEntry(title, f"answer by {reader.day(self.answer_by)}", "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class OmbudsmanStageSet(Payload):
    KIND = "complaint.ombudsman"
    FILTERS = _FILTERS
    WORDS = ("note",)

    complaint_id: int = field(metadata=stored_as("complaint"))
    stage: OmbudsmanStage
    on: date
    reference: str = ""
    note: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        more = "; ".join(
            filter(None, [reader.day(self.on), self.reference and f"their reference {self.reference}"])
        )
        said = in_sentence(OMBUDSMAN_LABELS[self.stage])
        title = f"Complaint {complaint_reference(self.complaint_id)} at the ombudsman: {said}"
        return TimelineEntry(title, more, "warn", quoted=self.note)


@dataclass(frozen=True, slots=True)
class RedressDecided(Payload):
    """Redress was asked for, paid or declined."""

    KIND = "complaint.redress"
    FILTERS = (*_FILTERS, TimelineFilter.MONEY)
    WORDS = ("reason",)

    complaint_id: int = field(metadata=stored_as("complaint"))
    redress_id: int = field(metadata=stored_as("redress"))
    status: RedressStatus
    amount_minor: int
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        said = {
            RedressStatus.REQUESTED: "asked for, a manager decides",
            RedressStatus.PAID: "credited",
            RedressStatus.DECLINED: "declined",
        }[self.status]
        title = f"Redress for complaint {complaint_reference(self.complaint_id)} {said}"
        tone: Tone = "good" if self.status is RedressStatus.PAID else "info"
        return TimelineEntry(title, reader.money(self.amount_minor), tone, quoted=self.reason)
