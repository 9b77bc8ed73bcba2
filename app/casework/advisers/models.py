"""Advisers, the customers they act for, files of proposals, and lump payments with their parts."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.advisers.rules import PartStatus, ProposalStatus
from app.casework.plans.rules import Cadence, PlanKind
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class Adviser(Row, table=True):
    """An organisation that advises people in debt and acts for them."""

    __tablename__ = "adviser"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, max_length=20)
    """Ours, in files and commands."""
    name: str = Field(max_length=200)
    authorisation: str = Field(default="", max_length=120)
    """Its own permission to advise: register and number."""
    phone: str = Field(default="", max_length=20)
    email: str = Field(default="", max_length=254)
    address: str = Field(default="", max_length=400)
    """As it is to be printed, a line a part, without the country."""
    by_post: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """It wants letters, not e-mail."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Nothing is taken from it any more."""


class AdviserClient(Row, table=True):
    """The third party as which an adviser stands on a customer's file, with the authority that the customer gave."""

    __tablename__ = "adviser_client"
    __table_args__ = (
        sa.Index("ix_adviser_client_adviser", "adviser_id", "customer_id"),
        sa.Index("ix_adviser_client_reference", "adviser_id", "reference"),
    )

    party_id: int = Field(primary_key=True, foreign_key="third_party.id", sa_type=BigId)
    adviser_id: int = Field(foreign_key="adviser.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    reference: str = Field(default="", max_length=60)
    """The adviser's own number of the customer."""


class AdviserFile(Row, table=True):
    """One file of proposed plans."""

    __tablename__ = "adviser_file"
    __table_args__ = (sa.UniqueConstraint("adviser_id", "portfolio_id", "sha256"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    adviser_id: int = Field(foreign_key="adviser.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    name: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    read: int = 0
    loaded: int = 0
    unchanged: int = 0
    rejected: int = 0
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class AdviserReject(Row, table=True):
    """A fault of a line that was not taken."""

    __tablename__ = "adviser_reject"

    file_id: int = Field(primary_key=True, foreign_key="adviser_file.id", sa_type=BigId)
    n: int = Field(primary_key=True)
    line: int
    reference: str = Field(default="", max_length=60)
    field: str = Field(max_length=120)
    reason: str = Field(max_length=400)


class AdviserProposal(Row, table=True):
    """A plan that an adviser proposes for one customer."""

    __tablename__ = "adviser_proposal"
    __table_args__ = (
        sa.UniqueConstraint("adviser_id", "digest"),
        sa.Index("ix_adviser_proposal_file", "file_id", "status"),
        sa.Index("ix_adviser_proposal_case", "case_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    file_id: int = Field(foreign_key="adviser_file.id", sa_type=BigId)
    adviser_id: int = Field(foreign_key="adviser.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    line: int
    digest: str = Field(max_length=64)
    """Of the line: the same line again is no second proposal."""
    status: ProposalStatus = Field(default=ProposalStatus.PROPOSED, sa_type=enum_type(ProposalStatus))
    kind: PlanKind = Field(sa_type=enum_type(PlanKind))
    amount_minor: int = Field(gt=0, sa_type=sa.BigInteger)
    """Each payment; the last may be smaller."""
    cadence: Cadence = Field(sa_type=enum_type(Cadence))
    first_due_on: date
    total_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """None = everything that is owed."""
    down_payment_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    statement_id: int | None = Field(
        default=None, foreign_key="household_statement.id", ondelete="SET NULL", sa_type=BigId
    )
    """None once the statement was deleted with its retention."""
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    why: str = Field(default="", max_length=300)


class LumpPayment(Row, table=True):
    """One payment of an adviser for many customers, and the schedule that splits it."""

    __tablename__ = "lump_payment"
    __table_args__ = (
        sa.Index(
            "uq_lump_payment_standing",
            "portfolio_id",
            "reference",
            unique=True,
            sqlite_where=sa.text("reversed_at IS NULL"),
            postgresql_where=sa.text("reversed_at IS NULL"),
        ),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    adviser_id: int = Field(foreign_key="adviser.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    reference: str = Field(max_length=60)
    paid_on: date
    amount_minor: int = Field(sa_type=sa.BigInteger)
    unmatched_id: int | None = Field(default=None, foreign_key="unmatched_payment.id", sa_type=BigId)
    """The bank's credit that was split; None = it was recorded by hand."""
    sha256: str = Field(max_length=64)
    """Of its schedule."""
    posted_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    reversed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reversed_by: str = Field(default="", max_length=120)
    reversed_why: str = Field(default="", max_length=200)


class LumpPart(Row, table=True):
    """One part of a lump payment: posted to an account, or waiting for a person."""

    __tablename__ = "lump_part"

    lump_id: int = Field(primary_key=True, foreign_key="lump_payment.id", sa_type=BigId)
    n: int = Field(primary_key=True)
    """The line of the schedule; the rest that no line names comes last."""
    reference: str = Field(max_length=60)
    amount_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    """0 = it could not be read."""
    status: PartStatus = Field(sa_type=enum_type(PartStatus))
    account_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    entry_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    unmatched_id: int | None = Field(default=None, foreign_key="unmatched_payment.id", sa_type=BigId)
    why: str = Field(default="", max_length=300)
