"""Thresholds of key figures."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.operations.thresholds.rules import Limit, Measured, ThresholdTest


class Threshold(Row, table=True):
    """A limit of one figure of a portfolio, as a manager set it. Its changes are events."""

    __tablename__ = "threshold"
    __table_args__ = (sa.Index("ix_threshold_portfolio", "portfolio_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    kpi: str = Field(max_length=60)
    dimension: str = Field(default="", max_length=30)
    """'' = the whole portfolio."""
    member: str = Field(default="", max_length=64)
    test: ThresholdTest = Field(sa_type=enum_type(ThresholdTest))
    measured: Measured = Field(sa_type=enum_type(Measured))
    amount: int = Field(sa_type=sa.BigInteger)
    """As in `Limit`."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    judged_on: date | None = Field(default=None, sa_type=sa.Date)
    """The last closed day that was held against it."""
    crossed_on: date | None = Field(default=None, sa_type=sa.Date)
    """The first day of those on which it is crossed; None = it is not."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)

    @property
    def limit(self) -> Limit:
        return Limit(self.test, self.measured, self.amount)
