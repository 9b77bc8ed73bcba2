"""Events of third parties, and the sentence that tells each on a timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.casework.parties.rules import MayBeTold, PartyKind
from app.core.labels import CHANNEL_LABELS, MAY_BE_TOLD_LABELS, PARTY_LABELS
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter
from app.core.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class ThirdPartyAdded(Payload):
    KIND = "party.added"
    WORDS = ("name", "note")
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PEOPLE)

    party_id: int
    kind: PartyKind
    name: str
    may_be_told: MayBeTold
    authority_from: date | None
    authority_until: date | None
    document: int | None
    note: str

    def present(self, reader: Reader) -> TimelineEntry:
        said = [self.name, f"may be told: {MAY_BE_TOLD_LABELS[self.may_be_told].lower()}", self.note]
        return TimelineEntry(f"{PARTY_LABELS[self.kind]} on file", "; ".join(filter(None, said)), "info")


@dataclass(frozen=True, slots=True)
class ThirdPartyEnded(Payload):
    KIND = "party.ended"
    WORDS = ("reason",)
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PEOPLE)

    party_id: int
    kind: PartyKind
    name: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{PARTY_LABELS[self.kind]} no longer on file"
        return TimelineEntry(title, f"{self.name}; {self.reason}", "info")


@dataclass(frozen=True, slots=True)
class ThirdPartyContacted(Payload):
    """A contact with a third party, by hand. It is none with the customer and counts toward no cap of theirs."""

    KIND = "party.contacted"
    WORDS = ("note",)
    FILTERS = (TimelineFilter.PEOPLE,)

    party_id: int
    kind: PartyKind
    name: str
    channel: Channel
    inbound: bool
    might_know: bool
    """They might be told of the debt on that day."""
    note: str

    def present(self, reader: Reader) -> TimelineEntry:
        way = "from" if self.inbound else "to"
        title = f"Third-party contact: {CHANNEL_LABELS[self.channel].lower()} {way} {self.name}"
        known = "" if self.might_know else "; may not be told of the debt"
        return TimelineEntry(title, f"{PARTY_LABELS[self.kind]}{known}", "info", quoted=self.note)


@dataclass(frozen=True, slots=True)
class PeopleForgotten(Payload):
    """Contact points and third parties that had ended were deleted when their retention ended."""

    KIND = "people.forgotten"

    contact_points: int
    third_parties: int
    older_than: datetime
