"""Letters that an agreement which was found broken was not: its payment was made in time and posted later.

A letter takes back what the customer was told, and so one is written only where a letter may have told them: that the
agreement is broken, or that its fees are charged again. One that is still to leave is withheld instead (`why_false`).
Where the time of an instalment ran meanwhile it has a new date, which the customer is told in any case.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.restoration.made_whole import made_whole
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.queries import times_restored
from app.casework.plans.rules import PlanStatus
from app.core.ids import id_of
from app.outreach.planning.agreements.restoration_figures import restoration_figures, told_on
from app.outreach.planning.event_letters import CLOSING, EventLetter, in_rounds

LETTER = "plan_restored"


def restored_letters(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """The letters about agreements restored on `on` or the day before: some are restored while a night runs. Customers
    differ within each list."""
    since = on - timedelta(days=1)
    made = select(PlanRestoration).where(
        PlanRestoration.portfolio_id == portfolio.id, col(PlanRestoration.restored_on).between(since, on)
    )
    rows = session.scalars(made.order_by(col(PlanRestoration.id))).all()
    letters = (_letter(session, session.get_one(Plan, row.plan_id), row, on) for row in rows)
    return in_rounds(session, filter(None, letters))


def _letter(session: Session, plan: Plan, row: PlanRestoration, on: date) -> EventLetter | None:
    """None where nothing has to be taken back, or another letter says more."""
    case = session.get_one(CollectionsCase, plan.case_id)
    if plan.status is PlanStatus.BROKEN or (case.outcome is not None and case.outcome in CLOSING):
        return None
    whole = made_whole(session, plan, row, on)
    if whole is None:
        return None
    wrote_on = told_on(session, row)
    figures = restoration_figures(session, plan, row, whole, wrote_on, on)
    if wrote_on is None and "extended_to" not in figures:
        return None
    number = times_restored(session, [row.plan_id])[row.plan_id]
    step = CaseStep(plan.case_id, DeskStep.RESTORED_PLAN, number, plan_id=id_of(plan))
    return EventLetter(step, LETTER, figures, plan)
