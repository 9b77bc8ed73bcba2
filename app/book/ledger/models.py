"""Customers, accounts, statements and the append-only entries."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.book.ledger.rules import AccountStatus, EntryKind, ReportedStatus, ReportedWhat, WaiverStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class Customer(Row, table=True):
    """A cardholder of one portfolio; may hold several accounts."""

    __tablename__ = "customer"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "reference"),
        # Returned mail names an address only; these indexes find its customers.
        sa.Index("ix_customer_email", sa.text("lower(email)")),
        sa.Index("ix_customer_mobile", "mobile"),
        # People say the end of a number.
        sa.Index("ix_customer_mobile_end", sa.text("substr(mobile, length(mobile) - 3)")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    reference: str = Field(max_length=60)
    full_name: str = Field(max_length=200)
    language: str = Field(max_length=8)
    country: str = Field(max_length=2)
    region: str = Field(default="", max_length=60)
    timezone: str = Field(default="", max_length=60)
    address_line1: str = Field(default="", max_length=200)
    address_line2: str = Field(default="", max_length=200)
    city: str = Field(default="", max_length=100)
    postcode: str = Field(default="", max_length=20)
    mobile: str = Field(default="", max_length=20)
    """E.164, or empty."""
    email: str = Field(default="", max_length=254)
    language_chosen: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """They chose their language themselves; a feed does not change it back."""
    link_number: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Grows when links to their preferences page are replaced: older ones only stop messages."""


class ContactCorrection(Row, table=True):
    """A person put a field of a customer's contact data right, and what the feed said of it then. A file that says so
    again changes nothing; one that says something else does, and ends the correction."""

    __tablename__ = "contact_correction"

    customer_id: int = Field(primary_key=True, foreign_key="customer.id", sa_type=BigId)
    field: str = Field(primary_key=True, max_length=30)
    fed: str = Field(max_length=254)
    by: str = Field(max_length=120)
    at: datetime = Field(sa_type=UtcDateTime)


