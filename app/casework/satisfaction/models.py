"""A satisfaction question to a customer, and its answer."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.satisfaction.rules import AskedAfter
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.vocabulary import Channel


class Survey(Row, table=True):
    """One question to one customer about one thing that was closed. Its two messages are contacts."""

    __tablename__ = "survey"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "occurrence"),
        sa.UniqueConstraint("event_id"),
        sa.UniqueConstraint("message_id"),
        sa.Index("ix_survey_customer", "customer_id"),
        sa.Index("ix_survey_portfolio", "portfolio_id", "asked_on"),
        sa.Index(
            "ix_survey_answered",
            "portfolio_id",
            "answered_on",
            sqlite_where=sa.text("answered_on IS NOT NULL"),
            postgresql_where=sa.text("answered_on IS NOT NULL"),
        ),
        # Few rows: those that may still be reminded of.
        sa.Index(
            "ix_survey_unanswered",
            "portfolio_id",
            "asked_on",
            sqlite_where=sa.text("contact_id IS NOT NULL AND answered_at IS NULL AND reminded_on IS NULL"),
            postgresql_where=sa.text(
                "contact_id IS NOT NULL AND answered_at IS NULL AND reminded_on IS NULL"
            ),
        ),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name="score_of_five"),
        sa.CheckConstraint("(score IS NULL) = (answered_at IS NULL)", name="answer_has_score"),
        sa.CheckConstraint("(answered_at IS NULL) = (answered_on IS NULL)", name="answer_has_day"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    occurrence: int
    """Which question of the case it is: 1 for the first."""
    after: AskedAfter = Field(sa_type=enum_type(AskedAfter))
    event_id: int | None = Field(default=None, foreign_key="timeline_event.id", sa_type=BigId)
    """The call, where it is about one."""
    message_id: int | None = Field(default=None, foreign_key="inbound_message.id", sa_type=BigId)
    """The customer's message, where it is about our answer to one."""
    reason: str = Field(default="", max_length=60)
    """What closed it: outcome of the case, result code of the call, meaning of the message."""
    agent: str = Field(default="", max_length=60)
    """Username of the person who closed it or works the case; '' = none."""
    channel: Channel = Field(sa_type=enum_type(Channel))
    language: str = Field(max_length=12)
    """The language of its words, as letters name it."""
    contact_id: int | None = Field(default=None, foreign_key="contact.id", sa_type=BigId)
    """None = the gate refused the question."""
    asked_on: date
    """The night that asked the gate; the message leaves on the day after."""
    closes_on: date
    """The last day on which it may be answered."""
    asked_at: datetime = Field(sa_type=UtcDateTime)
    reminded_on: date | None = None
    """The night that asked the gate about its reminder, which is asked about once."""
    reminder_id: int | None = Field(default=None, foreign_key="contact.id", sa_type=BigId)
    """None = it had none, or the gate refused it."""
    score: int | None = None
    comment: str = Field(default="", sa_type=sa.Text)
    """As it was typed, but card numbers only by their last four digits."""
    masked: bool = Field(default=False)
    """A card number in the comment was made unreadable."""
    cues: str = Field(default="", max_length=400)
    """Words of the comment for which a person is asked whether it is a complaint, ` | ` between them."""
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """The first answer; `changed_at` is the last one."""
    answered_on: date | None = None
    """The portfolio's day of `answered_at`."""
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    declined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """The customer wants no such questions any more."""
