"""Reads of questions: those that wait, those of a message, and the words behind a row."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.questions.models import CaseQuestion
from app.casework.recognition.cues import Subject
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound


def get_question(session: Session, question_id: int, *, lock: bool = False) -> CaseQuestion:
    """NotFound where there is none."""
    found = locked_row(session, CaseQuestion, question_id) if lock else session.get(CaseQuestion, question_id)
    if found is None:
        raise NotFound(f"There is no question {question_id}. Choose one from the list.")
    return found


def waiting_question(
    session: Session, customer_id: int, question_id: int | None, subject: Subject
) -> CaseQuestion | None:
    """The question whose words a form takes up; None where it is of another customer or subject, or answered."""
    found = session.get(CaseQuestion, question_id) if question_id else None
    fits = found is not None and (found.customer_id, found.about, found.answered_at) == (
        customer_id,
        subject,
        None,
    )
    return found if fits else None


def open_questions(
    session: Session, portfolio_id: int, *, about: Subject | None = None, after: int = 0, limit: int = 50
) -> Sequence[CaseQuestion]:
    """Questions that nobody answered, the oldest first."""
    query = select(CaseQuestion).where(
        CaseQuestion.portfolio_id == portfolio_id,
        col(CaseQuestion.answered_at).is_(None),
        col(CaseQuestion.id) > after,
    )
    if about is not None:
        query = query.where(CaseQuestion.about == about)
    return session.scalars(query.order_by(col(CaseQuestion.id)).limit(limit)).all()


def questions_of_message(
    session: Session, message_id: int, customer_ids: Collection[int]
) -> Sequence[CaseQuestion]:
    """The questions that a message of these customers raised, the answered ones too."""
    if not customer_ids:
        return ()
    row = table_of(CaseQuestion)
    query = select(CaseQuestion).where(
        among(session, row.c.customer_id, sorted(customer_ids)), CaseQuestion.message_id == message_id
    )
    return session.scalars(query.order_by(col(CaseQuestion.id))).all()


def question_of_hardship(session: Session, hardship_id: int) -> CaseQuestion | None:
    """The words with which a request for help was taken down; None = it was without any."""
    return session.scalars(select(CaseQuestion).where(CaseQuestion.hardship_id == hardship_id)).first()


def count_open(session: Session, portfolio_id: int, about: Subject | None = None) -> int:
    """How many questions nobody answered."""
    query = select(sa.func.count()).where(
        CaseQuestion.portfolio_id == portfolio_id, col(CaseQuestion.answered_at).is_(None)
    )
    if about is not None:
        query = query.where(CaseQuestion.about == about)
    return session.scalar(query) or 0


def counts_open(session: Session, portfolio_id: int) -> dict[Subject, int]:
    """How many questions nobody answered, by subject."""
    row = table_of(CaseQuestion)
    query = (
        sa.select(row.c.about, sa.func.count())
        .where(row.c.portfolio_id == portfolio_id, row.c.answered_at.is_(None))
        .group_by(row.c.about)
    )
    return {about: count for about, count in session.execute(query)}
