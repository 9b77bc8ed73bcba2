"""Case file: a full copy of one case at the end of one business day. Pure.

Everything that a bundle shows is in it, so that the same case file always gives the same bundle, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app.book.portfolios.rules import CollectorKind
from app.core.types import Values

AGREEMENT = "agreement"


ASSIGNMENT = "assignment"
"""Kinds of documents every checklist knows; a pack's notice may name further kinds (see `Notice`)."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    code: str
    creditor: str
    currency: str
    timezone: str
    policy_pack: str
    collector: CollectorKind


@dataclass(frozen=True, slots=True)
class Customer:
    customer_ref: str
    name: str
    address_lines: tuple[str, ...]
    country: str
    """ISO 3166-1 alpha-2."""
    language: str
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One card account at the end of `CaseFile.as_of`. `apr` is a decimal string in percent ('19.90')."""

    account_ref: str
    last4: str
    product: str
    limit_minor: int
    apr: str
    opened_on: date | None
    status: str
    balance_minor: int
    past_due_minor: int
    days_past_due: int
    oldest_due_on: date | None
    charged_off_on: date | None = None
    """None = it was not charged off, or the creditor did not say on which day."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One ledger entry; `amount_minor` is signed, a payment is negative."""

    reference: str
    account_ref: str
    kind: str
    effective_on: date
    posted_on: date
    amount_minor: int
    source: str
    description: str = ""
    reverses: str = ""
    """Reference of the entry this one undoes, or ''."""
    forgives: str = ""
    """Reference of the fee or interest that a waiver's credit forgives, or ''."""


@dataclass(frozen=True, slots=True)
class Statement:
    statement_ref: str
    account_ref: str
    closing_on: date
    due_on: date
    balance_minor: int
    minimum_due_minor: int


@dataclass(frozen=True, slots=True)
class Event:
    """One timeline event with its place in the hash chain; `data_json` is the exact text that was hashed."""

    stream: str
    seq: int
    kind: str
    at: datetime
    by: str
    data_json: str
    prev_hash: str
    hash: str


CAME_BACK = frozenset({"undelivered", "bounced", "failed"})
"""Ends of messages that did not arrive."""


@dataclass(frozen=True, slots=True)
class Message:
    """One written contact exactly as it was sent. `sent_at` None = the provider never accepted it."""

    key: str
    channel: str
    to: str
    subject: str
    text: str
    html: str
    letter: str
    letter_version: str
    language: str
    sent_at: datetime | None
    status: str
    provider_ref: str
    clearance: Values = field(default_factory=dict)
    enclosed: str = ""
    """Words of the printed letter that went with an e-mail."""
    exact_sha256: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of `text`, `html` and `enclosed` as they were sent, with the reader's personal link that is removed
    here."""
    recipient: str = ""
    """Name of the representative to whom it went; '' = the customer."""
    answer_by: date | None = None
    """Last day that a notice leaves the customer."""
    asks: bool = True
    """It reminds or gives notice; False = it confirms or answers something, or went to a representative."""

    @property
    def given(self) -> bool:
        """It left, and did not come back."""
        return self.sent_at is not None and self.status not in CAME_BACK


@dataclass(frozen=True, slots=True)
class Instalment:
    seq: int
    due_on: date
    amount_minor: int
    paid_minor: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    reference: str
    kind: str
    status: str
    offered_at: datetime
    accepted_at: datetime | None
    total_minor: int
    by: str
    instalments: tuple[Instalment, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class PrintedAgreement:
    """An agreement that was made, as its printed form says it on the day on which it was made."""

    plan: str
    """Reference of the plan."""
    content: bytes
    """PDF/A; b'' = it could not be printed."""
    why_not: str = ""
    """The reason why it could not be printed, as a sentence."""


@dataclass(frozen=True, slots=True)
class Hold:
    kind: str
    started_at: datetime
    until: datetime | None
    ended_at: datetime | None
    """None = still in force."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dispute:
    reference: str
    opened_at: datetime
    reason: str
    amount_minor: int | None
    """None = the whole debt is disputed."""
    resolved_at: datetime | None
    outcome: str = ""
    account_ref: str = ""
    """The account of which a part is disputed; '' = it is about all of them."""
    left_out_minor: int = 0
    """The sum of that account that nobody asks for while the dispute is unresolved."""
    entry_ref: str = ""
    """The ledger entry that is disputed; '' = a sum of the account."""

    @property
    def is_part(self) -> bool:
        """It is unresolved, and about a known sum of one account: the rest may be claimed."""
        return self.resolved_at is None and self.left_out_minor > 0 and bool(self.account_ref)


