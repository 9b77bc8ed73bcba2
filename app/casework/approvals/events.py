"""Events of requests that a manager decides, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.casework.approvals.rules import AGREEMENTS, APPROVAL_LABELS, ApprovalKind
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone


@dataclass(frozen=True, slots=True)
class ApprovalEvent(Payload):
    """Base of the events of a request."""

    FILTERS = (TimelineFilter.PLANS, TimelineFilter.CASE)
    WORDS = ("text",)

    request_id: int = field(metadata=stored_as("request"))
    kind: ApprovalKind
    amount_minor: int
    owed_minor: int
    to: str
    text: str
    """The reason of the request, or the note of its answer."""
    is_skip: bool = False
    """About a payment that is to be skipped, not about an agreement."""

    def told(self, reader: Reader, verb: str, tone: Tone) -> TimelineEntry:
        what = f"a {APPROVAL_LABELS[self.kind].lower()}"
        if self.is_skip:
            what = f"the skip of a payment of {reader.money(self.amount_minor)}"
        elif self.kind is ApprovalKind.HAND_OVER:
            what = f"{what} to {reader.name(self.to)}"
        elif self.kind is ApprovalKind.SETTLEMENT:
            what = f"{what} of {reader.money(self.amount_minor)} on {reader.money(self.owed_minor)}"
        elif self.kind in AGREEMENTS or self.kind is ApprovalKind.GOODWILL:
            what = f"{what} of {reader.money(self.amount_minor)}"
        elif self.kind is ApprovalKind.DISPUTE:
            what = f"{what} that concedes {reader.money(self.amount_minor)}"
        return TimelineEntry(f"Request for {what} {verb}", "", tone, quoted=self.text)


@dataclass(frozen=True, slots=True)
class ApprovalAsked(ApprovalEvent):
    KIND = "approval.asked"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "sent to a manager", "info")


@dataclass(frozen=True, slots=True)
class ApprovalGranted(ApprovalEvent):
    KIND = "approval.granted"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "approved", "good")


@dataclass(frozen=True, slots=True)
class ApprovalDeclined(ApprovalEvent):
    KIND = "approval.declined"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "declined", "warn")


@dataclass(frozen=True, slots=True)
class ApprovalWithdrawn(ApprovalEvent):
    KIND = "approval.withdrawn"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "withdrawn", "neutral")
