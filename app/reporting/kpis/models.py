"""Snapshots of the key figures; a restated day keeps both figures."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class KpiSnapshot(Row, table=True):
    """`version` 1 is what was known that night; each restatement adds a version, the highest is current."""

    __tablename__ = "kpi_snapshot"
    __table_args__ = (
        sa.UniqueConstraint(
            "portfolio_id",
            "business_date",
            "kpi",
            "dimension",
            "member",
            "version",
            name="uq_kpi_snapshot_version",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    business_date: date
    kpi: str = Field(max_length=60)
    dimension: str = Field(default="", max_length=30)
    """Dimension of the slice: `bucket`, `agent`, `channel`; empty for the whole portfolio."""
    member: str = Field(default="", max_length=60)
    """One member of the dimension: `1-29`, a username, `sms`; empty for the whole portfolio."""
    definition: str = Field(max_length=20)
    version: int = Field(default=1)
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int = Field(sa_type=sa.BigInteger)
    computed_at: datetime = Field(sa_type=UtcDateTime)
