"""Events of concessions, caps and disputed parts, and the sentence that tells each on a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter


@dataclass(frozen=True, slots=True)
class ConcessionStarted(Payload):
    KIND = "concession.started"
    FILTERS = (TimelineFilter.MONEY, TimelineFilter.PLANS)

    plan_id: int = field(metadata=stored_as("plan"))
    apr_millionths: int | None
    """None = the rate stays."""
    without_fees: bool
    from_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            _title(self.apr_millionths, self.without_fees), f"From {reader.day(self.from_on)}", "info"
        )


@dataclass(frozen=True, slots=True)
class ConcessionEnded(Payload):
    KIND = "concession.ended"
    FILTERS = (TimelineFilter.MONEY, TimelineFilter.PLANS)

    plan_id: int = field(metadata=stored_as("plan"))
    apr_millionths: int | None
    without_fees: bool
    to_on: date
    """The first day on which the account's own rate and fees run again."""

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{_title(self.apr_millionths, self.without_fees)}: ended"
        return TimelineEntry(
            title, f"The account's own rate and fees run from {reader.day(self.to_on)}", "info"
        )


@dataclass(frozen=True, slots=True)
class RateProtected(Payload):
    """The law caps the rate of an account from a day on, which may have passed."""

    KIND = "rate.protected"
    FILTERS = (TimelineFilter.MONEY,)

    hold_id: int = field(metadata=stored_as("hold"))
    apr_millionths: int
    from_on: date
    to_on: date
    citation: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Interest of at most {self.apr_millionths / 10_000:g} %, no late fees"
        days = f"From {reader.day(self.from_on)} until {reader.day(self.to_on)}"
        return TimelineEntry(title, f"{days}; {self.citation}", "info")


@dataclass(frozen=True, slots=True)
class RateProtectionEnded(Payload):
    KIND = "rate.protection_ended"
    FILTERS = (TimelineFilter.MONEY,)

    hold_id: int = field(metadata=stored_as("hold"))
    to_on: date
    """The first day on which the account's own rate and fees run again."""

    def present(self, reader: Reader) -> TimelineEntry:
        return TimelineEntry(
            "The cap on the rate ended", f"The account's own rate runs from {reader.day(self.to_on)}", "info"
        )


@dataclass(frozen=True, slots=True)
class ChargesRest(Payload):
    """A disputed part of an account bears no interest and no late fee on these days."""

    KIND = "charges.rest"
    FILTERS = (TimelineFilter.MONEY,)

    dispute_id: int = field(metadata=stored_as("dispute"))
    amount_minor: int
    from_on: date
    to_on: date | None
    """The first day on which it bears charges again; None = not before the dispute is decided."""

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"No interest or late fees on {reader.money(self.amount_minor)} in dispute"
        until = f" until {reader.day(self.to_on)}" if self.to_on else ", until it is decided"
        return TimelineEntry(title, f"From {reader.day(self.from_on)}{until}", "info")


@dataclass(frozen=True, slots=True)
class ChargesRestated(Payload):
    """Charges on a disputed part were credited, or made after it was rejected."""

    KIND = "charges.restated"
    FILTERS = (TimelineFilter.MONEY,)

    dispute_id: int = field(metadata=stored_as("dispute"))
    credited_minor: int
    charged_minor: int

    def present(self, reader: Reader) -> TimelineEntry:
        what = "credited" if self.credited_minor else "charged"
        amount = reader.money(self.credited_minor or self.charged_minor)
        return TimelineEntry(f"Interest and late fees on a disputed part: {amount} {what}", "", "info")


def _title(apr_millionths: int | None, without_fees: bool) -> str:
    rate = (
        "" if apr_millionths is None else f"Interest of {apr_millionths / 10_000:g} % while the plan is kept"
    )
    if not rate:
        return "No late fees while the plan is kept"
    return f"{rate}, no late fees" if without_fees else rate
