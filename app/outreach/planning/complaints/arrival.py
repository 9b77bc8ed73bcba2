"""Answers to complaints whose letter never reached the customer: it came back, or was withheld, and no other one left
by the day of the answer."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.complaints.models import ComplaintAnswer, ComplaintLetter
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.core.database.engine import table_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.in_writing.rules import IN_FULL
from app.outreach.planning.in_writing.told import is_on_its_way

_TABLES = table_of(ComplaintLetter), table_of(PlannedContact), table_of(OutboxMessage)
Moment = datetime | sa.ColumnElement[datetime]

NEVER_ARRIVED = (
    OutboxStatus.UNDELIVERED,
    OutboxStatus.BOUNCED,
    OutboxStatus.FAILED,
    OutboxStatus.WITHHELD,
)
"""States of a message that its reader does not have."""


def never_arrived(answer: sa.FromClause, end: Moment | None) -> sa.ColumnElement[bool]:
    """True of a row of `answer` (a table of ComplaintAnswer) whose letter was known before `end` not to have arrived,
    and of which no other message of a business day until its last day has or may have. A letter on file, and one that
    waits to leave, are not looked for. Without an `end`: as is known now."""
    lost = _messages(answer, end, is_lost=True)
    other = _messages(answer, end, is_lost=False)
    return sa.and_(answer.c.document_id.is_(None), lost, ~other)


def left_on(answer: sa.FromClause) -> sa.ScalarSelect[date | None]:
    """The first business day of a message that tells this answer and is not known to be lost; NULL = there is none."""
    letter, _contact, message = _TABLES
    query = sa.select(sa.func.min(message.c.business_date)).select_from(letter).where(*_tells(answer))
    return query.where(message.c.status.not_in(NEVER_ARRIVED)).correlate(answer).scalar_subquery()


def came_back(answer: sa.FromClause) -> sa.ColumnElement[bool]:
    """True of a row of `answer` of which a message that tells it is lost, as is known now."""
    return sa.and_(answer.c.document_id.is_(None), _messages(answer, None, is_lost=True))


def answers_never_arrived(session: Session, complaint_id: int) -> set[int]:
    """The ids of a complaint's answers that the customer never had."""
    answer = table_of(ComplaintAnswer)
    query = sa.select(answer.c.id).where(answer.c.complaint_id == complaint_id, never_arrived(answer, None))
    return set(session.connection().execute(query).scalars())


def is_waiting(session: Session, of: CaseStep) -> bool:
    """True if a message of this step has not left yet, or another one is still to be written in its place."""
    waits = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING)
    return is_on_its_way(session, of, IN_FULL, waits)


def _messages(answer: sa.FromClause, end: Moment | None, *, is_lost: bool) -> sa.ColumnElement[bool]:
    letter, _contact, message = _TABLES
    lost: sa.ColumnElement[bool] = message.c.status.in_(NEVER_ARRIVED)
    if end is not None:
        lost = sa.and_(lost, message.c.finished_at.is_not(None), message.c.finished_at < end)
    query = sa.exists().select_from(letter).where(*_tells(answer)).correlate(answer)
    if is_lost:
        return query.where(lost)
    return query.where(~lost, message.c.business_date <= answer.c.answer_by)


def _tells(answer: sa.FromClause) -> tuple[sa.ColumnElement[bool], ...]:
    """The messages of the letters that tell an answer."""
    letter, contact, message = _TABLES
    return (
        letter.c.complaint_id == answer.c.complaint_id,
        letter.c.answer_id == answer.c.id,
        contact.c.case_id == letter.c.case_id,
        contact.c.step == letter.c.step,
        contact.c.occurrence == letter.c.occurrence,
        contact.c.plan_id.is_(None),
        contact.c.hold_id.is_(None),
        message.c.case_id == contact.c.case_id,
        message.c.contact_id == contact.c.id,
    )
