"""Closing business days: every stage once, in order, and again from where a killed process stopped."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.book.portfolios.days import last_run
from app.book.portfolios.models import DailyRun, Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import SYSTEM
from app.core.clock import local_date, local_instant
from app.core.database.engine import exclusive, reading, retrying, transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.timeline.service import about_portfolio, record
from app.core.types import JsonObject
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from app.operations.day.events import DayClosed
from app.operations.day.runs import keep_stages, run_of, runs_on
from app.operations.day.stages import STAGES
from app.operations.day.work import Day
from app.outreach.planning.letterhead import LetterCatalog

BACKFILL_AFTER = timedelta(hours=24)


class NotOver(Invalid):
    """The business day has not ended yet in the portfolio's time zone."""


@dataclass
class DayReport:
    """The result of closing a day, or that it was closed before."""

    business_date: date
    already_done: bool
    stages: list[JsonObject] = field(default_factory=list)


def run_days(
    engine: Engine,
    portfolio_code: str,
    on: date,
    catalog: LetterCatalog,
    *,
    now: datetime,
    wait: bool = True,
) -> list[DayReport]:
    """Close `on` and, before it, every day since the last one closed, in order.

    The first run of a portfolio starts at `on`. Conflict for a day before the last one. NotOver for one that has not
    begun in the portfolio's zone at `now`; a request for a day that goes on is refused by `require_over`. Busy if
    another process is closing days of this portfolio and `wait` is False.
    """
    with exclusive(engine, f"portfolio-{portfolio_code}", wait=wait):
        with reading(engine) as session:
            portfolio = get_portfolio(session, portfolio_code)
            last = last_run(session, id_of(portfolio))
        if last is not None and on < last.business_date:
            raise Conflict(
                f"{portfolio_code} has closed {last.business_date}. {on} lies before it and stays as it is."
            )
        if on > date(2199, 12, 31):
            raise Invalid("The date is out of range. Choose one until 2199.", "date")
        if on > local_date(now, portfolio.timezone):
            raise NotOver(_not_over(portfolio, on), "date")
        first = on if last is None else last.business_date
        days = [first + timedelta(days=n) for n in range((on - first).days + 1)]
        if last is not None and last.finished_at is not None and len(days) > 1:
            days = days[1:]
        reports = []
        for each in days:
            with _reported(engine, portfolio, each, now):
                reports.append(_run_one(engine, portfolio, each, catalog, now))
        return reports


@contextmanager
def _reported(engine: Engine, portfolio: Portfolio, on: date, now: datetime) -> Iterator[None]:
    """Raises an alert when the day cannot be closed, and ends it when it is."""
    try:
        yield
    except Exception as error:
        with contextlib.suppress(SQLAlchemyError), transaction(engine) as session:
            raise_alert(
                session,
                AlertKind.DAY_FAILED,
                portfolio.code,
                f"{on} could not be closed: {type(error).__name__}. What was done so far is kept.",
                now=now,
            )
        raise
    with transaction(engine) as session:
        end_alert(session, AlertKind.DAY_FAILED, portfolio.code, now=now)


def require_over(portfolio: Portfolio, on: date, now: datetime) -> None:
    """NotOver for a day that has not ended where the portfolio is; the sentence says when it will have."""
    if on >= local_date(now, portfolio.timezone):
        raise NotOver(_not_over(portfolio, on), "date")


def _not_over(portfolio: Portfolio, on: date) -> str:
    """Closing cannot be undone, nor what falls past due or is written off in a day that never was."""
    tomorrow = on + timedelta(days=1)
    at = local_instant(tomorrow, 0, 0, portfolio.timezone)
    return (
        f"{on} is not over in {portfolio.timezone}, the time zone of {portfolio.code}. It can be closed "
        f"from {tomorrow} 00:00 there ({at:%Y-%m-%d %H:%M} UTC)."
    )


def _run_one(
    engine: Engine, portfolio: Portfolio, on: date, catalog: LetterCatalog, now: datetime
) -> DayReport:
    at = instant_of_day(portfolio, on, now)
    day = Day(engine, portfolio, on, at, catalog, now)
    with transaction(engine) as session:
        run = session.scalar(runs_on(portfolio, on))
        if run is None:
            run = DailyRun(portfolio_id=id_of(portfolio), business_date=on, started_at=at)
            session.add(run)
        if run.finished_at is not None:
            return DayReport(on, already_done=True, stages=json.loads(run.stages))
        stages: list[JsonObject] = json.loads(run.stages)
    done = {stage["name"] for stage in stages}
    for name, stage in STAGES.items():
        if name in done:
            continue
        started = time.perf_counter()
        counts = retrying(partial(stage, day))
        seconds = round(time.perf_counter() - started, 3)
        stages.append({"name": name, "seconds": seconds, "counts": counts})
        with transaction(engine) as session:
            keep_stages(session, portfolio, on, stages)
    with transaction(engine) as session:
        run = run_of(session, portfolio, on)
        run.finished_at = at
        closed = DayClosed(on, {stage["name"]: stage["counts"] for stage in stages})
        record(session, about_portfolio(id_of(portfolio), closed), by=SYSTEM, now=at)
    return DayReport(on, already_done=False, stages=stages)


def instant_of_day(portfolio: Portfolio, on: date, now: datetime) -> datetime:
    """Time at which the night after `on` is taken to be: the real time, except when old days are caught up or loaded
    from history. Those are dated into their own night, so that nothing planned for them leaves today."""
    nominal = local_instant(on + timedelta(days=1), 2, 30, portfolio.timezone)
    return nominal if now > nominal + BACKFILL_AFTER else now
