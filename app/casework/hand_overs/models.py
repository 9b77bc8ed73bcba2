"""Offers made to customers, work handed to other desks, abusive contact."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.hand_overs.rules import ConductStep, HandOverKind, HandOverStatus, OfferAnswer
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type

_OPEN = sa.text("ended_at IS NULL")


class HelpOffer(Row, table=True):
    """Help or a product offered to a customer, and the latest answer; earlier ones are events."""

    __tablename__ = "help_offer"
    __table_args__ = (sa.Index("ix_help_offer_customer", "customer_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    code: str = Field(max_length=40)
    """A code of the list."""
    note: str = Field(default="", max_length=300)
    offered_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    answer: OfferAnswer = Field(sa_type=enum_type(OfferAnswer))
    answered_on: date
    answered_by: str = Field(max_length=120)
    """Who took the latest answer down."""


class DeskHandOver(Row, table=True):
    """Work handed to another desk: it is open until the desk did it or gave it back."""

    __tablename__ = "desk_hand_over"
    __table_args__ = (
        sa.Index("ix_desk_hand_over_customer", "customer_id"),
        sa.Index(
            "ix_desk_hand_over_open", "portfolio_id", "due_on", "id", sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        sa.CheckConstraint("(ended_at IS NOT NULL) = (status IN ('done', 'returned'))", name="ended"),
        sa.CheckConstraint("(received_at IS NULL) = (status = 'handed')", name="received"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    help_offer_id: int | None = Field(default=None, foreign_key="help_offer.id", sa_type=BigId)
    """The accepted offer that it is about."""
    desk: str = Field(max_length=40)
    kind: HandOverKind = Field(sa_type=enum_type(HandOverKind))
    words: str = Field(max_length=500)
    """What is wanted."""
    handed_on: date
    due_on: date
    by: str = Field(max_length=120)
    status: HandOverStatus = Field(default=HandOverStatus.HANDED, sa_type=enum_type(HandOverStatus))
    received_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_by: str = Field(default="", max_length=120)
    """Name of the person of the desk."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    result: str = Field(default="", max_length=500)
    """What the desk did, or why it gave the work back."""

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def is_overdue(self, today: date) -> bool:
        return self.is_open and self.due_on < today


class ConductRecord(Row, table=True):
    """One step after abusive contact, with the customer's words."""

    __tablename__ = "conduct_record"
    __table_args__ = (sa.Index("ix_conduct_record_customer", "customer_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    step: ConductStep = Field(sa_type=enum_type(ConductStep))
    words: str = Field(sa_type=sa.Text)
    was_warned: bool
    """A warning stood before this step."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    hand_over_id: int | None = Field(default=None, foreign_key="desk_hand_over.id", sa_type=BigId)
    """The supervisor's task after an ended call."""
    letter_words: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    """What was said, as a supervisor wrote it for the warning letter; '' = there is none."""
    letter_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
