"""Versions of a portfolio's result codes."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class ResultCodeVersion(Row, table=True):
    """The result codes of a portfolio as a person wrote them; the latest version is in use. UPDATE and DELETE are
    refused by triggers: a change is a new version, and so is the return to an earlier one."""

    __tablename__ = "result_code_version"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "number"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    number: int
    """From 1 in each portfolio."""
    text: str = Field(sa_type=sa.Text)
    """TOML, as written."""
    reason: str = Field(max_length=300)
    reverts_to: int | None = None
    """Number of the earlier version whose text it repeats; 0 = the shipped text."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
