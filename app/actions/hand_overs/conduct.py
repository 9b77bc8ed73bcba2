"""Answer abusive contact: warn, end the call, a supervisor takes over. Callers hold the customer's lock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.hand_overs import service
from app.casework.hand_overs.catalog import desks
from app.casework.hand_overs.models import ConductRecord
from app.casework.hand_overs.queries import get_conduct, is_warned
from app.casework.hand_overs.rules import MOST_QUOTED, SUPERVISORS, ConductStep, HandOverKind
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_text
from app.core.vocabulary import Channel
from app.outreach.planning.in_writing.conduct import warn_of_conduct
from app.outreach.planning.in_writing.rules import IN_FULL, is_told
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer, Refusals


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


def warn_in_writing(
    session: Session,
    case: CollectionsCase,
    conduct_id: int,
    words: str,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Write the warning letter of a record, once: what was said, what follows, that no right ends and how to complain.
    `words`: what was said, as the customer reads it. Forbidden to all but supervisors; Invalid, naming `words`, where
    the letter may not leave. Returns the gate's answers."""
    if role not in MANAGEMENT:
        raise Forbidden("A supervisor decides whether the customer is warned in writing.")
    row = get_conduct(session, case.customer_id, conduct_id)
    words = clean_text(
        words, "words", at_most=MOST_QUOTED, empty="Write down what was said, as the customer reads it."
    )
    service.note_warning_letter(session, case, row, words, by=by, now=now)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    answers = warn_of_conduct(session, portfolio, row, letters, on=today, by=by, now=now)
    if not is_told(answers, IN_FULL):
        refused = (each for each in answers.values() if isinstance(each, Refusals))
        why = "; ".join(
            dict.fromkeys(reason.detail.rstrip(".") for each in refused for reason in each.reasons)
        )
        raise Invalid(f"The letter cannot leave: {why or 'there is no address to send it to'}.", "words")
    return answers
