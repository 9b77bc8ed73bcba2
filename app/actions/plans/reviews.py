"""Review token and reduced payments: a task for the owner of the case on the day that was agreed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.core.timeline.service import lock_customers
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task

STEP = "plan_review"
DAYS_AHEAD = 7
"""Days before the day of review on which the task is given: there must be time to reach the customer."""


def give_reviews(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give, at the end of `on`, the tasks of the reviews that are near, once each. Returns how many. An agreement that
    was broken or cancelled needs none: its case is work by itself."""
    plan, task = table_of(Plan), table_of(StrategyTask)
    given = sa.exists().where(
        task.c.case_id == plan.c.case_id, task.c.step == STEP, task.c.created_at >= plan.c.offered_at
    )
    query = (
        select(Plan)
        .join(CollectionsCase, col(CollectionsCase.id) == Plan.case_id)
        .where(
            Plan.portfolio_id == portfolio.id,
            col(Plan.review_on) <= on + timedelta(days=DAYS_AHEAD),
            col(Plan.status).in_((PlanStatus.ACTIVE, PlanStatus.KEPT)),
            CollectionsCase.status == CaseStatus.OPEN,
            ~given,
        )
        .order_by(col(Plan.id))
    )
    plans = session.scalars(query).all()
    lock_customers(session, {each.customer_id for each in plans})
    for each in plans:
        assert each.review_on is not None
        case = session.get_one(CollectionsCase, each.case_id)
        add_task(session, case, STEP, review_words(each), each.review_on, by=SYSTEM, now=now)
    return len(plans)


def review_words(plan: Plan) -> str:
    """The task of the case's owner."""
    if plan.is_token:
        return f"Token payments of {plan.reference} end: agree with the customer on what they can pay from now on."
    return f"Payments of {plan.reference} grow: ask the customer whether they can pay the larger ones."
