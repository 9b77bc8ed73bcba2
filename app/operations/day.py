"""The business day on one page; the only file that knows every stage.

`run_day` closes one business date of one portfolio. Every stage may be killed at any point and the day run again:
stages that are done are remembered, and each stage by itself does nothing twice. The order matters: what is owed
first, then what was promised, then who has a case, then what is said to whom, then the figures.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from app.actions.reversals import break_undone_settlements
from app.book.charges.service import accounts_to_charge, catch_up, charge_interest, charge_late_fees
from app.book.delinquency.lifecycle import accounts_to_charge_off, charge_off, fall_dormant, reopen_paid, wake
from app.book.delinquency.models import AccountState, Movement, Spell
from app.book.delinquency.service import (
    CHUNK,
    fold_accounts,
    schedule_later_changes,
    stale_accounts,
    take_in_new_accounts,
)
from app.book.ledger.lifecycle import recovered_accounts, reinstate_recoveries
from app.book.ledger.models import DailyRun, Portfolio
from app.book.ledger.positions import reconcile_positions
from app.book.ledger.rules import DelinquencySource
from app.book.ledger.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import (
    assign_cases,
    open_cases,
    review_cases,
)
from app.casework.holds.service import end_due_holds
from app.casework.plans.assessment import assess_due
from app.casework.plans.offers import expire_offers
from app.casework.plans.queries import cases_with_live_plan, cases_with_settlement_offer
from app.core.actor import SYSTEM
from app.core.bulk import chunked, refresh_statistics
from app.core.clock import local_date, local_instant
from app.core.db import exclusive, reading, retrying, transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.queries import agent_names
from app.core.timeline.models import Event, StreamHead
from app.core.timeline.rules import Kind
from app.core.timeline.service import NewEvent, portfolio_stream, record
from app.legal.referrals.service import nominate_cases
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert
from app.operations.invariants import Violation, quick
from app.outreach.gate.service import pack_of
from app.outreach.planning.deferred import waiting_letters
from app.outreach.planning.event_letters import tonight, write_occasions, write_waiting
from app.outreach.planning.nightly import plan_night
from app.outreach.planning.service import PLANNING_HORIZON, Stationery, cases_to_contact
from app.outreach.strategy.service import drop_tasks
from app.reporting.kpis.service import restate, take_snapshot

log = structlog.get_logger("desk.day")

CONTACT_CHUNK = 200
MANY = 2000
"""Rows from which on a stage tells the query planner what it wrote."""
BACKFILL_AFTER = timedelta(hours=24)

Counts = dict[str, int]


class NotOver(Invalid):
    """A day that is still going on, or to come, where the portfolio is."""


@dataclass(frozen=True)
class Day:
    """What every stage is told."""

    engine: Engine
    portfolio: Portfolio
    on: date
    now: datetime
    """The night of that day: old days that are caught up are dated into their own."""
    stationery: Stationery
    real_now: datetime


@dataclass
class DayReport:
    """What came of a day, or that it had been closed before."""

    business_date: date
    already_done: bool
    stages: list[dict[str, Any]] = field(default_factory=list)


def age(day: Day) -> Counts:
    """Fold accounts that something happened to; chunk by chunk, so that a kill loses at most a chunk's work."""
    with reading(day.engine) as session:
        stale = stale_accounts(session, id_of(day.portfolio), day.on)
    is_reported = day.portfolio.source is DelinquencySource.REPORTED
    for ids in chunked(stale, CHUNK):
        with transaction(day.engine) as session:
            if is_reported:
                reconcile_positions(session, day.portfolio, ids, now=day.now)
            _note_restated(session, day, fold_accounts(session, day.portfolio, ids, through=day.on))
    with transaction(day.engine) as session:
        new = take_in_new_accounts(session, id_of(day.portfolio), day.on)
        schedule_later_changes(session, id_of(day.portfolio), day.on)
    if len(stale) + new > MANY:
        refresh_statistics(day.engine, AccountState, Spell, Movement)
    return {"accounts": len(stale), "new": new}


def charge(day: Day) -> Counts:
    """Before aging: what was recovered of charged-off accounts stays off the book, and where the ledger is kept
    here, interest and late fees of the day."""
    with transaction(day.engine) as session:
        recovered = recovered_accounts(session, id_of(day.portfolio))
        counts = {"reinstated": reinstate_recoveries(session, id_of(day.portfolio), recovered, now=day.now)}
    if not day.portfolio.accrues:
        return counts
    caps, totals = pack_of(day.portfolio).charges, Counter[str]()
    with reading(day.engine) as session:
        late = stale_accounts(session, id_of(day.portfolio), day.on - timedelta(days=1))
    for ids in chunked(late, CHUNK):
        with transaction(day.engine) as session:
            posted = catch_up(session, day.portfolio, caps, ids, day.on, now=day.now)
            _note_restated(session, day, posted.restated_from)
        totals.update(interest=posted.interest, corrections=posted.corrections)
    with reading(day.engine) as session:
        owing = accounts_to_charge(session, day.portfolio, day.on)
    for ids in chunked(owing, CHUNK):
        with transaction(day.engine) as session:
            posted = charge_interest(session, day.portfolio, caps, ids, day.on, now=day.now)
        totals.update(interest=posted.interest)
    with transaction(day.engine) as session:
        fees = charge_late_fees(session, day.portfolio, caps, day.on, now=day.now)
    totals.update(late_fees=fees.late_fees)
    return {**counts, **totals}


