"""Presence: the people who have a case open, and who of them is on the telephone about it."""

from datetime import datetime

from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class OpenPage(Row, table=True):
    """A member of staff who has the case open: one row a person and case, refreshed by the open page. It is working
    data, not history: old rows are deleted."""

    __tablename__ = "case_view"

    case_id: int = Field(primary_key=True, foreign_key="collections_case.id", sa_type=BigId)
    username: str = Field(primary_key=True, max_length=64)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)
    calling_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Start of this person's call; None = not on the telephone."""
