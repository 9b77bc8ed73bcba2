"""Rows of `daily_run`: which business days a portfolio has closed, and the finished stages of the present one."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import DailyRun, Portfolio
from app.core.types import JsonObject


def day_due(portfolio: Portfolio, now: datetime, night_hour: int) -> date:
    """The latest business date that can be closed: yesterday where the portfolio is, once its night hour is past."""
    local = now.astimezone(ZoneInfo(portfolio.timezone))
    days_back = 1 if local.hour >= night_hour else 2
    return local.date() - timedelta(days=days_back)


def last_closed(session: Session, portfolio: Portfolio) -> date | None:
    """The last business date that was closed, the portfolio's 'today' for figures on pages."""
    return session.scalar(
        select(sa.func.max(DailyRun.business_date)).where(
            DailyRun.portfolio_id == portfolio.id, col(DailyRun.finished_at).is_not(None)
        )
    )


def last_run(session: Session, portfolio: Portfolio) -> DailyRun | None:
    return session.scalar(
        select(DailyRun)
        .where(DailyRun.portfolio_id == portfolio.id)
        .order_by(col(DailyRun.business_date).desc())
        .limit(1)
    )


def run_of(session: Session, portfolio: Portfolio, on: date) -> DailyRun:
    run: DailyRun = session.scalars(runs_on(portfolio, on).with_for_update()).one()
    return run


def runs_on(portfolio: Portfolio, on: date) -> Any:
    return select(DailyRun).where(DailyRun.portfolio_id == portfolio.id, DailyRun.business_date == on)


def note_stage(session: Session, portfolio: Portfolio, on: date, stage: JsonObject) -> None:
    run = run_of(session, portfolio, on)
    run.stages = json.dumps([*json.loads(run.stages), stage])


def note_restated(session: Session, portfolio: Portfolio, on: date, since: date | None) -> None:
    """Remember in the run of `on` that figures from `since` on have changed."""
    if since is not None:
        run = run_of(session, portfolio, on)
        run.restated_from = min(since, run.restated_from or since)
