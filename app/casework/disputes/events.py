"""Events of a dispute, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.casework.disputes.models import dispute_reference
from app.casework.disputes.rules import (
    KIND_LABELS,
    OUTCOME_LABELS,
    DisputeKind,
    DisputeOutcome,
    EvidenceState,
    ReceivedAs,
)
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class DisputeOpened(Payload):
    KIND = "dispute.opened"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("words",)

    dispute_id: int = field(metadata=stored_as("dispute"))
    kind: DisputeKind
    received_on: date
    received_as: ReceivedAs
    answer_by: date
    words: str
    amount_minor: int | None = None
    account: str = ""
    """Reference of the account; '' = all of them."""
    hold_id: int | None = field(default=None, metadata=stored_as("hold"))

    def present(self, reader: Reader) -> TimelineEntry:
        what = KIND_LABELS[self.kind].lower()
        amount = f", {reader.money(self.amount_minor)} not asked for" if self.amount_minor else ""
        title = f"Dispute {dispute_reference(self.dispute_id)}: {what}"
        detail = f"{self.received_as.value}, answer by {reader.day(self.answer_by)}{amount}"
        return TimelineEntry(title, detail, "warn", quoted=self.words)


@dataclass(frozen=True, slots=True)
class DisputeChanged(Payload):
    """A dispute is about something else than was first understood."""

    KIND = "dispute.changed"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("reason",)

    dispute_id: int = field(metadata=stored_as("dispute"))
    kind: DisputeKind
    answer_by: date
    reason: str
    amount_minor: int | None = None
    account: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        amount = f"{reader.money(self.amount_minor)} not asked for" if self.amount_minor else "everything"
        title = f"Dispute {dispute_reference(self.dispute_id)} is about: {KIND_LABELS[self.kind].lower()}"
        return TimelineEntry(title, f"{amount}, answer by {reader.day(self.answer_by)}", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class DisputeAssigned(Payload):
    KIND = "dispute.assigned"
    FILTERS = (TimelineFilter.HOLDS,)

    dispute_id: int = field(metadata=stored_as("dispute"))
    owner: str

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = f"Dispute {dispute_reference(self.dispute_id)} belongs to {self.owner or 'nobody'}"
        return TimelineEntry(title)


@dataclass(frozen=True, slots=True)
class EvidenceAsked(Payload):
    KIND = "dispute.evidence_asked"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("what",)

    dispute_id: int = field(metadata=stored_as("dispute"))
    evidence_id: int = field(metadata=stored_as("evidence"))
    what: str
    due_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Evidence asked for: dispute {dispute_reference(self.dispute_id)}"
        return TimelineEntry(title, f"by {reader.day(self.due_on)}", quoted=self.what)


@dataclass(frozen=True, slots=True)
class EvidenceJudged(Payload):
    KIND = "dispute.evidence_judged"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("what", "note")

    dispute_id: int = field(metadata=stored_as("dispute"))
    evidence_id: int = field(metadata=stored_as("evidence"))
    what: str
    state: EvidenceState
    document_id: int | None = field(default=None, metadata=stored_as("document"))
    note: str = ""

    def present(self, reader: Reader) -> TimelineEntry:  # noqa: ARG002
        title = f"Evidence {self.state.value}: dispute {dispute_reference(self.dispute_id)}"
        return TimelineEntry(title, self.what, quoted=self.note)


@dataclass(frozen=True, slots=True)
class DisputeDecided(Payload):
    KIND = "dispute.decided"
    FILTERS = (TimelineFilter.HOLDS,)
    WORDS = ("explanation",)

    dispute_id: int = field(metadata=stored_as("dispute"))
    kind: DisputeKind
    outcome: DisputeOutcome
    explanation: str
    conceded_minor: int = 0
    correction: str = ""
    """Reference of the entry that corrects the ledger; '' = none."""
    awaits_correction: bool = False
    pay_by: date | None = None
    charges_credited_minor: int = 0
    """Interest and late fees on it."""
    charges_made_minor: int = 0

    def present(self, reader: Reader) -> TimelineEntry:
        parts = [f"{reader.money(self.conceded_minor)} conceded"] if self.conceded_minor else []
        if self.charges_credited_minor:
            parts.append(f"{reader.money(self.charges_credited_minor)} of interest and late fees credited")
        if self.charges_made_minor:
            parts.append(f"{reader.money(self.charges_made_minor)} of interest charged on the rest")
        parts += ["the creditor posts it"] if self.awaits_correction else []
        parts += [f"the rest is to be paid by {reader.day(self.pay_by)}"] if self.pay_by else []
        title = f"Dispute {dispute_reference(self.dispute_id)}: {OUTCOME_LABELS[self.outcome].lower()}"
        return TimelineEntry(title, ", ".join(parts), "info", quoted=self.explanation)


@dataclass(frozen=True, slots=True)
class DisputeReleased(Payload):
    """A sum that was left out is asked for again, or stands in the ledger by now."""

    KIND = "dispute.released"
    FILTERS = (TimelineFilter.HOLDS,)

    dispute_id: int = field(metadata=stored_as("dispute"))
    amount_minor: int
    why: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Dispute {dispute_reference(self.dispute_id)}: {reader.money(self.amount_minor)} no longer left out"
        return TimelineEntry(title, self.why)
