"""Answer abusive contact: warn, end the call, a supervisor takes over. Callers hold the customer's lock."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.casework.hand_overs import service
from app.casework.hand_overs.catalog import desks
from app.casework.hand_overs.models import ConductRecord
from app.casework.hand_overs.queries import is_warned
from app.casework.hand_overs.rules import SUPERVISORS, ConductStep, HandOverKind
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.text import clean_text


def record_conduct(
    session: Session, case: CollectionsCase, step: ConductStep, words: str, *, by: Actor, now: datetime
) -> ConductRecord:
    """Put a warning or an ended call on record with the customer's words. An ended call is a task for a supervisor
    today; without a warning before it the record says so, for what happened is not refused. No right of the customer
    ends, and no channel is closed."""
    words = clean_text(words, "words", at_most=1000, empty="Write down what was said.")
    warned = is_warned(session, case.customer_id, now)
    task = None
    if step is ConductStep.ENDED:
        today = local_today(session, case.portfolio_id, now)
        before = "after a warning" if warned else "without a warning on record: ask why"
        task = service.hand_to_desk(
            session, case, desks()[SUPERVISORS], HandOverKind.CONDUCT,
            f"A call was ended for abuse, {before}. Take the case over; offer {by.name or 'the colleague'} a break.",
            today=today, by=by, now=now,
        )  # fmt: skip
    number = id_of(task) if task else None
    return service.add_conduct(
        session, case, step, words, was_warned=warned, hand_over_id=number, by=by, now=now
    )
