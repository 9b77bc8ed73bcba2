"""The portfolios of the worklist, each with its present day and the last day that was closed."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.service import edges_of
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.cases.listing import PortfolioToday
from app.core.clock import local_date, local_instant
from app.core.ids import id_of
from app.policy.overrides import ComplaintStops


def books_at(session: Session, now: datetime) -> tuple[PortfolioToday, ...]:
    """Every portfolio with its present day and the last day that was closed, in one statement."""
    closed = (
        sa.select(sa.func.max(DailyRun.business_date))
        .where(col(DailyRun.portfolio_id) == Portfolio.id, col(DailyRun.finished_at).is_not(None))
        .scalar_subquery()
    )
    rows = session.execute(select(Portfolio, closed).order_by(col(Portfolio.code)))
    found = []
    for portfolio, on in rows:
        today = local_date(now, portfolio.timezone)
        found.append(
            PortfolioToday(
                portfolio_id=id_of(portfolio),
                code=portfolio.code,
                name=portfolio.creditor,
                currency=portfolio.currency,
                timezone=portfolio.timezone,
                edges=edges_of(portfolio),
                on=on or today,
                today=today,
                day_ends=local_instant(today + timedelta(days=1), 0, 0, portfolio.timezone),
                complaints_let_pass=portfolio.complaint_stops == ComplaintStops.NOTHING,
            )
        )
    return tuple(found)
