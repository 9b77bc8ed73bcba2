"""Events of referrals to the legal team, and how a timeline shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class ReferralNominated(Payload):
    KIND = "referral.nominated"
    FILTERS = (TimelineFilter.CASE,)

    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Nominated for the legal team", "", "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class ReferralApproved(Payload):
    KIND = "referral.approved"
    FILTERS = (TimelineFilter.CASE,)

    referral_id: int = field(metadata=stored_as("referral"))
    reason: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Referral to the legal team approved", "", "warn")


@dataclass(frozen=True, slots=True)
class ReferralReturned(Payload):
    KIND = "referral.returned"
    FILTERS = (TimelineFilter.CASE,)

    referral_id: int = field(metadata=stored_as("referral"))
    reason: str
    is_recall: bool
    """A manager of collections took it back; otherwise the legal team gave it back."""

    def present(self, reader: Reader) -> TimelineEntry:
        title = "Recalled from the legal team" if self.is_recall else "Returned by the legal team"
        return TimelineEntry(title, "", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class ReferralDeclined(Payload):
    KIND = "referral.declined"
    FILTERS = (TimelineFilter.CASE,)

    referral_id: int = field(metadata=stored_as("referral"))
    reason: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Referral to the legal team declined")
