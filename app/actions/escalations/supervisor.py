"""Ask a supervisor about a case, and answer. Who asks holds the customer's lock; the others take it here."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.actions.assignment import assign_case
from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.escalations import service
from app.casework.escalations.models import Escalation
from app.casework.escalations.queries import get_escalation, open_escalation
from app.casework.escalations.rules import EscalationReason, EscalationStatus
from app.casework.questions.rules import QuestionSource
from app.casework.questions.service import ask_about
from app.core.actor import Actor, ActorKind
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Role
from app.core.timeline.service import lock_customers
from app.outreach.strategy.tasks import give_task

STEP = "escalation"


def ask_supervisor(
    session: Session,
    case: CollectionsCase,
    reason: EscalationReason,
    words: str,
    *,
    due_on: date | None = None,
    is_waiting: bool = False,
    by: Actor,
    now: datetime,
) -> Escalation:
    """Put a question to the supervisors, which stays in their queue until one of them answers. `due_on`: None = today.
    `is_waiting`: the customer is on the line. Conflict for a closed case, and while another question is open. Words
    with a cue of a complaint, a need or a dispute bring the question whether it is one, as those of a note do."""
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} is closed.")
    if open_escalation(session, id_of(case)) is not None:
        raise Conflict(
            "A supervisor was asked about this case already. Withdraw that question to ask another."
        )
    today = local_today(session, case.portfolio_id, now)
    row = service.ask(
        session, case, reason, words, due_on=due_on, is_waiting=is_waiting, today=today, by=by, now=now
    )
    ask_about(session, case, QuestionSource.NOTE, row.words, received_on=today, by=by, now=now)
    return row


def take_escalation(session: Session, escalation_id: int, *, by: Actor, now: datetime) -> Escalation:
    """Say that one looks at it, so that no second supervisor does."""
    row, case = _locked(session, escalation_id)
    _require_other(session, row, by)
    service.take(session, case, row, by=by, now=now)
    return row


def answer_escalation(
    session: Session, escalation_id: int, answer: str, *, returned: bool = False, by: Actor, now: datetime
) -> Escalation:
    """Answer it; or, `returned`, say what the colleague is to do. Who asked gets the words as a task."""
    row, case = _locked(session, escalation_id)
    _require_other(session, row, by)
    status = EscalationStatus.RETURNED if returned else EscalationStatus.ANSWERED
    service.end(session, case, row, status, answer, by=by, now=now)
    _tell(
        session, case, row, "Do as the supervisor says" if returned else "Answer of the supervisor", now=now
    )
    return row


def take_over(
    session: Session, escalation_id: int, answer: str, to: str, *, by: Actor, role: Role, now: datetime
) -> Escalation:
    """Take the case over: it is the supervisor's from now on, for good. `to`: their user name."""
    row, case = _locked(session, escalation_id)
    _require_other(session, row, by)
    supervisors = select(User.username).where(col(User.active).is_(True), col(User.role).in_(MANAGEMENT))
    if to not in session.scalars(supervisors).all():
        raise Invalid("Choose an active supervisor.", "to")
    was = case.owner
    service.end(session, case, row, EscalationStatus.TAKEN_OVER, answer, by=by, now=now)
    if was != to:
        assign_case(session, case, to, by=by, role=role, now=now)
    if Actor(row.by).name != was or was == to:  # the owner of before is told by the assignment
        _tell(session, case, row, "A supervisor has taken the case over", now=now)
    return row


def withdraw_escalation(session: Session, escalation_id: int, *, by: Actor, now: datetime) -> Escalation:
    """Take one's own question back. Forbidden to others: a supervisor answers it."""
    row, case = _locked(session, escalation_id)
    if not is_same_person(session, row.by, by):
        raise Forbidden("Another person asked this. A supervisor may answer it.")
    service.end(session, case, row, EscalationStatus.WITHDRAWN, "", by=by, now=now)
    return row


def _locked(session: Session, escalation_id: int) -> tuple[Escalation, CollectionsCase]:
    lock_customers(session, [get_escalation(session, escalation_id).customer_id])
    row = get_escalation(session, escalation_id, lock=True)
    return row, session.get_one(CollectionsCase, row.case_id, populate_existing=True)


def _require_other(session: Session, row: Escalation, by: Actor) -> None:
    if is_same_person(session, row.by, by):
        raise Forbidden("You asked this yourself. Another supervisor answers it, or you withdraw it.")


def _tell(session: Session, case: CollectionsCase, row: Escalation, what: str, *, now: datetime) -> None:
    """Bring the words back to who asked, as a task; a program reads them by the API, and the owner is told."""
    asker = Actor(row.by)
    to = asker.name if asker.kind is ActorKind.USER else ""
    today = local_today(session, case.portfolio_id, now)
    give_task(session, case, STEP, f"{what}: {' '.join(row.answer.split())}", to=to, due_on=today, now=now)
