"""Events of a claim of payment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class ClaimMade(Payload):
    """The customer says that a payment was made."""

    KIND = "claim.made"
    FILTERS = (TimelineFilter.PEOPLE,)

    claim_id: int = field(metadata=stored_as("claim"))
    hold_id: int = field(metadata=stored_as("hold"))
    amount_minor: int
    paid_on: date | None = None
    method: str = ""

    def present(self, reader: Reader) -> TimelineEntry:
        amount = reader.money(self.amount_minor) if self.amount_minor else "amount not told"
        on = f", paid {reader.day(self.paid_on)}" if self.paid_on else ""
        return TimelineEntry("Payment claimed", f"{amount}{on}", "info")


@dataclass(frozen=True, slots=True)
class ClaimFound(Payload):
    """A payment came in that is at least what was claimed."""

    KIND = "claim.found"
    FILTERS = (TimelineFilter.PEOPLE,)

    claim_id: int = field(metadata=stored_as("claim"))
    amount_minor: int

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry("Claimed payment posted", reader.money(self.amount_minor), "good")
