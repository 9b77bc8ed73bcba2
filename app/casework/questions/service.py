"""Questions whether words are a complaint, or of another room: asked where a cue is heard, answered by a person.

Source for complaints: DISP 1.1A and its glossary: any expression of dissatisfaction counts, so that an unasked question
is the breach. The others follow it: a request for help that is lost in a note is the complaint of the next month.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.hardship.queries import open_request
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import get_question
from app.casework.questions.rules import ASKING, QuestionSource
from app.casework.recognition.cues import Subject, cues_of
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.timeline.models import Event

LONGEST_EXCERPT = 1000


def ask_about(
    session: Session,
    case: CollectionsCase,
    source: QuestionSource,
    words: str,
    *,
    received_on: date,
    by_cues: Collection[Subject] = tuple(Subject),
    named: Mapping[Subject, str] | None = None,
    message_id: int | None = None,
    languages: Collection[str] | None = None,
    by: Actor,
    now: datetime,
) -> list[CaseQuestion]:
    """Put a question for each subject of `by_cues` of which the words have a cue, and for each that is `named`, with
    what names it: the code of a call, a phrase of a message. None for help with payments while a request is open: what
    is said belongs to that one. `languages`: those of the writer; None = every one."""
    words, named = words.strip(), named or {}
    heard = {
        subject: named[subject] if subject in named else " | ".join(cues_of(subject, words, languages))
        for subject in Subject
        if subject in named or (words and subject in by_cues)
    }
    asked = [
        CaseQuestion(
            portfolio_id=case.portfolio_id,
            customer_id=case.customer_id,
            case_id=id_of(case),
            about=subject,
            source=source,
            message_id=message_id,
            words=(words or cues)[:LONGEST_EXCERPT],
            cues=cues[:300],
            received_on=received_on,
            asked_at=now,
            by=by,
        )
        for subject, cues in heard.items()
        if cues and not _is_known(session, case, subject)
    ]
    session.add_all(asked)
    session.flush()
    return asked


def take_up(
    session: Session, case: CollectionsCase, question_id: int, subject: Subject, *, by: Actor, now: datetime
) -> CaseQuestion:
    """Answer a question with yes, by what is put on record with its words. NotFound for a question of another customer,
    Invalid for one about something else, Conflict where it was answered. The caller holds the customer's lock, and says
    on the row what came of it."""
    question = get_question(session, question_id, lock=True)
    if question.customer_id != case.customer_id:
        raise NotFound(f"This customer has no question {question_id}. Choose one of the case.")
    if question.about is not subject:
        raise Invalid(f"Question {question_id} asks something else: {ASKING[question.about].question}")
    require_unanswered(question)
    question.is_so, question.answered_at, question.answered_by = True, now, by
    return question


def require_unanswered(question: CaseQuestion) -> None:
    """Conflict where a person has answered it."""
    if question.answered_at is None:
        return
    if question.about is Subject.COMPLAINT:
        raise Conflict(f"This was answered already: it {'is a complaint' if question.is_so else 'is none'}.")
    raise Conflict(f"This was answered already: {'yes' if question.is_so else 'no'}.")


def forget_questions(session: Session, portfolio_id: int, subject: Subject, since: datetime) -> int:
    """Delete answered questions about a subject older than `since`, of customers to whom nothing has happened since;
    how many. Their words may tell of a customer's circumstances."""
    row, event = table_of(CaseQuestion), table_of(Event)
    lately = sa.exists().where(event.c.customer_id == row.c.customer_id, event.c.at >= since)
    old = sa.select(row.c.id).where(
        row.c.portfolio_id == portfolio_id, row.c.about == subject, row.c.asked_at < since,
        row.c.answered_at.is_not(None), ~lately,
    )  # fmt: skip
    ids = session.scalars(old).all()
    if ids:
        session.execute(sa.delete(row).where(row.c.id.in_(old)))
    return len(ids)


def _is_known(session: Session, case: CollectionsCase, subject: Subject) -> bool:
    return subject is Subject.HARDSHIP and open_request(session, case.customer_id) is not None
