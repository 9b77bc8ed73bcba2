"""Agreements that got new dates after a rest (decision 0386)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.rests.rules import RESTED
from app.casework.plans.rules import LIVE
from app.core.actor import SYSTEM
from app.core.clock import local_instant
from app.core.database.bulk import among
from app.core.database.engine import table_of

CHANGE = table_of(PlanChange)
OF_A_REST = sa.and_(CHANGE.c.by == SYSTEM, CHANGE.c.reason == RESTED)


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
