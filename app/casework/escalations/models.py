"""Escalations to a supervisor."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.escalations.rules import EscalationReason, EscalationStatus, is_late, still_waits
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type

_OPEN = sa.text("ended_at IS NULL")


class Escalation(Row, table=True):
    """A question to the supervisors about a case. A case has one that is open at most."""

    __tablename__ = "escalation"
    __table_args__ = (
        sa.Index("ix_escalation_customer", "customer_id"),
        sa.Index("ix_escalation_case", "case_id"),
        sa.Index(
            "uq_escalation_open", "case_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('answered', 'returned', 'taken_over', 'withdrawn'))", name="ended"
        ),
        sa.CheckConstraint("status <> 'taken' OR taken_at IS NOT NULL", name="taken"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    reason: EscalationReason = Field(sa_type=enum_type(EscalationReason))
    words: str = Field(max_length=500)
    """What happened, and what is wanted."""
    is_waiting: bool = Field(default=False)
    """The customer waited on the line as it was asked."""
    due_on: date
    asked_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    status: EscalationStatus = Field(default=EscalationStatus.ASKED, sa_type=enum_type(EscalationStatus))
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    taken_by: str = Field(default="", max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    answer: str = Field(default="", max_length=1000)

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def waits(self, now: datetime) -> bool:
        """Whether the customer may still be on the line."""
        return still_waits(self.asked_at, now, is_waiting=self.is_waiting, is_open=self.is_open)

    def is_overdue(self, now: datetime, today: date) -> bool:
        return self.is_open and is_late(self.due_on, self.asked_at, now, today, waits=self.waits(now))
