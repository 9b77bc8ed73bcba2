"""Events of negotiations. They hold no figure of a household: a timeline is never deleted, and those are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.casework.negotiation.facts import OptionKind
from app.core.labels import OPTION_LABELS
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class Negotiated(Payload):
    """The solver was asked, and its offers were shown."""

    KIND = "negotiation.held"
    FILTERS = (TimelineFilter.PLANS,)

    negotiation_id: int
    offered: tuple[str, ...]
    """Kinds with an offer, the best first."""
    not_offered: tuple[str, ...]

    def present(self, reader: Reader) -> TimelineEntry:
        kinds = ", ".join(dict.fromkeys(OPTION_LABELS[kind].lower() for kind in self.offered))
        text = reader.plain(f"Shown: {kinds}." if kinds else "No offer is possible.")
        return TimelineEntry("Offers computed", text, "info")


@dataclass(frozen=True, slots=True)
class OfferEvent(Payload):
    """Base of the events of one offer."""

    FILTERS = (TimelineFilter.PLANS,)
    WORDS = ("reason",)

    negotiation_id: int
    offer_id: int
    kind: OptionKind
    total_minor: int
    reason: str = ""

    def told(self, reader: Reader, verb: str) -> TimelineEntry:
        title = f"{OPTION_LABELS[self.kind]} of {reader.money(self.total_minor)} {verb}"
        return TimelineEntry(title, "", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class OfferCountered(OfferEvent):
    KIND = "offer.countered"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "is the customer's own proposal")


@dataclass(frozen=True, slots=True)
class OfferRefused(OfferEvent):
    KIND = "offer.refused"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "refused by the customer")


@dataclass(frozen=True, slots=True)
class OfferTaken(OfferEvent):
    KIND = "offer.taken"

    def present(self, reader: Reader) -> TimelineEntry:
        return self.told(reader, "taken")


@dataclass(frozen=True, slots=True)
class NegotiationsForgotten(Payload):
    """Negotiations were deleted with their offers when their retention ended."""

    KIND = "negotiation.forgotten"

    negotiations: int
    older_than: datetime
