"""Letters that an agreement goes on after it rested: what is to be paid next, and by when (decision 0386)."""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.rests.queries import rested_since, times_rested
from app.core.ids import id_of
from app.outreach.planning.agreements.open_payments import resumed_figures
from app.outreach.planning.event_letters import EventLetter, in_rounds

LETTER = "plan_resumed"


def resumed_letters(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """The letters about agreements that got new dates after a rest on `on` or the day before, while its night ran.
    Customers differ within each list."""
    plans = rested_since(session, portfolio, on - timedelta(days=1))
    times = times_rested(session, [id_of(plan) for plan in plans])
    letters = []
    for plan in plans:
        step = CaseStep(plan.case_id, DeskStep.RESUMED_PLAN, times[id_of(plan)], plan_id=id_of(plan))
        letters.append(EventLetter(step, LETTER, resumed_figures(session, plan, on), plan))
    return in_rounds(session, letters)
