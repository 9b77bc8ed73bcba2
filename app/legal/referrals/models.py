"""Referrals to the legal team and the sealed bundles they receive."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class ReferralStatus(StrEnum):
    NOMINATED = "nominated"
    APPROVED = "approved"
    DECLINED = "declined"
    DELIVERED = "delivered"
    RETURNED = "returned"
    """The case came back from the legal team: they gave it back, or a manager recalled it."""


ENDED = (ReferralStatus.DECLINED, ReferralStatus.RETURNED)
"""Referrals that are over: the case is with collections, and can be nominated again."""


WITH_LEGAL = (ReferralStatus.APPROVED, ReferralStatus.DELIVERED)
"""Referrals by which the legal team has the case."""


class Referral(Row, table=True):
    """A case on its way to the legal team. The person who nominated it cannot approve it."""

    __tablename__ = "referral"
    __table_args__ = (
        sa.Index("ix_referral_case", "case_id"),
        sa.Index(
            "uq_referral_open",
            "case_id",
            unique=True,
            sqlite_where=sa.text("status NOT IN ('declined', 'returned')"),
            postgresql_where=sa.text("status NOT IN ('declined', 'returned')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    status: ReferralStatus = Field(default=ReferralStatus.NOMINATED, sa_type=enum_type(ReferralStatus))
    reason: str = Field(max_length=500)
    nominated_by: str = Field(max_length=120)
    nominated_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decision_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    """Reason why the referral was declined."""
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    returned_by: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    returned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    return_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
