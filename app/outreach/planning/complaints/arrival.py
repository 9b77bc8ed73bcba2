"""Answers to complaints whose letter never reached the customer: it came back, or was withheld, and no other one left
by the day of the answer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.complaints.models import ComplaintAnswer, ComplaintLetter
from app.casework.contacts.models import PlannedContact
from app.core.database.engine import table_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus

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


def answers_never_arrived(session: Session, complaint_id: int) -> set[int]:
    """The ids of a complaint's answers that the customer never had."""
    answer = table_of(ComplaintAnswer)
    query = sa.select(answer.c.id).where(answer.c.complaint_id == complaint_id, never_arrived(answer, None))
    return set(session.connection().execute(query).scalars())


def _messages(answer: sa.FromClause, end: Moment | None, *, is_lost: bool) -> sa.ColumnElement[bool]:
    letter, contact, message = table_of(ComplaintLetter), table_of(PlannedContact), table_of(OutboxMessage)
    lost: sa.ColumnElement[bool] = message.c.status.in_(NEVER_ARRIVED)
    if end is not None:
        lost = sa.and_(lost, message.c.finished_at.is_not(None), message.c.finished_at < end)
    query = (
        sa.exists()
        .select_from(letter)
        .where(
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
        .correlate(answer)
    )
    if is_lost:
        return query.where(lost)
    return query.where(~lost, message.c.business_date <= answer.c.answer_by)
