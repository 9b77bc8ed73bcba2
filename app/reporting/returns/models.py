"""Returns that were frozen: their cells as they were known then, and the things behind them. None is ever changed."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.reporting.kpis.rules import Thing
from app.reporting.returns.rules import Measure, ReturnKind


class FrozenReturn(Row, table=True):
    """A return of a portfolio and a period as it was known when a person froze it. UPDATE and DELETE are refused by
    triggers; what is frozen again is a further version."""

    __tablename__ = "frozen_return"
    __table_args__ = (
        sa.UniqueConstraint(
            "portfolio_id", "kind", "business_date", "months", "version", name="uq_frozen_return_version"
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    kind: ReturnKind = Field(sa_type=enum_type(ReturnKind))
    business_date: date
    """The day at whose end it stands."""
    months: int
    """Length of its period; 0 = it has none."""
    version: int
    """1 for the first of its period."""
    definition: str = Field(max_length=20)
    """Version of the definition that it was computed by."""
    frozen_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class FrozenCell(Row, table=True):
    """A cell of a frozen return with its words, so that it reads the same whatever becomes of the definition."""

    __tablename__ = "frozen_return_cell"

    return_id: int = Field(primary_key=True, foreign_key="frozen_return.id", sa_type=BigId)
    position: int = Field(primary_key=True)
    section: str = Field(max_length=120)
    row: str = Field(max_length=40)
    title: str = Field(max_length=200)
    measure: Measure = Field(sa_type=enum_type(Measure))
    heading: str = Field(max_length=120)
    number: int | None = Field(default=None, sa_type=sa.BigInteger)
    """A count or minor units; empty = not recorded."""
    out_of: int | None = Field(default=None, sa_type=sa.BigInteger)
    per: int = 0
    missing: str = Field(default="", max_length=300)
    """Why it is not recorded."""
    behind: str = Field(default="", max_length=400)
    """Names of the rows whose things it counts, with commas between them."""


class FrozenLine(Row, table=True):
    """A thing that a row of a frozen return counts, and how much of it."""

    __tablename__ = "frozen_return_line"

    return_id: int = Field(primary_key=True, foreign_key="frozen_return.id", sa_type=BigId)
    row: str = Field(primary_key=True, max_length=40)
    kind: Thing = Field(primary_key=True, sa_type=enum_type(Thing))
    thing_id: int = Field(primary_key=True, sa_type=BigId)
    on: date | None = None
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    number: int = 1
    balance_minor: int = Field(default=0, sa_type=sa.BigInteger)
    past_due_minor: int = Field(default=0, sa_type=sa.BigInteger)
