"""Contact points of a customer."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.book.customers.rules import PointKind, PointSource, PointState, PointType
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class ContactPoint(Row, table=True):
    """A telephone number, e-mail address or postal address of a customer. The main point of each kind is in the
    customer's own columns and needs no row until something is known of it; a row is ended, never deleted or
    overwritten by another value."""

    __tablename__ = "contact_point"
    __table_args__ = (
        sa.Index("ix_contact_point_customer", "customer_id"),
        sa.Index("ix_contact_point_value", "value"),
        # People say the end of a number.
        sa.Index("ix_contact_point_end", sa.text("substr(value, length(value) - 3)")),
        sa.Index(
            "ux_contact_point",
            "customer_id",
            "kind",
            "value",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: PointKind = Field(sa_type=enum_type(PointKind))
    type: PointType = Field(sa_type=enum_type(PointType))
    value: str = Field(max_length=600)
    """E.164 number, e-mail address, or the postal address as letters spell it, without the name."""
    address_line1: str = Field(default="", max_length=200)
    address_line2: str = Field(default="", max_length=200)
    city: str = Field(default="", max_length=100)
    region: str = Field(default="", max_length=60)
    postcode: str = Field(default="", max_length=20)
    country: str = Field(default="", max_length=2)
    state: PointState = Field(sa_type=enum_type(PointState))
    state_by: str = Field(max_length=120)
    """Who gave it this state: a file does not open what a person closed."""
    fed_state: str = Field(default="", max_length=40)
    """The state that a file gave last; '' = no file has named it."""
    employer: bool = Field(default=False)
    """It is the employer's: the pack's rules about work numbers and addresses apply."""
    source: PointSource = Field(sa_type=enum_type(PointSource))
    note: str = Field(default="", max_length=120)
    noted_on: date
    """The day on which it was told or found."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    end_reason: str = Field(default="", max_length=200)


class WithheldPlace(Row, table=True):
    """A number or address that was taken off every page because it would put the customer at risk. It stands here
    alone, for those who may see the support need that it belongs to; no file and no person puts it back meanwhile."""

    __tablename__ = "withheld_place"
    __table_args__ = (
        sa.Index("ix_withheld_place_customer", "customer_id", "ended_at"),
        sa.Index("ix_withheld_place_need", "need_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    need_id: int = Field(foreign_key="support_need.id", sa_type=BigId)
    kind: PointKind = Field(sa_type=enum_type(PointKind))
    value: str = Field(max_length=600)
    """As `ContactPoint.value`."""
    started_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
