"""Household statements with their figures and debts, answers on affordability, and guideline figures."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.negotiation.household.rules import FigureSource, Frequency, Tenure
from app.casework.plans.rules import Cadence
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class HouseholdStatement(Row, table=True):
    """The statement of a household on one day. Never changed: a new one takes its place."""

    __tablename__ = "household_statement"
    __table_args__ = (sa.Index("ix_household_statement_customer", "customer_id", "taken_on"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    categories: str = Field(max_length=20)
    """Name of its list of categories."""
    currency: str = Field(max_length=3)
    taken_on: date
    review_on: date
    adults: int
    children_under_16: int = 0
    children_16_18: int = 0
    other_dependants: int = 0
    non_dependants: int = 0
    vehicles: int = 0
    tenure: Tenure | None = Field(default=None, sa_type=enum_type(Tenure))
    employment: str = Field(default="", max_length=200)
    """Values of `Employment`, with commas between them."""
    partner_employment: str = Field(default="", max_length=200)
    savings_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """None = as the list's rule says."""
    our_debt_minor: int = Field(sa_type=sa.BigInteger)
    """What the ledger said when it was recorded."""
    payday_on: date | None = None
    payday_cadence: Cadence | None = Field(default=None, sa_type=enum_type(Cadence))
    payday_days_after: int = 1
    assets_considered: bool = False
    savings_considered: bool = False
    notes: str = Field(default="", max_length=3000)
    guideline_id: int | None = Field(default=None, foreign_key="guideline.id", sa_type=BigId)
    """The guideline figures with which it was compared."""
    party_id: int | None = Field(default=None, foreign_key="third_party.id", sa_type=BigId)
    """The adviser who drew it up; None = it was taken from the customer."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class HouseholdFigure(Row, table=True):
    """One income or cost of a statement, as it was told."""

    __tablename__ = "household_figure"

    statement_id: int = Field(primary_key=True, foreign_key="household_statement.id", sa_type=BigId)
    code: str = Field(primary_key=True, max_length=40)
    amount_minor: int = Field(ge=0, sa_type=sa.BigInteger)
    frequency: Frequency = Field(sa_type=enum_type(Frequency))
    source: FigureSource = Field(sa_type=enum_type(FigureSource))
    as_of: date | None = None
    note: str = Field(default="", max_length=300)


class HouseholdDebt(Row, table=True):
    """One debt of a statement: priority debts and those of other creditors."""

    __tablename__ = "household_debt"

    statement_id: int = Field(primary_key=True, foreign_key="household_statement.id", sa_type=BigId)
    n: int = Field(primary_key=True)
    creditor: str = Field(max_length=120)
    owed_minor: int = Field(ge=0, sa_type=sa.BigInteger)
    offer_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    is_priority: bool = False
    has_judgment: bool = False
    is_ours: bool = False
    note: str = Field(default="", max_length=300)


class AffordabilityAnswer(Row, table=True):
    """The answer to "what could you pay, and when are you paid?"."""

    __tablename__ = "affordability_answer"
    __table_args__ = (sa.Index("ix_affordability_answer_customer", "customer_id", "said_on"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    said_on: date
    monthly_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """None = they did not say."""
    once_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    payday_on: date | None = None
    payday_cadence: Cadence | None = Field(default=None, sa_type=enum_type(Cadence))
    payday_days_after: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class Guideline(Row, table=True):
    """One edition of guideline figures, as the operator loaded it."""

    __tablename__ = "guideline"
    __table_args__ = (
        sa.UniqueConstraint("sha256"),
        sa.Index("ix_guideline_categories", "categories", "currency", "valid_from"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    categories: str = Field(max_length=20)
    currency: str = Field(max_length=3)
    source: str = Field(max_length=200)
    dated_on: date
    valid_from: date
    sha256: str = Field(max_length=64)
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class GuidelineLine(Row, table=True):
    """The monthly guideline of one cost, by person."""

    __tablename__ = "guideline_line"

    guideline_id: int = Field(primary_key=True, foreign_key="guideline.id", sa_type=BigId)
    code: str = Field(primary_key=True, max_length=40)
    first_adult_minor: int = Field(ge=0, sa_type=sa.BigInteger)
    further_adult_minor: int = Field(ge=0, sa_type=sa.BigInteger)
    child_under_16_minor: int = Field(ge=0, sa_type=sa.BigInteger)
    child_16_18_minor: int = Field(ge=0, sa_type=sa.BigInteger)
