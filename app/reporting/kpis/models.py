"""Snapshots of the key figures (a restated day keeps both figures), and the members each account had on each day."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime

NEVER = date.max


class KpiSnapshot(Row, table=True):
    """`version` 1 is what was known that night; each restatement adds a version, the highest is current."""

    __tablename__ = "kpi_snapshot"
    __table_args__ = (
        sa.UniqueConstraint(
            "portfolio_id",
            "business_date",
            "kpi",
            "dimension",
            "member",
            "version",
            name="uq_kpi_snapshot_version",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    business_date: date
    kpi: str = Field(max_length=60)
    dimension: str = Field(default="", max_length=30)
    """Dimension of the slice: `bucket`, `agent`, `channel`; empty for the whole portfolio."""
    member: str = Field(default="", max_length=64)
    """One member of the dimension: `1-29`, a username, `sms`; empty for the whole portfolio, and in a slice for things
    without a member, such as accounts that no agent works."""
    definition: str = Field(max_length=20)
    version: int = Field(default=1)
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int = Field(sa_type=sa.BigInteger)
    computed_at: datetime = Field(sa_type=UtcDateTime)
    restatement_id: int | None = Field(default=None, foreign_key="kpi_restatement.id", sa_type=BigId)
    """The restatement that brought this version; None = the night of the day itself."""


class Restatement(Row, table=True):
    """A night found that closed days from `since` on are not as they were reported."""

    __tablename__ = "kpi_restatement"
    __table_args__ = (sa.Index("ix_kpi_restatement_portfolio", "portfolio_id", "run_on"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    run_on: date
    """The business day whose night it was."""
    since: date
    at: datetime = Field(sa_type=UtcDateTime)


class RestatementEntry(Row, table=True):
    """An entry that came since the night before and is dated into a closed day, or reverses one that is."""

    __tablename__ = "kpi_restatement_entry"

    restatement_id: int = Field(primary_key=True, foreign_key="kpi_restatement.id", sa_type=BigId)
    entry_id: int = Field(primary_key=True, foreign_key="ledger_entry.id", sa_type=BigId)


class KpiSlice(Row, table=True):
    """A combination of members, one of each dimension in which accounts have a history. Accounts refer to it, so that a
    night groups by one number."""

    __tablename__ = "kpi_slice"
    __table_args__ = (
        sa.UniqueConstraint(
            "portfolio_id",
            "product",
            "agent",
            "team",
            "strategy",
            "arm",
            "placement",
            "segment",
            name="uq_kpi_slice_members",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    product: str = Field(max_length=60)
    agent: str = Field(max_length=64)
    """Username of the owner of the customer's open case; '' = none."""
    team: str = Field(max_length=60)
    """Team of that agent."""
    strategy: str = Field(max_length=60)
    """Version that decides the next contact of the open case; '' = no open case."""
    arm: str = Field(max_length=60)
    """Experiment and arm, such as `4 challenger`; '' = not in an experiment that runs."""
    placement: str = Field(max_length=7)
    """Month of placement, or else of opening: `2026-03`."""
    segment: str = Field(max_length=60)
    """Segment of the strategy; '' = the ladder of all other customers, or no open case."""


