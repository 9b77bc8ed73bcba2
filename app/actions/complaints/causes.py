"""Root causes: name one, give it an owner, and say what is done against it from which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from app.actions.complaints.opening import require_owner
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import RootCause
from app.casework.complaints.queries import get_cause
from app.core.actor import Actor
from app.core.database.rows import locked_row
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import clean_text


@dataclass(frozen=True, slots=True)
class CauseText:
    name: str
    owner: str
    action: str = ""
    action_on: date | None = None
    """The day from which the action works; None = none was decided yet."""


def save_cause(
    session: Session,
    portfolio: Portfolio,
    text: CauseText,
    cause_id: int | None = None,
    *,
    by: Actor,
    now: datetime,
) -> RootCause:
    """Name a root cause, or change it. Invalid, naming the field, for a name that is taken, an owner who is nobody, and
    a day without an action."""
    name = clean_text(text.name, "name", at_most=120, one_line=True, empty="Name the cause.")
    action = clean_text(text.action, "action", required=False, at_most=1000)
    if not text.owner:
        raise Invalid("Choose who removes the cause.", "owner")
    require_owner(session, text.owner)
    if text.action_on is not None and not action:
        raise Invalid("Say what is done from this day on.", "action")
    if action and text.action_on is None:
        raise Invalid(
            "Say from which day the action works: complaints before and after it are compared.", "action_on"
        )
    locked_row(session, Portfolio, id_of(portfolio))  # of two who name it at once, one is told
    named = select(RootCause.id).where(RootCause.portfolio_id == portfolio.id, RootCause.name == name)
    taken = session.scalar(named)
    if taken is not None and taken != cause_id:
        raise Invalid("A cause of this name is there already.", "name")
    if cause_id is None:
        cause = RootCause(portfolio_id=id_of(portfolio), name=name, owner=text.owner, created_at=now, by=by)
        session.add(cause)
    else:
        cause = get_cause(session, id_of(portfolio), cause_id, lock=True)
        cause.name, cause.owner = name, text.owner
    cause.action, cause.action_on = action, text.action_on
    session.flush()
    return cause
