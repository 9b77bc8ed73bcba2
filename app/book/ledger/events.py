"""Events of accounts, statements and entries, and the sentence that tells each on a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from app.book.ledger.rules import AccountStatus, EntryKind, WaiverStatus
from app.core.labels import ACCOUNT_LABELS, ENTRY_LABELS
from app.core.timeline.payload import Payload, stored_as
from app.core.timeline.presenting import Reader, TimelineEntry, TimelineFilter, Tone, sentence, words
from app.core.types import Values

THE_FILE = "the creditor's file"
"""The reason given for a change by a feed."""


@dataclass(frozen=True, slots=True)
class EntryPosted(Payload):
    """An entry made by hand or by the house, not by a feed."""

    KIND = "ledger.entry_posted"
    FILTERS = (TimelineFilter.MONEY,)

    reference: str
    kind: EntryKind
    amount_minor: int
    effective_on: date
    description: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"{ENTRY_LABELS[self.kind]} of {reader.money(abs(self.amount_minor))} posted by hand"
        body = f"{self.reference}, effective {reader.day(self.effective_on)}"
        return TimelineEntry(title, body, "good" if self.amount_minor < 0 else "neutral")


@dataclass(frozen=True, slots=True)
class PaymentMoved(Payload):
    """On the record of both accounts."""

    KIND = "ledger.payment_moved"
    FILTERS = (TimelineFilter.MONEY,)

    reference: str
    amount_minor: int
    from_account: str
    to_account: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Payment of {reader.money(self.amount_minor)} moved to the right account"
        body = f"{self.reference}, from {self.from_account} to {self.to_account}"
        return TimelineEntry(title, body, "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class WaiverEvent(Payload):
    """Fields that both kinds of waiver event share."""

    FILTERS = (TimelineFilter.MONEY,)

    waiver_id: int = field(metadata=stored_as("waiver"))
    entry: str
    """Reference of the fee or interest."""
    amount_minor: int
    reason: str
    alone: bool
    """The person who asked may grant so much alone."""
    status: WaiverStatus
    note: str


@dataclass(frozen=True, slots=True)
class WaiverRequested(WaiverEvent):
    KIND = "waiver.requested"
    WORDS = ("reason",)

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Waiver of {reader.money(self.amount_minor)} asked for"
        return TimelineEntry(title, f"of {self.entry}", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class WaiverDecided(WaiverEvent):
    KIND = "waiver.decided"
    WORDS = ("note",)

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Waiver of {reader.money(self.amount_minor)} {self.status}"
        tone: Tone = "good" if self.status is WaiverStatus.APPROVED else "neutral"
        return TimelineEntry(title, f"of {self.entry}", tone, quoted=self.note)


@dataclass(frozen=True, slots=True)
class GoodwillCredited(Payload):
    """A credit for which there was no duty; its entry has an event of its own."""

    KIND = "ledger.goodwill_credited"
    FILTERS = (TimelineFilter.MONEY,)
    WORDS = ("reason",)

    entry: str
    amount_minor: int
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Goodwill credit of {reader.money(self.amount_minor)}"
        return TimelineEntry(title, f"entry {self.entry}", "good", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class ChargeWasTakenBack(Payload):
    """The minimum that billed a wrong charge asks for less, as an entry took the charge back."""

    KIND = "ledger.charge_taken_back"
    FILTERS = (TimelineFilter.MONEY,)

    entry: str
    amount_minor: int
    billed_on: date
    """The first statement that closed on or after this day billed it."""

    def present(self, reader: Reader) -> TimelineEntry:
        title = (
            f"A charge of {reader.money(self.amount_minor)} counts no more toward the minimum that billed it"
        )
        return TimelineEntry(title, f"taken back by entry {self.entry}")


@dataclass(frozen=True, slots=True)
class StatementCorrected(Payload):
    """Fields that both kinds share: the figures before, and now unless the statement is withdrawn."""

    FILTERS = (TimelineFilter.MONEY,)

    was: Values
    now: Values | None
    reason: str


@dataclass(frozen=True, slots=True)
class StatementReplaced(StatementCorrected):
    KIND = "statement.replaced"

    def present(self, reader: Reader) -> TimelineEntry:
        body = f"{sentence(_asks(self.now or {}, reader))}; before: {_asks(self.was, reader)}"
        return TimelineEntry(f"Statement {self.was['reference']} replaced", body, "warn", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class StatementWithdrawn(StatementCorrected):
    KIND = "statement.withdrawn"

    def present(self, reader: Reader) -> TimelineEntry:
        body = f"It asked for a minimum {reader.money(self.was['minimum_due_minor'])}"
        return TimelineEntry(f"Statement {self.was['reference']} withdrawn", body, "warn", quoted=self.reason)


def _asks(figures: Values, reader: Reader) -> str:
    due_on = date.fromisoformat(str(figures["due_on"]))
    return f"minimum {reader.money(figures['minimum_due_minor'])}, due {reader.day(due_on)}"


@dataclass(frozen=True, slots=True)
class AccountStatusChanged(Payload):
    KIND = "account.status_changed"
    FILTERS = (TimelineFilter.MONEY,)

    from_: AccountStatus
    to: AccountStatus
    on: date
    reason: str
    balance_minor: int
    ended_before: date | None
    """The end it had until then; with `posted_on` it tells what was known before."""
    posted_on: date

    def present(self, reader: Reader) -> TimelineEntry:
        title = f"Account {words(self.to)} at the end of {reader.day(self.on)}"
        return TimelineEntry(title, f"It was {words(self.from_)}", "info", quoted=self.reason)


@dataclass(frozen=True, slots=True)
class AccountChanged(Payload):
    """Terms that changed (`ACCOUNT_LABELS`), by a creditor's file or by hand."""

    KIND = "account.changed"
    FILTERS = (TimelineFilter.MONEY,)

    from_: Mapping[str, str | int]
    to: Mapping[str, str | int]
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        changes = "; ".join(
            f"{label}: {_term(name, self.from_[name], reader)} → {_term(name, self.to[name], reader)}"
            for name, label in ACCOUNT_LABELS.items()
            if name in self.to
        )
        if self.reason == THE_FILE:
            return TimelineEntry("Account changed by the creditor’s file", changes, "info")
        return TimelineEntry("Account terms changed", f"{changes}; {self.reason}", "info")


def _term(name: str, value: str | int, reader: Reader) -> str:
    if name == "credit_limit_minor":
        return reader.money(int(value))
    return f"{int(value) / 10_000:g} %" if name == "apr_millionths" else str(value)


@dataclass(frozen=True, slots=True)
class AccountHolderChanged(Payload):
    """On the record of both holders."""

    KIND = "account.holder_changed"
    FILTERS = (TimelineFilter.MONEY,)

    account: str
    from_: str
    to: str
    reason: str

    def present(self, reader: Reader) -> TimelineEntry:
        body = f"From {self.from_} to {self.to}; {self.reason}"
        return TimelineEntry(f"Account {self.account} changed hands", body, "warn")
