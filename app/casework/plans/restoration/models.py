"""Broken agreements that were not broken after all."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class PlanRestoration(Row, table=True):
    """A break that was taken back: a payment that was made in time was posted after it."""

    __tablename__ = "plan_restoration"
    __table_args__ = (
        sa.Index("ix_plan_restoration_plan", "plan_id", "id"),
        sa.Index("ix_plan_restoration_day", "portfolio_id", "restored_on"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    entry_id: int = Field(foreign_key="ledger_entry.id", sa_type=BigId)
    """The payment that was posted late; of several the last."""
    broken_on: date
    """The day on which the agreement was found broken."""
    broken_instalment: int
    broken_why: str = Field(max_length=300)
    restored_on: date
    created_at: datetime = Field(sa_type=UtcDateTime)
