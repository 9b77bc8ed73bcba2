"""Promises to pay and repayment plans with their instalments."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of


class Plan(Row, table=True):
    __tablename__ = "plan"
    __table_args__ = (
        sa.Index("ix_plan_case", "case_id"),
        sa.Index("ix_plan_assess", "portfolio_id", "status", "assess_on"),
        sa.Index("ix_plan_ended", "portfolio_id", "status", "ended_on"),
        sa.Index(
            "uq_plan_live",
            "case_id",
            unique=True,
            sqlite_where=sa.text("status IN ('accepted', 'active')"),
            postgresql_where=sa.text("status IN ('accepted', 'active')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: PlanKind = Field(sa_type=enum_type(PlanKind))
    status: PlanStatus = Field(sa_type=enum_type(PlanStatus))
    total_minor: int = Field(gt=0, sa_type=sa.BigInteger)
    offered_at: datetime = Field(sa_type=UtcDateTime)
    offered_by: str = Field(max_length=120)
    accepted_on: date | None = None
    """Payments from this date on count towards the plan."""
    assess_on: date | None = None
    """The next day on which it has to be looked at."""
    ended_on: date | None = None
    broken_instalment: int | None = None
    why: str = Field(default="", max_length=300)

    @property
    def reference(self) -> str:
        """Such as `P-000003`."""
        return f"P-{id_of(self):06d}"


class PlanAccount(Row, table=True):
    """An account that a settlement settles."""

    __tablename__ = "plan_account"

    plan_id: int = Field(primary_key=True, foreign_key="plan.id", sa_type=BigId)
    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)


class PlanInstalment(Row, table=True):
    __tablename__ = "plan_instalment"

    plan_id: int = Field(primary_key=True, foreign_key="plan.id", sa_type=BigId)
    n: int = Field(primary_key=True)
    """0 is the down payment."""
    due_on: date
    amount_minor: int = Field(gt=0, sa_type=sa.BigInteger)
