"""Key figures of a day, as they are stored and as they are now."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.queries import RollForward, roll_forward
from app.book.portfolios.models import Portfolio
from app.core.dates import month_start
from app.reporting.kpis.definitions.catalog import FAMILIES
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import Figure


def figures_on(session: Session, portfolio_id: int, on: date) -> list[Figure]:
    """Every key figure of the whole portfolio at the end of `on`, a day that was closed, with everything folded so
    far."""
    scope = Scope(session.get_one(Portfolio, portfolio_id))
    found = measured_figures(session, FAMILIES, scope, on)
    return [figure for (_, dimension, _), figure in found.items() if not dimension]


def month_roll_forward(session: Session, portfolio_id: int, on: date) -> RollForward:
    return roll_forward(session, portfolio_id, month_start(on), on)


def snapshots(
    session: Session, portfolio_id: int, first_on: date, last_on: date, kpis: list[str] | None = None
) -> list[KpiSnapshot]:
    """Current figures (highest version) of the whole portfolio on these days, by date and name."""
    newer = sa.orm.aliased(KpiSnapshot)
    is_superseded = sa.exists().where(
        col(newer.portfolio_id) == KpiSnapshot.portfolio_id,
        col(newer.business_date) == KpiSnapshot.business_date,
        col(newer.kpi) == KpiSnapshot.kpi,
        col(newer.dimension) == KpiSnapshot.dimension,
        col(newer.member) == KpiSnapshot.member,
        col(newer.version) > KpiSnapshot.version,
    )
    query = (
        select(KpiSnapshot)
        .where(
            KpiSnapshot.portfolio_id == portfolio_id,
            col(KpiSnapshot.business_date).between(first_on, last_on),
            KpiSnapshot.dimension == "",
            ~is_superseded,
        )
        .order_by(col(KpiSnapshot.business_date), col(KpiSnapshot.kpi))
    )
    if kpis:
        query = query.where(col(KpiSnapshot.kpi).in_(kpis))
    return list(session.scalars(query))
