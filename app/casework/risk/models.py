"""Trained break-risk models, in append-only versions."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class RiskModelVersion(Row, table=True):
    """One training of a portfolio's model: the scorecard, how good it was on a later period, and whether it is used."""

    __tablename__ = "risk_model_version"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "version", name="uq_risk_model_version"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    version: int = Field(ge=1)
    through: date
    """The last closed day whose outcomes it knows."""
    is_used: bool
    """It beat the base rate on a later period. Otherwise the base rate is shown."""
    why: str = Field(max_length=300)
    """The finding as a sentence."""
    breaks: int
    trials: int
    ended: int
    first_breaks: int
    first_trials: int
    later_days: int
    """Outcomes of the portfolio until then: the fields of its `BaseRate`."""
    scorecard: str = Field(default="", sa_type=sa.Text)
    """JSON; '' where too little history gave none."""
    findings: str = Field(default="", sa_type=sa.Text)
    """JSON of `TrainingFindings`."""
    trained_at: datetime = Field(sa_type=UtcDateTime)
    trained_by: str = Field(max_length=120)
