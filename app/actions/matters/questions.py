"""Questions about a case between collections and the legal team, and their answers."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.actions.matters.reports import referral_with_legal
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.contacts.rules import DeskStep
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.rows import locked_row
from app.core.errors import Conflict, Forbidden, NotFound
from app.core.ids import id_of
from app.core.staff.rules import LEGAL_WORK, Role
from app.core.text import clean_text
from app.core.timeline.service import lock_customers, record
from app.legal.matters.events import LegalAnswered, LegalAsked
from app.legal.matters.models import LegalQuestion
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task, finish_task


def ask(
    session: Session, case: CollectionsCase, question: str, *, by: Actor, role: Role, now: datetime
) -> LegalQuestion:
    """Ask the other side. A question of the legal team is work for the owner of the case, today. Conflict where the
    legal team does not have the case."""
    lock_customers(session, [case.customer_id])
    referral = referral_with_legal(session, case)
    row = LegalQuestion(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        referral_id=id_of(referral),
        to_legal=role not in LEGAL_WORK,
        question=clean_text(question, "question", at_most=1000),
        asked_by=by,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    asked = LegalAsked(id_of(row), row.to_legal, row.question)
    record(session, about_case(case, asked), by=by, now=now)
    if not row.to_legal:
        zone = session.get_one(Portfolio, case.portfolio_id).timezone
        text = f"The legal team asks: {' '.join(row.question.split())}"
        task = add_task(session, case, DeskStep.LEGAL_QUESTION, text, local_date(now, zone), by=by, now=now)
        row.task_id = id_of(task)
    return row


def answer(
    session: Session,
    case: CollectionsCase,
    question_id: int,
    words: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> LegalQuestion:
    """Answer a question of the other side; the work that it was is done. Forbidden to the side that asked."""
    lock_customers(session, [case.customer_id])
    row = locked_row(session, LegalQuestion, question_id)
    if row is None or row.case_id != case.id:
        raise NotFound(f"Case {case.reference} has no question {question_id}.")
    if row.answered_at is not None:
        raise Conflict("This question was answered already.")
    if row.to_legal is not (role in LEGAL_WORK):
        raise Forbidden("The other side answers this question.")
    row.answer = clean_text(words, "answer", at_most=2000)
    row.answered_by, row.answered_at = by, now
    session.flush()
    record(session, about_case(case, LegalAnswered(id_of(row), row.to_legal, row.answer)), by=by, now=now)
    task = session.get(StrategyTask, row.task_id) if row.task_id else None
    if task is not None and task.done_at is None:
        finish_task(session, task, case.customer_id, by=by, now=now)
    return row
