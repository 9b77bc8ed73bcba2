"""Bundles: sealed case files and their receipts."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class Bundle(Row, table=True):
    """A sealed case file, kept whole: the delivered file can be shown again byte for byte."""

    __tablename__ = "bundle"
    __table_args__ = (sa.Index("ix_bundle_case", "case_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(max_length=60, unique=True)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    as_of: date
    sha256: str = Field(max_length=64)
    size: int
    content: bytes = Field(sa_type=sa.LargeBinary)
    complete: bool
    incomplete_reason: str = Field(default="", max_length=500)
    """Every excuse in one line, cut to fit."""
    excuses: str = Field(default="[]", sa_type=sa.Text, sa_column_kwargs={"server_default": "[]"})
    """JSON: for each item that is missing, its title, the reason and who gave it."""
    owed_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """The amount of the claim when it was built, later entries counted; once less is owed, it is not handed over."""
    supersedes: str = Field(default="", max_length=60)
    built_by: str = Field(max_length=120)
    built_at: datetime = Field(sa_type=UtcDateTime)
    receipt: str = Field(default="", sa_type=sa.Text)
    """The legal desk's receipt as JSON, once delivered."""
