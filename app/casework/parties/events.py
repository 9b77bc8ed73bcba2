"""Events of third parties, and the sentence that tells each on a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from app.casework.parties.rules import MayBeTold, PartyCheck, PartyKind
from app.core.labels import CHANNEL_LABELS, MAY_BE_TOLD_LABELS, PARTY_CHECK_LABELS, PARTY_LABELS
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, words
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
    reached: bool = True
    """They spoke, or were written to; False for a call that nobody, or another person, answered."""

    def present(self, reader: Reader) -> TimelineEntry:
        way = "from" if self.inbound else "to"
        title = f"Third-party contact: {CHANNEL_LABELS[self.channel].lower()} {way} {self.name}"
        said = [PARTY_LABELS[self.kind]]
        if not self.reached:
            said.append("not reached")
        if not self.might_know:
            said.append("may not be told of the debt")
        return TimelineEntry(title, "; ".join(said), "info", quoted=self.note)


@dataclass(frozen=True, slots=True)
class ThirdPartyChanged(Payload):
    """A third party's data or authority was put right. What it was before stays here, but not how they are reached."""

    KIND = "party.changed"
    WORDS = ("name", "reason")
    FILTERS = (TimelineFilter.HOLDS, TimelineFilter.PEOPLE)

    party_id: int
    kind: PartyKind
    name: str
    from_: Mapping[str, str]
    """By field, what it said before; `to` what it says now."""
    to: Mapping[str, str]
    reason: str
    reached_by: tuple[str, ...] = ()
    """Of number, e-mail and address those that changed."""

    def present(self, reader: Reader) -> TimelineEntry:
        told = [
            f"{words(name)}: {before or 'none'} → {self.to[name] or 'none'}"
            for name, before in self.from_.items()
        ]
        told += [f"{words(name)} changed" for name in self.reached_by]
        title = f"{PARTY_LABELS[self.kind]} changed: {self.name}"
        return TimelineEntry(title, "; ".join([*told, self.reason]), "info")


@dataclass(frozen=True, slots=True)
class ThirdPartyIdentified(Payload):
    """A person on the telephone was asked to show that they are this third party; the answers are not kept."""

    KIND = "party.identified"
    FILTERS = (TimelineFilter.PEOPLE,)

    party_id: int
    kind: PartyKind
    name: str
    asked: tuple[PartyCheck, ...]

    def present(self, reader: Reader) -> TimelineEntry:
        how = "; ".join(PARTY_CHECK_LABELS[each] for each in self.asked)
        return TimelineEntry(f"Identity of {self.name} checked", how, "good")


@dataclass(frozen=True, slots=True)
class PeopleForgotten(Payload):
    """Contact points and third parties that had ended were deleted when their retention ended."""

    KIND = "people.forgotten"

    contact_points: int
    third_parties: int
    older_than: datetime
