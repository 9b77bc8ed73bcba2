"""Work on a case: its owner, notes, its callback and its tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases import service
from app.casework.cases.events import NoteAdded
from app.casework.cases.models import CollectionsCase
from app.casework.questions.rules import QuestionSource
from app.casework.questions.service import ask_about
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.database.rows import locked_row
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.staff.models import User
from app.core.staff.rules import CASEWORK, MANAGEMENT, Role
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import finish_task, give_task


def assign_case(
    session: Session,
    case: CollectionsCase,
    owner: str,
    *,
    seen_owner: str | None = None,
    by: Actor,
    role: Role,
    now: datetime,
) -> None:
    """Assign a case to a member of staff, or to none. An agent takes a case; a manager assigns it to any agent.
    Conflict where it is no longer with `seen_owner`, so that of two who take it at once only one has it; None = not
    asked. The caller holds the customer's lock."""
    own = by.kind is ActorKind.USER and by.name == owner
    if role not in MANAGEMENT and not own:
        raise Forbidden("You can take a case yourself. Ask a manager to give it to another person.")
    if owner and owner not in assignable(session):
        raise Invalid("There is no active member of staff with this user name.", "owner")
    was = case.owner
    if seen_owner is not None and seen_owner != was:
        holder = assignable(session).get(was, was) or "no one"
        raise Conflict(f"This case was given to {holder} meanwhile. Look at it again before you take it.")
    service.assign(session, case, owner, by=by, now=now)
    if was and was not in (owner, by.name):
        who = assignable(session)
        text = f"{_name(by, who)} gave this case of yours to {who.get(owner, owner) or 'no one'}"
        _tell(
            session,
            case,
            "taken",
            f"{_name(by, who)} took this case from you" if own else text,
            to=was,
            now=now,
        )


def hand_over_case(
    session: Session, case: CollectionsCase, to: str, note: str, *, by: Actor, role: Role, now: datetime
) -> None:
    """Give a case to a colleague, who gets the note as a task. An agent hands over their own case or one without an
    owner; another's only through a manager (`ask_approval`)."""
    who = assignable(session)
    was = case.owner
    if role not in MANAGEMENT and was not in ("", by.name):
        raise Forbidden(f"This case is with {who.get(was, was)}. Ask a manager to hand it over.")
    if to not in who:
        raise Invalid("Choose an active member of staff.", "to")
    if to == was:
        raise Invalid(f"The case is with {who[to]} already.", "to")
    service.hand_over(session, case, to, note, by=by, now=now)
    _tell(
        session,
        case,
        "hand-over",
        f"Handed over by {_name(by, who)}: {' '.join(note.split())}",
        to=to,
        now=now,
    )
    if was and was != by.name:
        _tell(
            session, case, "taken", f"{_name(by, who)} gave this case of yours to {who[to]}", to=was, now=now
        )


def _name(by: Actor, names: dict[str, str]) -> str:
    return names.get(by.name, by.name or "The desk")


def _tell(session: Session, case: CollectionsCase, step: str, text: str, *, to: str, now: datetime) -> None:
    """Tell a colleague, as a task that they mark as done once read."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    give_task(session, case, step, text, to=to, due_on=local_date(now, portfolio.timezone), now=now)


def assignable(session: Session) -> dict[str, str]:
    """Staff who may work cases: user name -> name."""
    query = select(User).where(col(User.active).is_(True), col(User.role).in_(CASEWORK))
    return {user.username: user.display_name for user in session.scalars(query.order_by(User.display_name))}


def forget_callback(
    session: Session, case: CollectionsCase, reason: str, *, by: Actor, now: datetime
) -> None:
    """Cancel the callback that the customer was promised. Conflict where none is."""
    if not reason.strip():
        raise Invalid("Say why, in a few words.", "reason")
    if case.callback_at is None:
        raise Conflict(f"Case {case.reference} has no callback to cancel.")
    service.set_callback(session, case, None, reason=reason, by=by, now=now)


def finish_case_task(
    session: Session, case: CollectionsCase, task_id: int, *, by: Actor, now: datetime
) -> StrategyTask:
    """Mark a task of the strategy as done."""
    task = locked_row(session, StrategyTask, task_id)
    if task is None or task.case_id != case.id:
        raise NotFound(f"Case {case.reference} has no task {task_id}. Choose one of its open tasks.")
    finish_task(session, task, case.customer_id, by=by, now=now)
    return task


def add_note(session: Session, case: CollectionsCase, text: str, *, by: Actor, now: datetime) -> None:
    """Put a note on the timeline. Invalid for an empty or too long text, or one that holds a full card number. Where it
    has a cue of a complaint, a request for help, a need or a dispute, a person is asked."""
    service.add_note(session, case, text, by=by, now=now)
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    ask_about(session, case, QuestionSource.NOTE, text, received_on=today, by=by, now=now)


SAME_NOTE_WITHIN = timedelta(minutes=10)


def is_noted_already(session: Session, case: CollectionsCase, text: str, *, by: Actor, now: datetime) -> bool:
    """Whether this person put the same words on the case a moment ago: a draft that was open in two tabs."""
    query = select(Event).where(
        Event.stream == customer_stream(case.customer_id),
        Event.kind == NoteAdded.KIND,
        Event.by == by,
        col(Event.at) > now - SAME_NOTE_WITHIN,
    )
    words = text.split()
    return any(
        event.case_id == case.id and NoteAdded.from_json(event.data).text.split() == words
        for event in session.scalars(query)
    )