class AccountSlice(Row, table=True):
    """The members of an account on the days [from_on, to_on). Its first row reaches back to the beginning, so that
    every account has one on every day; a change adds a row and changes no other day."""

    __tablename__ = "account_slice"
    __table_args__ = (
        sa.Index(
            "ix_account_slice_open",
            "portfolio_id",
            "account_id",
            sqlite_where=sa.text("to_on IS NULL"),
            postgresql_where=sa.text("to_on IS NULL"),
        ),
        # The night looks at accounts that had members of a case until now.
        sa.Index(
            "ix_account_slice_of",
            "slice_id",
            "account_id",
            sqlite_where=sa.text("to_on IS NULL"),
            postgresql_where=sa.text("to_on IS NULL"),
        ),
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    from_on: date = Field(primary_key=True)
    to_on: date | None = None
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    slice_id: int = Field(foreign_key="kpi_slice.id", sa_type=BigId)


class AccountStanding(Row, table=True):
    """The standing of an account at the end of the last night and of the month before, in one wide row for scans.
    Derived; `wide.py` writes it."""

    __tablename__ = "account_standing"
    __table_args__ = (
        sa.Index("ix_account_standing_portfolio", "portfolio_id", "account_id"),
        # The night looks whether an account that had ended is active again; most have not ended.
        sa.Index(
            "ix_account_standing_not_active",
            "portfolio_id",
            sqlite_where=sa.text("status <> 'active'"),
            postgresql_where=sa.text("status <> 'active'"),
        ),
        # Lists behind figures show the first accounts, or the largest balances: of all, or of those that are past due.
        sa.Index("ix_account_standing_balance", "portfolio_id", "balance_minor"),
        sa.Index(
            "ix_account_standing_late",
            "portfolio_id",
            "account_id",
            "oldest_due_on",
            sqlite_where=sa.text("oldest_due_on IS NOT NULL"),
            postgresql_where=sa.text("oldest_due_on IS NOT NULL"),
        ),
        sa.Index(
            "ix_account_standing_late_balance",
            "portfolio_id",
            "balance_minor",
            "account_id",
            "oldest_due_on",
            sqlite_where=sa.text("oldest_due_on IS NOT NULL"),
            postgresql_where=sa.text("oldest_due_on IS NOT NULL"),
        ),
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(sa_type=BigId)
    slice_id: int | None = Field(default=None, sa_type=BigId)
    opened_on: date
    status: str = Field(max_length=40)
    ended_on: date | None = None
    known_from: date | None = None
    """First day that its creditor reported; None where ledgers are kept, or before the first report."""
    bucket: str = Field(max_length=20)
    oldest_due_on: date | None = None
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    balance_minor: int = Field(sa_type=sa.BigInteger)
    then_on: date
    """The month end of `then_bucket` and `then_balance_minor`. A row of an earlier one did not change since: it stood
    at the later month end as it stands."""
    then_bucket: str = Field(max_length=20)
    then_balance_minor: int = Field(sa_type=sa.BigInteger)


class StandingSum(Row, table=True):
    """Accounts that stand alike: nothing that a figure asks of their wide rows tells them apart. Derived; `wide.py`
    keeps it. `NEVER` stands for a day that there is none of, and 0 for no combination of members."""

    __tablename__ = "standing_sum"

    portfolio_id: int = Field(primary_key=True, foreign_key="portfolio.id", sa_type=BigId)
    slice_id: int = Field(primary_key=True, sa_type=BigId)
    bucket: str = Field(primary_key=True, max_length=20)
    oldest_due_on: date = Field(primary_key=True)
    then_on: date = Field(primary_key=True)
    then_bucket: str = Field(primary_key=True, max_length=20)
    status: str = Field(primary_key=True, max_length=40)
    opened_on: date = Field(primary_key=True)
    """`then_on` for every earlier day, as the next two: no figure tells them apart."""
    ended_on: date = Field(primary_key=True)
    known_from: date = Field(primary_key=True)
    accounts: int = Field(sa_type=sa.BigInteger)
    balance_minor: int = Field(sa_type=sa.BigInteger)
    positive_minor: int = Field(sa_type=sa.BigInteger)
    """Balances above 0."""
    then_balance_minor: int = Field(sa_type=sa.BigInteger)


class StandingNight(Row, table=True):
    """The day at whose end the wide rows of a portfolio stand."""

    __tablename__ = "standing_night"

    portfolio_id: int = Field(primary_key=True, foreign_key="portfolio.id", sa_type=BigId)
    through: date
    last_entry_id: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """The last entry that this night has seen: later ones came since."""
