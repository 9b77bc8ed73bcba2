"""The question whether words are a complaint: asked where a cue is heard, answered by a person, the "no" on record.

Source: DISP 1.1A and its glossary: any expression of dissatisfaction counts, so that an unasked question is the breach.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.recognition.cues import complaint_cues
from app.core.actor import Actor
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of

_OPEN = sa.text("answered_at IS NULL")
LONGEST_EXCERPT = 1000


class QuestionSource(StrEnum):
    """Where the words stood."""

    MESSAGE = "message"
    CALL = "call"
    NOTE = "note"


class ComplaintQuestion(Row, table=True):
    """Words in which a cue of a complaint was heard, and the answer of a person."""

    __tablename__ = "complaint_question"
    __table_args__ = (
        sa.Index("ix_complaint_question_open", "portfolio_id", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_complaint_question_customer", "customer_id"),
        sa.CheckConstraint("(answered_at IS NULL) = (is_complaint IS NULL)", name="answered"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    source: QuestionSource = Field(sa_type=enum_type(QuestionSource))
    message_id: int | None = Field(default=None, foreign_key="inbound_message.id", sa_type=BigId)
    words: str = Field(sa_type=sa.Text)
    cues: str = Field(max_length=300)
    """The cues heard, ` | ` between them."""
    asked_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    """Who wrote the words."""
    is_complaint: bool | None = None
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_by: str = Field(default="", max_length=120)
    complaint_id: int | None = Field(default=None, foreign_key="complaint.id", sa_type=BigId)
    """The complaint that a yes opened."""


def ask_if_complaint(
    session: Session,
    case: CollectionsCase,
    source: QuestionSource,
    text: str,
    *,
    message_id: int | None = None,
    languages: Collection[str] | None = None,
    by: Actor,
    now: datetime,
) -> ComplaintQuestion | None:
    """Put the question where the words have a cue of a complaint; None where they have none. `languages`: those of the
    writer; None = every one."""
    cues = complaint_cues(text, languages) if text.strip() else ()
    if not cues:
        return None
    question = ComplaintQuestion(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        source=source,
        message_id=message_id,
        words=text.strip()[:LONGEST_EXCERPT],
        cues=" | ".join(cues)[:300],
        asked_at=now,
        by=by,
    )
    session.add(question)
    session.flush()
    return question


def get_question(session: Session, question_id: int, *, lock: bool = False) -> ComplaintQuestion:
    """NotFound where there is none."""
    found = (
        locked_row(session, ComplaintQuestion, question_id)
        if lock
        else session.get(ComplaintQuestion, question_id)
    )
    if found is None:
        raise NotFound(f"There is no question {question_id}. Choose one from the list.")
    return found


def open_questions(
    session: Session, portfolio_id: int, *, after: int = 0, limit: int = 50
) -> Sequence[ComplaintQuestion]:
    """Questions that nobody answered, the oldest first."""
    query = select(ComplaintQuestion).where(
        ComplaintQuestion.portfolio_id == portfolio_id,
        col(ComplaintQuestion.answered_at).is_(None),
        col(ComplaintQuestion.id) > after,
    )
    return session.scalars(query.order_by(col(ComplaintQuestion.id)).limit(limit)).all()


def count_open(session: Session, portfolio_id: int) -> int:
    """How many questions nobody answered."""
    query = select(sa.func.count()).where(
        ComplaintQuestion.portfolio_id == portfolio_id, col(ComplaintQuestion.answered_at).is_(None)
    )
    return session.scalar(query) or 0
