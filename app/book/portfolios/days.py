"""Business days of a portfolio: the first, the last that was closed, the one that is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import DailyRun, Portfolio
from app.book.portfolios.rules import posting_date
from app.core.clock import local_date
from app.core.ids import id_of


def local_today(session: Session, portfolio_id: int, now: datetime) -> date:
    """The date at `now` where the portfolio is."""
    return local_date(now, session.get_one(Portfolio, portfolio_id).timezone)


def days_now(session: Session, now: datetime) -> dict[int, date]:
    """Portfolio -> the date at `now` where it is; every portfolio."""
    zones = session.execute(sa.select(col(Portfolio.id), col(Portfolio.timezone)))
    return {number: local_date(now, zone) for number, zone in zones}


def business_date(session: Session, portfolio: Portfolio, now: datetime) -> date:
    """The business day to which an act at `now` belongs: today where the portfolio is, or the day that is open if
    today was closed already."""
    today = local_date(now, portfolio.timezone)
    return posting_date(today, first_open_day(session, id_of(portfolio)))


def first_open_day(session: Session, portfolio_id: int) -> date | None:
    """The day after the last closed one. Entries that arrive late are posted into it. None if no day was closed."""
    last = _last_closed(session, portfolio_id)
    return last + timedelta(days=1) if last else None


def last_closed(session: Session, portfolio: Portfolio) -> date | None:
    """The last closed business day, the portfolio's 'today' for figures on pages."""
    return _last_closed(session, id_of(portfolio))


def _last_closed(session: Session, portfolio_id: int) -> date | None:
    return session.scalar(
        select(sa.func.max(DailyRun.business_date)).where(
            DailyRun.portfolio_id == portfolio_id, col(DailyRun.finished_at).is_not(None)
        )
    )


def closed_days(session: Session, portfolio_id: int, since: date, before: date) -> Sequence[date]:
    """The closed business days in [since, before), in order."""
    query = select(col(DailyRun.business_date)).where(
        DailyRun.portfolio_id == portfolio_id,
        col(DailyRun.business_date) >= since,
        col(DailyRun.business_date) < before,
        col(DailyRun.finished_at).is_not(None),
    )
    return session.scalars(query.order_by(col(DailyRun.business_date))).all()


def is_closed(session: Session, portfolio: Portfolio, on: date) -> bool:
    """Check whether the portfolio has closed this business day."""
    return bool(closed_days(session, id_of(portfolio), on, on + timedelta(days=1)))


def first_day(session: Session, portfolio: Portfolio) -> date | None:
    """The first business day of a portfolio, closed or only begun."""
    query = sa.select(sa.func.min(DailyRun.business_date)).where(col(DailyRun.portfolio_id) == portfolio.id)
    return session.scalar(query)


def last_run(session: Session, portfolio_id: int) -> DailyRun | None:
    """The run of the latest business day, closed or only begun."""
    query = select(DailyRun).where(DailyRun.portfolio_id == portfolio_id)
    return session.scalar(query.order_by(col(DailyRun.business_date).desc()).limit(1))