@dataclass(frozen=True, slots=True)
class Document:
    """An uploaded file: agreement, assignment, notice. `kind` is what the checklist looks for."""

    kind: str
    name: str
    media_type: str
    dated_on: date
    content: bytes
    answer_by: date | None = None
    """Last day that a notice leaves the customer; None = it names none, or it is not known."""


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """A number or address of the customer, in use or ended."""

    kind: str
    type: str
    value: str
    is_main: bool
    state: str
    employer: bool
    source: str
    noted_on: date | None
    """None = it came with the account."""
    ended_at: datetime | None
    end_reason: str


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """A person beside the customer: what they might be told, and when. How to reach them is no matter of the court."""

    kind: str
    name: str
    organisation: str
    reference: str
    may_be_told: str
    authority_from: date | None
    authority_until: date | None
    added_at: datetime
    ended_at: datetime | None
    end_reason: str


@dataclass(frozen=True, slots=True)
class Excuse:
    """Reason of a named person why the file may go although one item of the checklist is missing."""

    item: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """An account of the customer that is no part of the claim. `balance_minor` as `Account` has it."""

    account_ref: str
    status: str
    balance_minor: int
    why: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    case_reference: str
    bundle_id: str
    as_of: date
    """Business date at whose end the case is shown; also the date of every file in the bundle."""
    portfolio: Portfolio
    customer: Customer
    claimed_minor: int
    accounts: tuple[Account, ...]
    """The accounts that make the claim (see `why_not_claimed`)."""
    entries: tuple[Entry, ...]
    """Entries of these accounts up to `as_of`; they sum to the claim."""
    statements: tuple[Statement, ...] = ()
    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    plans: tuple[Plan, ...] = ()
    holds: tuple[Hold, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    documents: tuple[Document, ...] = ()
    agreements: tuple[PrintedAgreement, ...] = ()
    contacts: tuple[ContactPoint, ...] = ()
    third_parties: tuple[ThirdParty, ...] = ()
    supersedes: str | None = None
    exported_by: str = ""
    incomplete_reason: str | None = None
    """One reason that `exported_by` gives for every gap that can be excused and has no reason of its own."""
    excuses: tuple[Excuse, ...] = ()
    time_barred: tuple[str, ...] = ()
    """Reason why the debt is too old to sue for, by the packs of the customer's place."""
    notices_overdue: tuple[str, ...] = ()
    """Notices that the law wants first, and that are late."""
    owed_now_minor: int | None = None
    """The same claim at the moment of building; None = as `claimed_minor`."""
    not_claimed: tuple[NotClaimed, ...] = ()
    off_book: tuple[Entry, ...] = ()
    """Entries by which a creditor took the debt off its book: they change nothing in what is owed."""
    since: tuple[Entry, ...] = ()
    """Entries of the claimed accounts after `as_of`."""
    dispute_bars: str = ""
    """Citation of the rule by which nothing is claimed while a part is disputed; '' = a person may claim the rest."""
    military_stops: bool = False
    """The pack of the customer's place protects people in military service."""

    @property
    def claimed_now_minor(self) -> int:
        """The same claim at the moment of building."""
        return self.claimed_minor if self.owed_now_minor is None else self.owed_now_minor


def ledger_sum(entries: Sequence[Entry], account_ref: str | None = None) -> int:
    """Sum in minor units, of one account or of all."""
    return sum(e.amount_minor for e in entries if account_ref in (None, e.account_ref))
