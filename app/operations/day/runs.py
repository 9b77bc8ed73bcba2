"""Rows of `daily_run`: which business days a portfolio has closed, and the finished stages of the present one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.portfolios.models import DailyRun, Portfolio
from app.core.database.engine import table_of
from app.core.types import JsonObject


def day_due(portfolio: Portfolio, now: datetime, night_hour: int) -> date:
    """The latest business date that can be closed: yesterday where the portfolio is, once its night hour is past."""
    local = now.astimezone(ZoneInfo(portfolio.timezone))
    days_back = 1 if local.hour >= night_hour else 2
    return local.date() - timedelta(days=days_back)


def run_of(session: Session, portfolio: Portfolio, on: date) -> DailyRun:
    return session.scalars(runs_on(portfolio, on).with_for_update()).one()


def runs_on(portfolio: Portfolio, on: date) -> SelectOfScalar[DailyRun]:
    return select(DailyRun).where(DailyRun.portfolio_id == portfolio.id, DailyRun.business_date == on)


def keep_stages(session: Session, portfolio: Portfolio, on: date, stages: Sequence[JsonObject]) -> None:
    """Keep the finished stages of the run of `on`: only the process that closes the day writes them."""
    mine = sa.and_(col(DailyRun.portfolio_id) == portfolio.id, col(DailyRun.business_date) == on)
    session.execute(sa.update(table_of(DailyRun)).where(mine).values(stages=json.dumps(stages)))


def note_restated(session: Session, portfolio: Portfolio, on: date, since: date | None) -> None:
    """Remember in the run of `on` that figures from `since` on have changed."""
    if since is not None:
        run = run_of(session, portfolio, on)
        run.restated_from = min(since, run.restated_from or since)
