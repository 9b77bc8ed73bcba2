"""Events of debt advisers, and the sentence that tells each on a timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class AdviserAdded(Payload):
    """An adviser organisation was added."""

    KIND = "adviser.added"

    adviser_id: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class AdviserEnded(Payload):
    """An adviser organisation was closed: no more files or payments are taken from it."""

    KIND = "adviser.ended"

    adviser_id: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdviserCorrected(Payload):
    """How an adviser organisation is reached was corrected."""

    KIND = "adviser.corrected"

    adviser_id: int
    code: str
    email: str
    address: str
    by_post: bool
    clients: int
    """Customers on whose file the old e-mail or postal address was replaced."""


@dataclass(frozen=True, slots=True)
class AdviserAddressClosed(Payload):
    """Nothing more is sent to an address of an adviser: a person says that it is wrong."""

    KIND = "adviser.address_closed"

    adviser_id: int
    code: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdviserAddressOpened(Payload):
    """An address of an adviser is used again."""

    KIND = "adviser.address_opened"

    adviser_id: int
    code: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdviserFileLoaded(Payload):
    """A file of proposals was loaded."""

    KIND = "adviser.file"

    file_id: int
    adviser: str
    loaded: int
    rejected: int


@dataclass(frozen=True, slots=True)
class PlanProposed(Payload):
    """An adviser proposes a plan."""

    KIND = "adviser.proposed"
    FILTERS = (TimelineFilter.PLANS,)

    proposal_id: int
    adviser: str
    amount_minor: int

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            f"{self.adviser} proposes payments of {reader.money(self.amount_minor)}", "", "info"
        )


@dataclass(frozen=True, slots=True)
class ProposalDeclined(Payload):
    """A proposal of an adviser was declined."""

    KIND = "adviser.declined"
    FILTERS = (TimelineFilter.PLANS,)

    proposal_id: int
    adviser: str
    why: str

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(f"Proposal of {self.adviser} declined", self.why, "warn")


@dataclass(frozen=True, slots=True)
class LumpSplit(Payload):
    """A lump payment was split over customers."""

    KIND = "adviser.lump"

    lump_id: int
    adviser: str
    reference: str
    amount_minor: int
    posted_minor: int
    waiting_minor: int


@dataclass(frozen=True, slots=True)
class LumpReversed(Payload):
    """A lump payment was taken back with all its parts."""

    KIND = "adviser.lump_reversed"

    lump_id: int
    reference: str
    amount_minor: int
    parts: int
    reason: str


@dataclass(frozen=True, slots=True)
class AdvisersForgotten(Payload):
    """Files, proposals and lump payments of advisers, and that they acted for customers, were deleted when their
    retention ended."""

    KIND = "adviser.forgotten"

    files: int
    proposals: int
    lumps: int
    clients: int
    older_than: datetime
