"""Requests for help with payments, and what was asked of the customer."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.hardship.rules import (
    DocumentState,
    HardshipReason,
    HardshipStatus,
    HardshipWay,
    RefusalReason,
)
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class HardshipRequest(Row, table=True):
    """A customer asks for help with payments. While it is open a hold stands that no date ends."""

    __tablename__ = "hardship_request"
    __table_args__ = (
        sa.Index("ix_hardship_request_customer", "customer_id"),
        sa.Index(
            "ux_hardship_request_open",
            "customer_id",
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    hold_id: int = Field(foreign_key="case_hold.id", sa_type=BigId)
    way: HardshipWay = Field(sa_type=enum_type(HardshipWay))
    reasons: str = Field(max_length=200)
    """As `income_fell,separation`."""
    note: str = Field(default="", max_length=300)
    """What they ask for, in a few words."""
    statement_id: int | None = Field(default=None, foreign_key="household_statement.id", sa_type=BigId)
    """The household statement on file when it was taken down."""
    received_on: date
    answer_by: date
    """The last day for the answer."""
    status: HardshipStatus = Field(default=HardshipStatus.OPEN, sa_type=enum_type(HardshipStatus))
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    decided_on: date | None = None
    decided_by: str = Field(default="", max_length=120)
    refusals: str = Field(default="", max_length=120)
    """Why help was refused, as `can_pay`."""
    words: str = Field(default="", max_length=500)
    """What the letter says beside it, in the customer's language."""
    until: date | None = None
    """The last day of the help."""
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The agreement that the help is."""

    @property
    def reason_list(self) -> list[HardshipReason]:
        return [HardshipReason(each) for each in self.reasons.split(",") if each]

    @property
    def refusal_list(self) -> list[RefusalReason]:
        return [RefusalReason(each) for each in self.refusals.split(",") if each]


class HardshipDocument(Row, table=True):
    """Something that the customer was asked for."""

    __tablename__ = "hardship_document"
    __table_args__ = (sa.Index("ix_hardship_document_request", "request_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    request_id: int = Field(foreign_key="hardship_request.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    what: str = Field(max_length=120)
    asked_on: date
    state: DocumentState = Field(sa_type=enum_type(DocumentState))
    received_on: date | None = None
    document_id: int | None = Field(default=None, foreign_key="case_document.id", sa_type=BigId)
    lacking: str = Field(default="", max_length=200)
    """What it does not show."""
