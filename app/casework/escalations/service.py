"""Verbs of escalations: row and event in the caller's transaction. People go through `app.actions.escalations`."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.escalations.events import EscalationAsked, EscalationEnded, EscalationTaken
from app.casework.escalations.models import Escalation
from app.casework.escalations.rules import EscalationReason, EscalationStatus, due_day
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import record


def ask(
    session: Session, case: CollectionsCase, reason: EscalationReason, words: str,
    *, due_on: date | None, is_waiting: bool, today: date, by: Actor, now: datetime,
) -> Escalation:  # fmt: skip
    """Put the question. Invalid names the field."""
    row = Escalation(
        portfolio_id=case.portfolio_id, customer_id=case.customer_id, case_id=id_of(case), reason=reason,
        words=clean_text(words, "words", at_most=500, empty="Say what happened and what you want."),
        is_waiting=is_waiting, due_on=due_day(due_on, today), asked_at=now, by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    told = EscalationAsked(id_of(row), reason, row.words, row.due_on, is_waiting)
    record(session, about_case(case, told), by=by, now=now)
    return row


def take(session: Session, case: CollectionsCase, row: Escalation, *, by: Actor, now: datetime) -> None:
    """A supervisor looks at it. Conflict where another does."""
    require_open(row)
    if row.status is EscalationStatus.TAKEN:
        raise Conflict("A supervisor has taken this already.")
    row.status, row.taken_at, row.taken_by = EscalationStatus.TAKEN, now, by
    session.flush()
    record(session, about_case(case, EscalationTaken(id_of(row))), by=by, now=now)


def end(
    session: Session, case: CollectionsCase, row: Escalation, status: EscalationStatus, answer: str,
    *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """End it, with the words of who ends it. Conflict where it has ended."""
    require_open(row)
    row.answer = clean_text(
        answer,
        "answer",
        at_most=1000,
        required=status is not EscalationStatus.WITHDRAWN,
        empty="Write what the colleague has to know.",
    )
    row.status, row.ended_at, row.ended_by = status, now, by
    session.flush()
    record(session, about_case(case, EscalationEnded(id_of(row), status, row.answer)), by=by, now=now)


def require_open(row: Escalation) -> None:
    if not row.is_open:
        raise Conflict("This has ended already. Open the case to see what was said.")