def end_accounts(day: Day) -> Counts:
    """Charge off what is too old, put to sleep what nobody uses, wake what somebody used."""
    with reading(day.engine) as session:
        old = accounts_to_charge_off(session, day.portfolio, day.on)
    charged_off = 0
    for ids in chunked(old, CONTACT_CHUNK):
        with transaction(day.engine) as session:
            charged_off += charge_off(session, day.portfolio, ids, day.on, now=day.now)
    with transaction(day.engine) as session:
        owing = reopen_paid(session, day.portfolio, day.on, now=day.now)
        woken = wake(session, day.portfolio, day.on, now=day.now)
        dormant = fall_dormant(session, day.portfolio, day.on, now=day.now)
    return {"charged_off": charged_off, "woken": woken, "dormant": dormant, "reopened": owing}


def assess(day: Day) -> Counts:
    with transaction(day.engine) as session:
        counts = assess_due(session, day.portfolio, day.on, now=day.now)
        counts["broken"] += break_undone_settlements(session, day.portfolio, day.on, now=day.now)
        counts["holds_ended"] = end_due_holds(session, day.portfolio, day.on, now=day.now)
        return counts


def work_cases(day: Day) -> Counts:
    with transaction(day.engine) as session:
        opened = open_cases(session, day.portfolio, day.on, now=day.now)
        portfolio_id = id_of(day.portfolio)
        keep_open = cases_with_live_plan(session, portfolio_id)
        keep_open += cases_with_settlement_offer(session, portfolio_id)
        closed = review_cases(session, day.portfolio, day.on, keep_open=keep_open, now=day.now)
        expired = expire_offers(session, day.portfolio, day.on, now=day.now)
        drop_tasks(session, id_of(day.portfolio), now=day.now)
        assigned = assign_cases(session, day.portfolio, agent_names(session), now=day.now)
    if opened > MANY:
        refresh_statistics(day.engine, CollectionsCase, Event, StreamHead)
    return {"opened": opened, "closed": closed, "assigned": assigned, "offers_ended": expired}


def contact(day: Day) -> Counts:
    """Write what had to wait, and of what happened tonight; let those rest for whom nothing is due; plan, clear and
    enqueue the others, one chunk of cases a transaction: the answer and what follows from it are one."""
    with reading(day.engine) as session:
        happened = tonight(session, day.portfolio, day.on)
        waited = waiting_letters(session, id_of(day.portfolio), day.now + PLANNING_HORIZON)
    for keys in waited:
        for few in chunked(keys, CONTACT_CHUNK):
            with transaction(day.engine) as session:
                write_waiting(session, day.portfolio, few, day.stationery, on=day.on, by=SYSTEM, now=day.now)
    for occasions in happened:
        for some in chunked(occasions, CONTACT_CHUNK):
            with transaction(day.engine) as session:
                write_occasions(
                    session, day.portfolio, some, day.stationery, on=day.on, by=SYSTEM, now=day.now
                )
    with reading(day.engine) as session:
        case_ids = cases_to_contact(session, id_of(day.portfolio), day.on)
    return plan_night(day.engine, day.portfolio, case_ids, day.stationery, on=day.on, now=day.now)


def refer(day: Day) -> Counts:
    with transaction(day.engine) as session:
        return {"nominated": nominate_cases(session, day.portfolio, day.on, now=day.now)}


def measure(day: Day) -> Counts:
    with transaction(day.engine) as session:
        portfolio_id = id_of(day.portfolio)
        since = _run_row(session, day.portfolio, day.on).restated_from
        restated = restate(session, portfolio_id, since, day.on, now=day.now) if since else 0
        written = take_snapshot(session, portfolio_id, day.on, now=day.now)
        return {"snapshots": written, "restated": restated}


def check(day: Day) -> Counts:
    with reading(day.engine) as session:
        violations = quick(session, day.portfolio)
    for violation in violations:
        log.error("invariant_violated", invariant=violation.invariant, row=violation.row)
    with transaction(day.engine) as session:
        report_violations(session, day.portfolio, violations, now=day.real_now)
    return {"violations": len(violations)}


def report_violations(
    session: Session, portfolio: Portfolio, violations: Sequence[Violation], *, now: datetime
) -> None:
    """Raise an alert that counts the rows of each violated invariant, or end the one that is open. Rows themselves
    are for `desk invariants`: alerts leave the house by e-mail."""
    if not violations:
        end_alert(session, AlertKind.INVARIANT, portfolio.code, now=now)
        return
    rows = Counter(violation.invariant for violation in violations)
    detail = "Rows that disagree: " + ", ".join(f"{n} of {name}" for name, n in rows.items()) + "."
    raise_alert(session, AlertKind.INVARIANT, portfolio.code, detail, now=now)


