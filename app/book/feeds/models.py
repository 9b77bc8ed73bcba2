"""Tables of the feeds: loads, payments that wait for an account, and what banks told before."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.book.ledger.rules import FeedKind, UnmatchedStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class FeedLoad(Row, table=True):
    """One load of a file: its author and its counts."""

    __tablename__ = "feed_load"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    kind: FeedKind = Field(sa_type=enum_type(FeedKind))
    file_name: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    read: int = Field(default=0)
    loaded: int = Field(default=0)
    updated: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    unchanged: int = Field(default=0)
    conflicts: int = Field(default=0)
    rejected: int = Field(default=0)
    rows_done: int = Field(default=0)
    """Rows of the file whose outcome is committed: where a load of the same file resumes."""
    bytes_done: int = Field(default=0, sa_type=sa.BigInteger)
    bytes_total: int = Field(default=0, sa_type=sa.BigInteger)
    """For the progress bar; 0 = not known (standard input)."""
    stored_path: str = Field(default="", max_length=500)
    """Path of an uploaded file, so that an interrupted load can go on."""
    mapping: str = Field(default="", max_length=80)
    rejects_file: str = Field(default="", max_length=500)
    warned: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Words about cells of rows that were loaded all the same."""
    warnings_file: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    notes: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    """Remarks for a person about the file as a whole, one sentence a line."""
    failure: str = Field(default="", max_length=500)
    """Reason why the file as a whole could not be read to its end."""
    by: str = Field(max_length=120)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class UnmatchedPayment(Row, table=True):
    """Money a bank credited to us that no account could be found for: it waits for a person."""

    __tablename__ = "unmatched_payment"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "reference"),
        sa.Index("ix_unmatched_payment_waiting", "portfolio_id", "status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    reference: str = Field(max_length=80)
    """The bank's own reference of the credit; becomes the entry's reference once it is matched."""
    paid_on: date
    amount_minor: int = Field(sa_type=sa.BigInteger)
    payer_name: str = Field(default="", max_length=140)
    payer_account: str = Field(default="", max_length=40)
    """Masked: the last four characters."""
    payer_key: str = Field(default="", max_length=64)
    """Keyed hash of the payer's account, see `PayerAccount`."""
    remittance: str = Field(default="", max_length=500)
    """Text of the payer; anything like a card number is blotted out."""
    why: str = Field(default="", max_length=300)
    """Reason why the payment could not be matched, in words for a person."""
    status: UnmatchedStatus = Field(default=UnmatchedStatus.WAITING, sa_type=enum_type(UnmatchedStatus))
    entry_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = Field(default="", max_length=300)
    received_at: datetime = Field(sa_type=UtcDateTime)


class BankTransaction(Row, table=True):
    """Place of a transaction in a bank's message, so that the same one in another message is not another payment."""

    __tablename__ = "bank_transaction"
    __table_args__ = (
        sa.UniqueConstraint("portfolio_id", "key", "message", "page", "nth"),
        sa.Index("ix_bank_transaction_reference", "portfolio_id", "reference"),
        sa.Index("ix_bank_transaction_bank_reference", "portfolio_id", "bank_reference"),
        sa.Index("ix_bank_transaction_end_to_end", "portfolio_id", "end_to_end"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    key: str = Field(max_length=40)
    """Hash of all that the bank says of it; payers' bank accounts are in it by their last four characters only."""
    message: str = Field(max_length=40)
    page: str = Field(max_length=40)
    nth: int
    """Number of times this page had given the same transaction by then."""
    number: int
    """Number of this payment among those with the same key."""
    reference: str = Field(max_length=80)
    """Reference of the entry or the waiting payment it became, or of the return."""
    bank_reference: str = Field(default="", max_length=80)
    end_to_end: str = Field(default="", max_length=80)
    payer_key: str = Field(default="", max_length=64)
    told: str = Field(default="", max_length=32)
    """Hashes of the payer's name and of what the payer wrote, each 16 characters; zeros for nothing."""
    read_at: datetime = Field(sa_type=UtcDateTime)


class PayerAccount(Row, table=True):
    """A bank account that has paid for an account of ours before, known by a keyed hash only."""

    __tablename__ = "payer_account"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "payer_key", "account_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    payer_key: str = Field(max_length=64)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    last_amount_minor: int = Field(sa_type=sa.BigInteger)
    last_paid_on: date
