"""Questions whether words are a complaint, or of another room, with the answers of people."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.questions.rules import QuestionSource
from app.casework.recognition.cues import Subject
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type

_UNANSWERED = sa.text("answered_at IS NULL")


class CaseQuestion(Row, table=True):
    """Words in which a complaint, a request for help, a need or a dispute was heard, and the answer of a person."""

    __tablename__ = "case_question"
    __table_args__ = (
        sa.Index(
            "ix_case_question_open",
            "portfolio_id",
            "id",
            sqlite_where=_UNANSWERED,
            postgresql_where=_UNANSWERED,
        ),
        sa.Index("ix_case_question_customer", "customer_id"),
        sa.Index("ix_case_question_hardship", "hardship_id"),
        sa.CheckConstraint("(answered_at IS NULL) = (is_so IS NULL)", name="answered"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    about: Subject = Field(default=Subject.COMPLAINT, sa_type=enum_type(Subject))
    source: QuestionSource = Field(sa_type=enum_type(QuestionSource))
    message_id: int | None = Field(default=None, foreign_key="inbound_message.id", sa_type=BigId)
    words: str = Field(sa_type=sa.Text)
    cues: str = Field(max_length=300)
    """The cues heard, ` | ` between them."""
    received_on: date
    """The day on which the words reached us: from it the law's clocks run."""
    asked_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    """Who wrote the words."""
    is_so: bool | None = None
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str = Field(default="", max_length=120)
    complaint_id: int | None = Field(default=None, foreign_key="complaint.id", sa_type=BigId)
    """The complaint that a yes opened."""
    hardship_id: int | None = Field(default=None, foreign_key="hardship_request.id", sa_type=BigId)
    """The request that was taken down with these words."""
    dispute_id: int | None = Field(default=None, foreign_key="dispute.id", sa_type=BigId)
    """The dispute that was opened with these words. A support need names no words: it says what, never why."""
