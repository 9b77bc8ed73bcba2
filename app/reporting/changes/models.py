"""The days on which people looked at the figures of a portfolio."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class FigureLook(Row, table=True):
    """The last closed day that a person saw of a portfolio, and the one before it. Looking again at the same day
    changes nothing, so that a page that is opened twice says the same twice."""

    __tablename__ = "figure_look"

    username: str = Field(primary_key=True, max_length=64)
    portfolio_id: int = Field(primary_key=True, foreign_key="portfolio.id", sa_type=BigId)
    seen_on: date
    seen_at: datetime = Field(sa_type=UtcDateTime)
    before_on: date | None = Field(default=None, sa_type=sa.Date)
    """The day seen before; None at the first look."""
    before_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