STAGES: Mapping[str, Callable[[Day], Counts]] = {
    "charges": charge,
    "age": age,
    "lifecycle": end_accounts,
    "assess": assess,
    "cases": work_cases,
    "contacts": contact,
    "legal": refer,
    "kpis": measure,
    "invariants": check,
}


def run_days(
    engine: Engine, portfolio_code: str, on: date, stationery: Stationery, *, now: datetime, wait: bool = True
) -> list[DayReport]:
    """Close `on` and, before it, every day since the last one closed, in order.

    The first run of a portfolio starts at `on`. Conflict for a day before the last one, NotOver for one that has not
    begun in the portfolio's zone at `now` (whoever asks for one that goes on is refused by `require_over`); Busy if
    another process is closing days of this portfolio and `wait` is False.
    """
    with exclusive(engine, f"portfolio-{portfolio_code}", wait=wait):
        with reading(engine) as session:
            portfolio = get_portfolio(session, portfolio_code)
            last = _last_run(session, portfolio)
        if last is not None and on < last.business_date:
            raise Conflict(
                f"{portfolio_code} has closed {last.business_date} already; {on} lies before it and stays as it is"
            )
        if on > date(2199, 12, 31):
            raise Invalid("the date is out of range", "date")
        if on > local_date(now, portfolio.timezone):
            raise NotOver(_not_over(portfolio, on), "date")
        first = on if last is None else last.business_date
        days = [first + timedelta(days=n) for n in range((on - first).days + 1)]
        if last is not None and last.finished_at is not None and len(days) > 1:
            days = days[1:]
        reports = []
        for each in days:
            with _reported(engine, portfolio, each, now):
                reports.append(_run_one(engine, portfolio, each, stationery, now))
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
    engine: Engine, portfolio: Portfolio, on: date, stationery: Stationery, now: datetime
) -> DayReport:
    at = instant_of_day(portfolio, on, now)
    day = Day(engine, portfolio, on, at, stationery, now)
    with transaction(engine) as session:
        run = session.scalar(_run_query(portfolio, on))
        if run is None:
            run = DailyRun(portfolio_id=id_of(portfolio), business_date=on, started_at=at)
            session.add(run)
        if run.finished_at is not None:
            return DayReport(on, already_done=True, stages=json.loads(run.stages))
        done = {stage["name"] for stage in json.loads(run.stages)}
    for name, stage in STAGES.items():
        if name in done:
            continue
        started = time.perf_counter()
        counts = retrying(partial(stage, day))
        seconds = round(time.perf_counter() - started, 3)
        with transaction(engine) as session:
            _note_stage(session, portfolio, on, {"name": name, "seconds": seconds, "counts": counts})
    with transaction(engine) as session:
        run = _run_row(session, portfolio, on)
        run.finished_at = at
        stages = json.loads(run.stages)
        data = {"business_date": on, "counts": {s["name"]: s["counts"] for s in stages}}
        record(
            session, NewEvent(portfolio_stream(id_of(portfolio)), Kind.DAY_CLOSED, data), by=SYSTEM, now=at
        )
    return DayReport(on, already_done=False, stages=stages)


def instant_of_day(portfolio: Portfolio, on: date, now: datetime) -> datetime:
    """When the night after `on` is taken to be: the real time, except when old days are caught up or loaded
    from history. Those are dated into their own night, so that nothing planned for them leaves today."""
    nominal = local_instant(on + timedelta(days=1), 2, 30, portfolio.timezone)
    return nominal if now > nominal + BACKFILL_AFTER else now


def last_closed(session: Session, portfolio: Portfolio) -> date | None:
    """The last business date that was closed, the portfolio's 'today' for figures on pages."""
    return session.scalar(
        select(sa.func.max(DailyRun.business_date)).where(
            DailyRun.portfolio_id == portfolio.id, col(DailyRun.finished_at).is_not(None)
        )
    )


def _last_run(session: Session, portfolio: Portfolio) -> DailyRun | None:
    return session.scalar(
        select(DailyRun)
        .where(DailyRun.portfolio_id == portfolio.id)
        .order_by(col(DailyRun.business_date).desc())
        .limit(1)
    )


def _run_query(portfolio: Portfolio, on: date) -> Any:
    return select(DailyRun).where(DailyRun.portfolio_id == portfolio.id, DailyRun.business_date == on)


def _run_row(session: Session, portfolio: Portfolio, on: date) -> DailyRun:
    run: DailyRun = session.scalars(_run_query(portfolio, on).with_for_update()).one()
    return run


def _note_restated(session: Session, day: Day, since: date | None) -> None:
    """Remember that figures from `since` on have changed."""
    if since is not None:
        run = _run_row(session, day.portfolio, day.on)
        run.restated_from = min(since, run.restated_from or since)


def _note_stage(session: Session, portfolio: Portfolio, on: date, stage: dict[str, Any]) -> None:
    run = _run_row(session, portfolio, on)
    run.stages = json.dumps([*json.loads(run.stages), stage])
