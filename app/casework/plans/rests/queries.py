"""Agreements whose rest ends, and those that got new dates after one (decision 0386)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import RESTING
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.rests.rules import RESTED
from app.casework.plans.rules import LIVE, PlanStatus
from app.core.actor import SYSTEM
from app.core.clock import local_date, local_instant
from app.core.database.bulk import among
from app.core.database.engine import table_of

CHANGE = table_of(PlanChange)
OF_A_REST = sa.and_(CHANGE.c.by == SYSTEM, CHANGE.c.reason == RESTED)


def running_with_us(portfolio: Portfolio) -> SelectOfScalar[Plan]:
    """The active plans of cases that are not with the legal team."""
    with_us = sa.exists().where(
        col(CollectionsCase.id) == col(Plan.case_id), col(CollectionsCase.with_legal_since).is_(None)
    )
    return select(Plan).where(Plan.portfolio_id == portfolio.id, Plan.status == PlanStatus.ACTIVE, with_us)


def running_at_rest(portfolio: Portfolio, on: date) -> SelectOfScalar[Plan]:
    """The active plans that rest and whose day has come."""
    hold = table_of(CaseHold)
    rests = sa.exists().where(
        hold.c.customer_id == col(Plan.customer_id), hold.c.kind.in_(RESTING), hold.c.ended_at.is_(None)
    )
    return select(Plan).where(
        Plan.portfolio_id == portfolio.id,
        Plan.status == PlanStatus.ACTIVE,
        sa.or_(col(Plan.assess_on).is_(None), col(Plan.assess_on) <= on),
        rests,
    )


def plans_at_rests_end(session: Session, portfolio: Portfolio, on: date) -> list[tuple[Plan, date]]:
    """Running plans with the day on which their rest ended, where that was since the night before began. One that was
    agreed on that day, or later, did not rest; nor did any under a hold that began and ended on one day."""
    last_night = sa.select(sa.func.max(DailyRun.started_at)).where(
        col(DailyRun.portfolio_id) == portfolio.id, col(DailyRun.business_date) < on
    )
    since = session.scalar(last_night) or local_instant(on, 0, 0, portfolio.timezone)
    hold = table_of(CaseHold)
    ended = (
        sa.select(
            hold.c.customer_id,
            sa.func.min(hold.c.started_at).label("began_at"),
            sa.func.max(hold.c.ended_at).label("at"),
        )
        .where(hold.c.kind.in_(RESTING), hold.c.ended_at > since)
        .group_by(hold.c.customer_id)
        .subquery("ended")
    )
    query = running_with_us(portfolio).join(ended, ended.c.customer_id == Plan.customer_id)
    columns = query.add_columns(ended.c.began_at, ended.c.at).order_by(col(Plan.id))
    zone, found = portfolio.timezone, []
    for plan, began_at, at in session.execute(columns).all():
        began_on, ended_on = local_date(began_at, zone), local_date(at, zone)
        if plan.accepted_on and max(plan.accepted_on, began_on) < ended_on and plan.accepted_on < on:
            found.append((plan, ended_on))
    return found


def times_rested(session: Session, plan_ids: Sequence[int]) -> dict[int, int]:
    """How often these plans got new dates after a rest; plans without are left out."""
    query = sa.select(CHANGE.c.plan_id, sa.func.count(CHANGE.c.at.distinct())).where(
        among(session, CHANGE.c.plan_id, plan_ids), OF_A_REST
    )
    rows = session.connection().execute(query.group_by(CHANGE.c.plan_id))
    return {plan_id: int(times) for plan_id, times in rows}


def interest_of_rest(session: Session, plan_id: int) -> int:
    """The interest that the new dates of its last rest bring, in minor units."""
    last = sa.select(sa.func.max(CHANGE.c.at)).where(CHANGE.c.plan_id == plan_id, OF_A_REST)
    query = sa.select(sa.func.sum(CHANGE.c.interest_minor)).where(
        CHANGE.c.plan_id == plan_id, OF_A_REST, CHANGE.c.at == last.scalar_subquery()
    )
    return session.scalar(query) or 0


def rested_since(session: Session, portfolio: Portfolio, since: date) -> list[Plan]:
    """Running plans that got new dates after a rest on `since` or later."""
    at = local_instant(since, 0, 0, portfolio.timezone)
    given = sa.exists().where(CHANGE.c.plan_id == col(Plan.id), OF_A_REST, CHANGE.c.at >= at)
    query = select(Plan).where(Plan.portfolio_id == portfolio.id, col(Plan.status).in_(LIVE), given)
    return list(session.scalars(query.order_by(col(Plan.id))))
