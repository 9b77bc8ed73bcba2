"""Events of feeds and of the payments in them, and the sentence that tells each on a timeline."""

from __future__ import annotations

from dataclasses import dataclass

from app.book.ledger.rules import FeedKind, ReportedWhat, UnmatchedStatus
from app.core.timeline.payload import Payload
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, sentence, words


@dataclass(frozen=True, slots=True)
class FeedLoaded(Payload):
    KIND = "feed.loaded"

    kind: FeedKind
    file: str
    sha256: str
    read: int
    loaded: int
    updated: int
    unchanged: int
    conflicts: int
    rejected: int
    warned: int


@dataclass(frozen=True, slots=True)
class ChangeReported(Payload):
    """A creditor's file gives another holder or status; it waits for a manager."""

    KIND = "account.change_reported"
    FILTERS = (TimelineFilter.MONEY,)

    what: ReportedWhat
    from_: str
    to: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"The creditor’s file says: {self.what} {words(self.to)}"
        return TimelineEntry(title, "Waits for a manager", "warn")


@dataclass(frozen=True, slots=True)
class ReportDecided(Payload):
    """A manager took over what the file says, or refused it."""

    KIND = "account.report_decided"
    FILTERS = (TimelineFilter.MONEY,)

    what: ReportedWhat
    from_: str
    to: str
    accepted: bool
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        verb = "taken over" if self.accepted else "refused"
        return TimelineEntry(f"{sentence(self.what)} {words(self.to)} {verb}", self.reason, "info")


@dataclass(frozen=True, slots=True)
class PaymentMatched(Payload):
    """A bank credit that found its account."""

    KIND = "payment.matched"
    FILTERS = (TimelineFilter.MONEY,)

    reference: str
    amount_minor: int
    account: str
    how: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Bank credit of {reader.money(self.amount_minor)} matched"
        return TimelineEntry(title, f"{self.account}: {self.how}", "good")


@dataclass(frozen=True, slots=True)
class PaymentUnmatched(Payload):
    """A bank credit that waits for a person, or what became of it: `outcome` and `note`."""

    KIND = "payment.unmatched"

    reference: str
    amount_minor: int
    why: str | None = None
    outcome: UnmatchedStatus | None = None
    note: str | None = None
