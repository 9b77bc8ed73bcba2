"""Support needs of customers. What a need placed (preferences, holds, withheld places) has its number as `need_id`."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.support_needs.rules import Audience, Basis, ToldBy
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class SupportNeed(Row, table=True):
    """What a customer needs from us. Events name only its number, so that what it says can be forgotten."""

    __tablename__ = "support_need"
    __table_args__ = (
        sa.Index("ix_support_need_customer", "customer_id", "ended_at"),
        sa.Index(
            "ix_support_need_review",
            "review_on",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ux_support_need",
            "customer_id",
            "code",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    """The case on which it was recorded; it is the customer's, whichever case."""
    code: str = Field(max_length=40)
    note: str = Field(default="", max_length=120)
    """The support in a few words; no reason for it."""
    basis: Basis = Field(sa_type=enum_type(Basis))
    told_by: ToldBy = Field(sa_type=enum_type(ToldBy))
    audience: Audience = Field(sa_type=enum_type(Audience))
    review_on: date
    review_raised_on: date | None = None
    """Day on which work was raised last for its review."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    end_reason: str = Field(default="", max_length=200)
