"""The question whether words are a complaint: asked where a cue is heard, answered by a person, the "no" on record.

Source: DISP 1.1A and its glossary: any expression of dissatisfaction counts, so that an unasked question is the breach.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import ComplaintQuestion, QuestionSource
from app.casework.recognition.cues import complaint_cues
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of

LONGEST_EXCERPT = 1000


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


def questions_of_message(
    session: Session, message_id: int, customer_ids: Collection[int]
) -> Sequence[ComplaintQuestion]:
    """The questions that a message of these customers raised, one a customer, the answered ones too."""
    if not customer_ids:
        return ()
    row = table_of(ComplaintQuestion)
    query = select(ComplaintQuestion).where(
        among(session, row.c.customer_id, sorted(customer_ids)), ComplaintQuestion.message_id == message_id
    )
    return session.scalars(query.order_by(col(ComplaintQuestion.id))).all()


def count_open(session: Session, portfolio_id: int) -> int:
    """How many questions nobody answered."""
    query = select(sa.func.count()).where(
        ComplaintQuestion.portfolio_id == portfolio_id, col(ComplaintQuestion.answered_at).is_(None)
    )
    return session.scalar(query) or 0
