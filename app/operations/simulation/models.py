"""Simulation runs: those that managers started, and the results."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.operations.simulation.rules import RunStatus


class SimulationRun(Row, table=True):
    """A strategy tried on a copy of a portfolio. Nothing of it touches the portfolio; the row may be deleted."""

    __tablename__ = "simulation_run"
    __table_args__ = (sa.Index("ix_simulation_run_portfolio", "portfolio_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    first_on: date
    last_on: date
    """Business dates that are closed on the copy, both included."""
    candidate: str = Field(default="", max_length=60)
    """The strategy version that is tried beside the live one, as `code@number`; '' = the live one alone."""
    status: RunStatus = Field(default=RunStatus.WAITING, sa_type=enum_type(RunStatus))
    percent: int = Field(default=0)
    failure: str = Field(default="", max_length=500)
    result: str = Field(default="", sa_type=sa.Text)
    """JSON of a `Comparison`, once done."""
    contacts: bytes = Field(default=b"", sa_type=sa.LargeBinary)
    """The list of contacts: CSV, gzipped."""
    by: str = Field(max_length=120)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
