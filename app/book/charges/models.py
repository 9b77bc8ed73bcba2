"""Progress of interest, concessions while an agreement is kept, rates the law caps, and parts that bear nothing."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class Accrual(Row, table=True):
    """Interest of an account, posted through `through`. `carry` is the part that was not yet a whole minor unit, in
    parts of 1 / (day count * 1,000,000)."""

    __tablename__ = "accrual"

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId, index=True)
    through: date
    carry: int = Field(default=0, sa_type=sa.BigInteger)


class Concession(Row, table=True):
    """Days [from_on, to_on) on which an account bears a lower rate or no late fees; `to_on` empty = while the agreement
    is kept. Ended, never changed: a rate does not rise for days that have passed."""

    __tablename__ = "concession"
    __table_args__ = (
        sa.Index("ix_concession_account", "account_id", "from_on"),
        sa.Index("ix_concession_plan", "plan_id"),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ends_after_it_began"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    """The agreement that it came with and ends with."""
    apr_millionths: int | None = Field(default=None, ge=0)
    """None = the rate stays the account's own."""
    without_fees: bool = False
    """No late fees are charged."""
    from_on: date
    to_on: date | None = None
    by: str = Field(max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)


class ProtectedRate(Row, table=True):
    """Days [from_on, to_on) on which the law caps what an account may bear, interest and fees together: it bears that
    rate at most, and no late fees. It comes with a hold and ends with it."""

    __tablename__ = "protected_rate"
    __table_args__ = (
        sa.Index("ix_protected_rate_account", "account_id", "from_on"),
        sa.Index("ix_protected_rate_hold", "hold_id"),
        sa.CheckConstraint("to_on > from_on", name="ends_after_it_began"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    hold_id: int = Field(foreign_key="case_hold.id", sa_type=BigId)
    apr_millionths: int = Field(ge=0)
    from_on: date
    to_on: date
    """The day on which the hold ends; earlier where a person ended it."""
    by: str = Field(max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)


class ChargeRest(Row, table=True):
    """Days [from_on, to_on) on which a disputed part of an account bears no interest and no late fee; `to_on` empty =
    until it is decided. Never changed: what a decision finds otherwise is lifted, and written anew."""

    __tablename__ = "charge_rest"
    __table_args__ = (
        sa.Index("ix_charge_rest_account", "account_id", "from_on"),
        sa.Index("ix_charge_rest_dispute", "dispute_id"),
        sa.CheckConstraint("to_on IS NULL OR to_on > from_on", name="ends_after_it_began"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    dispute_id: int = Field(foreign_key="dispute.id", sa_type=BigId)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    from_on: date
    to_on: date | None = None
    lifted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """It counts no more, for none of its days: the dispute was changed or decided."""
    by: str = Field(max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)
