"""A hold: why a customer is left alone, and until when."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.holds.rules import ENDING_EVENTS, FOR_GOOD, EndsBy
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.vocabulary import HoldKind


class CaseHold(Row, table=True):
    """Reason to leave a customer alone. On `until` a hold ends by itself, or comes up for review where only a person
    ends it."""

    __tablename__ = "case_hold"
    __table_args__ = (
        sa.Index("ix_case_hold_customer", "customer_id", "ended_at"),
        sa.Index(
            "ix_case_hold_open",
            "customer_id",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_case_hold_need",
            "need_id",
            sqlite_where=sa.text("need_id IS NOT NULL"),
            postgresql_where=sa.text("need_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: HoldKind = Field(sa_type=enum_type(HoldKind))
    reason: str = Field(max_length=500)
    started_at: datetime = Field(sa_type=UtcDateTime)
    until: date
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    end_reason: str = Field(default="", max_length=500, sa_column_kwargs={"server_default": ""})
    need_id: int | None = Field(default=None, foreign_key="support_need.id", sa_type=BigId)
    """The support need that placed it, and with which it ends; None = none."""
    by_person: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Only a person ends this one, although a date ends others of its kind: its end hangs on an event that nobody knows
    beforehand, such as the end of a treatment."""
    review_raised_on: date | None = None
    """Day on which work was raised last for its review."""

    @property
    def for_good(self) -> bool:
        """True if only a person ends it, and `until` is its review date."""
        return self.kind in FOR_GOOD or self.by_person

    @property
    def ending_event(self) -> EndsBy | None:
        """The event that ends it without anybody's decision; None = there is none for its kind."""
        return ENDING_EVENTS.get(self.kind)


def no_date_ends(hold: sa.FromClause) -> sa.ColumnElement[bool]:
    """SQL: only a person ends the hold, as `CaseHold.for_good`. `hold`: its table or an alias."""
    return sa.or_(hold.c.kind.in_(FOR_GOOD), hold.c.by_person)