class Account(Row, table=True):
    __tablename__ = "account"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "reference"),
        sa.Index("ix_account_customer", "customer_id"),
        sa.Index("ix_account_last4", "card_last4"),
        # The night looks whether an account that ended here owes again; few have.
        sa.Index(
            "ix_account_ended",
            "portfolio_id",
            sqlite_where=sa.text("ended_on IS NOT NULL"),
            postgresql_where=sa.text("ended_on IS NOT NULL"),
        ),
        sa.CheckConstraint("length(card_last4) = 4", name="last4"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    reference: str = Field(max_length=60)
    card_last4: str = Field(max_length=4)
    product: str = Field(max_length=60)
    credit_limit_minor: int = Field(sa_type=sa.BigInteger)
    apr_millionths: int
    """Annual rate in millionths: 150000 is 15 %."""
    opened_on: date
    placed_on: date | None = None
    status: AccountStatus = Field(default=AccountStatus.ACTIVE, sa_type=enum_type(AccountStatus))
    ended_on: date | None = None
    """The day on which it was charged off, settled, paid off or sold here: what was past due is adjusted away at
    the end of that day and nothing falls past due after it. None for a status that came with the account."""


class ReportedChange(Row, table=True):
    """Another holder or status that a creditor's file gives an account; only a manager may accept it. A refused one
    is not asked again until the file says something else."""

    __tablename__ = "reported_change"
    __table_args__ = (
        sa.Index("ix_reported_change_open", "portfolio_id", "status"),
        sa.Index("ix_reported_change_account", "account_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    what: ReportedWhat = Field(sa_type=enum_type(ReportedWhat))
    value: str = Field(max_length=60)
    """The status, or the reference of the customer who is said to hold it."""
    was: str = Field(max_length=60)
    status: ReportedStatus = Field(default=ReportedStatus.WAITING, sa_type=enum_type(ReportedStatus))
    reported_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = Field(default="", max_length=200)


class Statement(Row, table=True):
    __tablename__ = "statement"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "reference"),
        sa.Index("uq_statement_closing", "account_id", "closing_on", "issue", unique=True),
        sa.CheckConstraint("due_on > closing_on", name="due_after_closing"),
        sa.CheckConstraint("minimum_due_minor >= 0", name="minimum_not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    reference: str = Field(max_length=60)
    closing_on: date
    due_on: date
    balance_minor: int = Field(sa_type=sa.BigInteger)
    minimum_due_minor: int = Field(sa_type=sa.BigInteger)
    posted_on: date
    """As `Entry.posted_on`: the business date on which we knew it."""
    issue: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """1: an account has one statement a closing day. Others were loaded before that was looked at, and stand until a
    manager withdraws them."""


class ReplacedStatement(Row, table=True):
    """A statement as it was before a manager replaced or withdrew it: known from `posted_on` until `replaced_on`."""

    __tablename__ = "replaced_statement"
    __table_args__ = (
        sa.Index("ix_replaced_statement_account", "account_id"),
        sa.Index("ix_replaced_statement_portfolio", "portfolio_id", "reference"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    statement_id: int | None = Field(default=None, sa_type=BigId)
    """The statement that stands in its place; None = it was withdrawn."""
    reference: str = Field(max_length=60)
    closing_on: date
    due_on: date
    balance_minor: int = Field(sa_type=sa.BigInteger)
    minimum_due_minor: int = Field(sa_type=sa.BigInteger)
    posted_on: date
    replaced_on: date
    """The business date from which on it is known to be wrong."""
    reason: str = Field(max_length=200)
    by: str = Field(max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Position(Row, table=True):
    """A placing creditor's report on an account at the end of a day (portfolios of source `reported`)."""

    __tablename__ = "reported_position"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "as_of"),
        sa.CheckConstraint("past_due_minor >= 0", name="past_due_not_negative"),
        sa.CheckConstraint("(past_due_minor = 0) = (oldest_due_on IS NULL)", name="past_due_has_a_date"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    as_of: date
    balance_minor: int = Field(sa_type=sa.BigInteger)
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    oldest_due_on: date | None = None
    posted_on: date


class Entry(Row, table=True):
    """A ledger entry: debits positive, credits negative. UPDATE and DELETE are refused by triggers."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "reference"),
        sa.Index("ix_ledger_entry_account", "account_id", "effective_on"),
        # Holds all that a portfolio's balance on a day needs, so that 12 million rows are not visited for it.
        sa.Index("ix_ledger_entry_day", "portfolio_id", "effective_on", "account_id", "amount_minor"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    kind: EntryKind = Field(sa_type=enum_type(EntryKind))
    amount_minor: int = Field(sa_type=sa.BigInteger)
    effective_on: date
    posted_on: date
    """The business date on which we knew it: `effective_on`, or for what arrives after its day was closed the
    day that was open then. The entries known on a past day K are those posted by K."""
    reference: str = Field(max_length=80)
    source: str = Field(max_length=60)
    """`feed:<kind>`, `user:<name>` or `system`."""
    description: str = Field(default="", max_length=200)
    reverses_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId, unique=True)
    reinstates_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    """The recovery, or the write-off told twice, that this entry balances so that the book balance stays at nothing."""
    ended_as: AccountStatus | None = Field(default=None, sa_type=enum_type(AccountStatus))
    """The end (charged off, settled, sold) by which this entry took the balance off the book."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class SameMoney(Row, table=True):
    """An entry of money that was moved or posted again, and the first entry that had it, which has a row too."""

    __tablename__ = "same_money"
    __table_args__ = (sa.Index("ix_same_money_first", "first_id"),)

    entry_id: int = Field(primary_key=True, foreign_key="ledger_entry.id", sa_type=BigId)
    first_id: int = Field(foreign_key="ledger_entry.id", sa_type=BigId)


class LedgerChange(Row, table=True):
    """Accounts with entries or statements that delinquency has not folded yet, and from which date on.

    A row is written in the transaction that writes the entry and removed in the one that folds it. A process killed
    in between leaves no payment unnoticed.
    """

    __tablename__ = "ledger_change"

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId, index=True)
    earliest_on: date


class Waiver(Row, table=True):
    """A fee or interest entry to be forgiven, wholly or in part, and who decided."""

    __tablename__ = "waiver"
    __table_args__ = (
        sa.Index("ix_waiver_entry", "entry_id"),
        sa.Index("ix_waiver_account", "account_id"),
        sa.Index("ix_waiver_open", "portfolio_id", "status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("decided_by <> requested_by OR alone", name="two_people"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    entry_id: int = Field(foreign_key="ledger_entry.id", sa_type=BigId)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    reason: str = Field(max_length=300)
    status: WaiverStatus = Field(default=WaiverStatus.REQUESTED, sa_type=enum_type(WaiverStatus))
    requested_by: str = Field(max_length=120)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    alone: bool = Field(default=False)
    """One person was enough: a manager within the portfolio's limit, or an agreement that was granted."""
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = Field(default="", max_length=300)
    credit_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    """The credit entry that an approved waiver posted."""


class ChargeTakenBack(Row, table=True):
    """A charge that an entry took back because it was wrong: a reversal that a dispute names as its correction. Like a
    waiver it lowers what is left of the minimum that billed the charge."""

    __tablename__ = "charge_taken_back"
    __table_args__ = (
        sa.Index("ix_charge_taken_back_account", "account_id"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    credit_id: int = Field(primary_key=True, foreign_key="ledger_entry.id", sa_type=BigId)
    """The entry that took it back."""
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    billed_on: date
    """The first statement that closed on or after this day asked for the charge."""
    by: str = Field(max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)
