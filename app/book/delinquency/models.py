"""Standing of each account and its history: derived from the ledger, and rebuilt from it at will."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.book.delinquency.facts import MovementKind
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.policy.sections.pauses import PauseKind


class AccountState(Row, table=True):
    """The fold's result at the end of `folded_through`; nothing changes before `wake_on` unless an entry comes."""

    __tablename__ = "account_state"
    __table_args__ = (
        sa.Index("ix_account_state_wake", "portfolio_id", "wake_on"),
        sa.Index("ix_account_state_oldest", "portfolio_id", "oldest_due_on"),
    )

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    folded_through: date
    balance_minor: int = Field(sa_type=sa.BigInteger)
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    oldest_due_on: date | None = None
    """The oldest unpaid due's date, later by as many days as were paused: days past due are counted from it."""
    bucket: str = Field(default="current", max_length=20)
    dues: str = Field(default="[]", sa_type=sa.Text)
    """JSON [[due_on, amount_minor], ...], oldest first."""
    minimums: str = Field(default="[]", sa_type=sa.Text)
    """JSON [[closing_on, due_on, amount_minor], ...], oldest first."""
    wake_on: date | None = None
    prepaid_minor: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """Money beyond what was due, kept for the next minimums where the portfolio says so."""


class Spell(Row, table=True):
    """A stretch of days [from_on, to_on) on which an account stood past due unchanged. No row = current."""

    __tablename__ = "spell"
    __table_args__ = (
        sa.Index("ix_spell_account", "account_id", "from_on"),
        sa.Index("ix_spell_portfolio", "portfolio_id", "to_on", "from_on"),
        # A list shows the largest first.
        sa.Index(
            "ix_spell_amount", "portfolio_id", "past_due_minor", "account_id", "from_on", "to_on", "bucket"
        ),
        sa.Index(
            "uq_spell_open",
            "account_id",
            unique=True,
            sqlite_where=sa.text("to_on IS NULL"),
            postgresql_where=sa.text("to_on IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    from_on: date
    to_on: date | None = None
    bucket: str = Field(max_length=20)
    oldest_due_on: date
    past_due_minor: int = Field(sa_type=sa.BigInteger)


class Movement(Row, table=True):
    """A change of an account's past-due amount on a day: the lines of the roll-forward."""

    __tablename__ = "past_due_movement"
    __table_args__ = (
        # All that figures and lists of a window read, so that they need not look at the rows.
        sa.Index(
            "ix_past_due_movement_window", "portfolio_id", "on", "kind", "amount_minor", "account_id", "id"
        ),
        # A list shows the largest first.
        sa.Index(
            "ix_past_due_movement_amount", "portfolio_id", "kind", "amount_minor", "id", "on", "account_id"
        ),
        sa.Index("ix_past_due_movement_account", "account_id", "on"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    on: date
    kind: MovementKind = Field(sa_type=enum_type(MovementKind))
    amount_minor: int = Field(sa_type=sa.BigInteger)


class Pause(Row, table=True):
    """Days [from_on, to_on) of an account that do not count toward days past due; `to_on` empty = until ended."""

    __tablename__ = "delinquency_pause"
    __table_args__ = (
        sa.Index("ix_delinquency_pause_account", "account_id", "from_on"),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ends_after_it_began"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    kind: PauseKind = Field(sa_type=enum_type(PauseKind))
    from_on: date
    to_on: date | None = None
    reason: str = Field(default="", max_length=300)
    hold_id: int | None = Field(default=None, foreign_key="case_hold.id", sa_type=BigId)
    """The hold that it came with and ends with; empty = a person set it without a hold."""
    by: str = Field(max_length=120)
    posted_on: date
    """The business date on which it was known, as of a ledger entry."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)


class DisputedAmount(Row, table=True):
    """The sum of an account that its customer disputes: nobody asks for it until the disputes are decided. No row =
    nothing. Past due and days past due do not change by it.

    Kept by `app.casework.disputes` with the disputes themselves; an invariant compares the two.
    """

    __tablename__ = "disputed_amount"
    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="amount_positive"),)

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId, index=True)
    amount_minor: int = Field(sa_type=sa.BigInteger)


class ReAge(Row, table=True):
    """An account brought current without being paid current, under the rules of the pack."""

    __tablename__ = "re_age"
    __table_args__ = (sa.UniqueConstraint("account_id", "on"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    on: date
    """At the end of this day its unpaid dues are gone."""
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    rule: str = Field(max_length=80)
    """The pack, its version and the rule it was granted under."""
    reason: str = Field(max_length=300)
    by: str = Field(max_length=120)
    posted_on: date
    created_at: datetime = Field(sa_type=UtcDateTime)
