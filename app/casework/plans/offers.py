"""Offers end: with their last day, and with their case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.queries import has_its_rate, instalments_of
from app.casework.plans.rules import OfferEnd, PlanKind, PlanStatus, offer_end
from app.casework.plans.service import cancel
from app.core.actor import SYSTEM
from app.core.ids import id_of
from app.core.timeline.service import lock_customers


def offers_that_stand(session: Session, plans: Sequence[Plan], today: date) -> list[Plan]:
    """Offers among these plans that the customer can still accept."""
    offered = [plan for plan in plans if plan.status is PlanStatus.OFFERED]
    parts = instalments_of(session, [id_of(plan) for plan in offered])
    cases = {
        case.id: case.status is CaseStatus.OPEN
        for case in session.scalars(
            select(CollectionsCase).where(col(CollectionsCase.id).in_([plan.case_id for plan in offered]))
        )
    }
    return [
        plan
        for plan in offered
        if offer_end(
            plan.offer_until or parts[id_of(plan)][0].due_on,
            today,
            is_open=cases[plan.case_id],
            has_rate=has_its_rate(session.get_one(Portfolio, plan.portfolio_id), plan),
        )
        is None
    ]


def expire_offers(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Cancel, at the end of `on`, offers whose last day is over, offers of closed cases, and those of a rate that
    nobody lowers. Returns how many. A settlement keeps its grace days: the night that finds it unpaid after them ends
    it (`assess_due`)."""
    is_rateless = not (portfolio.accrues or portfolio.creditor_lowers_rates)
    # Offers are few among all plans: each looks up its own first instalment.
    first_due_on = (
        sa.select(sa.func.min(PlanInstalment.due_on))
        .where(col(PlanInstalment.plan_id) == col(Plan.id))
        .correlate(Plan)
        .scalar_subquery()
    )
    is_over = sa.and_(
        col(Plan.portfolio_id) == portfolio.id,
        col(Plan.status) == PlanStatus.OFFERED,
        sa.or_(
            col(CollectionsCase.status) == CaseStatus.CLOSED,
            col(Plan.apr_millionths).is_not(None) if is_rateless else sa.false(),
            sa.and_(
                col(Plan.kind) != PlanKind.SETTLEMENT, sa.func.coalesce(Plan.offer_until, first_due_on) <= on
            ),
        ),
    )
    of_case = col(CollectionsCase.id) == Plan.case_id
    concerned = sa.select(col(Plan.customer_id)).join(CollectionsCase, of_case).where(is_over).distinct()
    lock_customers(session, session.scalars(concerned).all())  # one may be accepted at this moment
    query = select(Plan, CollectionsCase.status).join(CollectionsCase, of_case).where(is_over)
    fresh = query.order_by(col(Plan.id)).execution_options(populate_existing=True)
    found = session.execute(fresh).all()
    for plan, status in found:
        end = OfferEnd.DAY_PASSED if status is CaseStatus.OPEN else OfferEnd.CASE_CLOSED
        if end is OfferEnd.DAY_PASSED and not has_its_rate(portfolio, plan):
            end = OfferEnd.RATE_NOT_LOWERED
        cancel(session, plan, end, by=SYSTEM, today=on, now=now)
    return len(found)
