"""Simulation run: one strategy on a copy of the portfolio. Nights close days, messages leave at the full hours.

The days are the real ones (`app.operations.day`), and so is the recheck at delivery (`app.outreach.delivery.recheck`).
There is no provider: a message that may leave counts as accepted. No customer pays or answers, and no agent works a
call task.
"""

from __future__ import annotations

import csv
import gzip
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import DailyRun, Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import SYSTEM
from app.core.clock import local_instant
from app.core.database.bulk import among, upsert
from app.core.database.engine import make_engine, reading, table_of, transaction
from app.core.ids import id_of
from app.core.settings import ROOT
from app.core.timeline.models import Event
from app.core.timeline.service import NewEvent
from app.core.vocabulary import Channel
from app.operations.day.closing import run_days
from app.operations.simulation.counts import Tally, count_events, references_of, summed_up
from app.operations.simulation.rules import (
    StrategyResult,
    Tariff,
    Transmission,
    letter_pages,
)
from app.outreach.delivery.moves import apply_verdicts, result_event
from app.outreach.delivery.recheck import recheck
from app.outreach.gate.decisions import record_decisions
from app.outreach.letters.catalog import load_letters
from app.outreach.letters.sms import sms_segments
from app.outreach.outbox.dispatch import Accepted
from app.outreach.outbox.models import ChannelStop, OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS, OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.links import LinkSigner
from app.outreach.strategy.ladders import live_version, load_ladders
from app.outreach.strategy.service import put_live, save_version

BATCH = 500
UNREAD = tuple(
    defer(col(each))  # type: ignore[arg-type]
    for each in (OutboxMessage.html, OutboxMessage.enclosed)
)
"""Columns that neither the recheck nor the counts read."""
SKIPPED_STAGES = ("kpis", "thresholds", "invariants")
"""Stages of a day that no contact depends on: they are noted as done already."""


@dataclass(frozen=True)
class SimulationPlan:
    """The plan of a simulation; plain values, because it goes to another process."""

    side: str
    """`live` or `candidate`."""
    database: Path
    """The copy, used up by this."""
    portfolio: str
    first_on: date
    last_on: date
    night_hour: int
    public_url: str
    register_number: str
    tariff: Tariff
    candidate: str
    """TOML of the strategy to be put live first; '' = the one that is."""
    code: str
    """Code of that version's strategy; '' = the next version of the live one."""
    listing: Path
    """File for the list of contacts: gzipped CSV without a header."""
    sender_address: str = ""
    supervisory_authority: str = ""


def simulation_catalog(
    public_url: str, register_number: str, sender_address: str = "", supervisory_authority: str = ""
) -> LetterCatalog:
    """The letters as they are sent, except that the links in them belong to no customer."""
    return LetterCatalog(
        load_letters(ROOT / "letters"), LinkSigner(public_url, secrets.token_urlsafe(32)), register_number,
        sender_address, supervisory_authority,
    )  # fmt: skip


def run_plan(plan: SimulationPlan, progress: Callable[[float], None]) -> StrategyResult:
    """Simulate the days of `plan`; `progress` is told the share done."""
    # Nothing is lost if the machine stops: the copy is made again.
    engine = make_engine(f"sqlite:///{plan.database}", durable=False)
    catalog = simulation_catalog(
        plan.public_url, plan.register_number, plan.sender_address, plan.supervisory_authority
    )
    with transaction(engine) as session:
        portfolio = get_portfolio(session, plan.portfolio)
        last_event = session.scalar(select(sa.func.max(Event.id))) or 0
        if plan.candidate:
            _put_live(session, portfolio, plan, catalog)
        ref = load_ladders(session, portfolio).live.ref
    references = references_of(engine)
    tally = Tally()
    days = (plan.last_on - plan.first_on).days + 1
    with gzip.open(plan.listing, "wt", encoding="utf-8", newline="", compresslevel=3) as file:
        list_row = csv.writer(file).writerow
        for n in range(-1, days):
            night = _night(portfolio, plan, n)
            if n >= 0:
                on = plan.first_on + timedelta(days=n)
                close_day(engine, portfolio, on, catalog, now=night)
            units = _deliver_until(
                engine, portfolio, plan, catalog, night, _night(portfolio, plan, n + 1), tally
            )
            last_event = count_events(
                engine, portfolio, plan.side, last_event, units, tally, references, list_row
            )
            progress((n + 2) / (days + 1))
    engine.dispose()
    return summed_up(ref, portfolio.timezone, plan.tariff, tally)


def close_day(
    engine: Engine, portfolio: Portfolio, on: date, catalog: LetterCatalog, *, now: datetime
) -> None:
    """Close `on` and, before it, the days that were missed, as the night at `now` would."""
    with reading(engine) as session:
        last = last_closed(session, portfolio)
        begun = session.scalar(
            select(sa.func.min(DailyRun.business_date)).where(
                DailyRun.portfolio_id == portfolio.id, col(DailyRun.finished_at).is_(None)
            )
        )
    first = last + timedelta(days=1) if last else begun or on
    missed = (on - first).days + 1
    for n in reversed(range(missed)):
        day = on - timedelta(days=n)
        with transaction(engine) as session:
            run = upsert(session, DailyRun).values(
                portfolio_id=portfolio.id,
                business_date=day,
                started_at=now,
                stages=json.dumps([{"name": name, "seconds": 0, "counts": {}} for name in SKIPPED_STAGES]),
            )
            # A day that was begun and not finished goes on where it stands.
            session.execute(run.on_conflict_do_nothing())
        run_days(engine, portfolio.code, day, catalog, now=now)


def _put_live(session: Session, portfolio: Portfolio, plan: SimulationPlan, catalog: LetterCatalog) -> None:
    at = local_instant(plan.first_on, 0, 0, portfolio.timezone)
    letters = catalog.letters
    version = save_version(
        session, portfolio, plan.code or portfolio.strategy, plan.candidate, letters, by=SYSTEM, now=at
    )
    live = live_version(session, id_of(portfolio))
    if live is None or live.id != version.id:
        put_live(session, portfolio, version, letters, by=SYSTEM, now=at)


def _night(portfolio: Portfolio, plan: SimulationPlan, n: int) -> datetime:
    """Time at which the n-th day is closed, from 0; -1 is the night before the first."""
    on = plan.first_on + timedelta(days=n + 1)
    return local_instant(on, plan.night_hour, 0, portfolio.timezone)


# --- delivery ---------------------------------------------------------------------------------------------


def _deliver_until(
    engine: Engine,
    portfolio: Portfolio,
    plan: SimulationPlan,
    catalog: LetterCatalog,
    night: datetime,
    until: datetime,
    tally: Tally,
) -> dict[int, int]:
    """Deliver the due messages, at each full hour after `night` and before `until`; returns segments or pages by
    key."""
    units: dict[int, int] = {}
    at = night
    while (due := _next_due(engine)) is not None:
        hours = max(1, -((at - due) // timedelta(hours=1)))
        at += timedelta(hours=hours)
        if at >= until:
            break
        while deliver_batch(engine, portfolio, catalog, plan.tariff, tally, units, now=at):
            pass
    return units


def _deliverable() -> tuple[sa.ColumnElement[bool], ...]:
    stopped = sa.select(col(ChannelStop.destination))
    return (
        col(OutboxMessage.status) == OutboxStatus.QUEUED,
        col(OutboxMessage.destination).in_(TO_CUSTOMERS),
        col(OutboxMessage.destination).not_in(stopped),
    )


def _next_due(engine: Engine) -> datetime | None:
    with reading(engine) as session:
        return session.scalar(select(sa.func.min(OutboxMessage.not_before)).where(*_deliverable()))


def deliver_batch(
    engine: Engine,
    portfolio: Portfolio,
    catalog: LetterCatalog,
    tariff: Tariff,
    tally: Tally,
    units: dict[int, int],
    *,
    now: datetime,
) -> int:
    """Deliver one batch of messages due at `now`, at most one message a customer, through the recheck: the same rows
    and events as `deliver_due` with a provider that accepts everything. Returns its size."""
    query = (
        select(OutboxMessage)
        .where(*_deliverable(), col(OutboxMessage.not_before) <= now)
        .order_by(col(OutboxMessage.not_before), col(OutboxMessage.id))
        .limit(BATCH)
    )
    with transaction(engine) as session:
        # The next one of the same customer is rechecked with this one already sent.
        first: dict[int, OutboxMessage] = {}
        for row in session.scalars(query.options(*UNREAD)):
            first.setdefault(row.customer_id, row)
        rows = list(first.values())
        # Written by statements of many rows, not one by one.
        session.expunge_all()
        for row in rows:
            row.status = OutboxStatus.CLAIMED
        verdicts = recheck(session, portfolio, rows, catalog, now=now)
        cleared, events = apply_verdicts(rows, verdicts, now=now)
        for row in rows:
            if row.status is OutboxStatus.WITHHELD:
                _update(session, [id_of(row)], status=row.status, error=row.error, finished_at=now)
            elif row.status is OutboxStatus.QUEUED:
                _update(session, [id_of(row)], not_before=row.not_before)
        events += [_sent(row, tariff, tally, units, now) for row, _ in cleared]
        sent = [id_of(row) for row, _ in cleared]
        _update(session, sent, status=OutboxStatus.SENT, attempts=1, sent_at=now, finished_at=now)
        record_decisions(session, events, by=SYSTEM, now=now)
    return len(rows)


def _update(session: Session, ids: Sequence[int], **values: object) -> None:
    table = table_of(OutboxMessage)
    session.connection().execute(sa.update(table).where(among(session, table.c.id, ids)).values(**values))


def _sent(row: OutboxMessage, tariff: Tariff, tally: Tally, units: dict[int, int], now: datetime) -> NewEvent:
    channel = Channel(row.destination.value)
    number = id_of(row)
    units[number] = _units(channel, row.text)
    leaving = Transmission(now, row.not_after, tariff.seconds(channel, units[number]))
    tally.leaving[channel].append((leaving, units[number]))
    event = result_event(row, Accepted(""))
    assert event is not None
    return event


def _units(channel: Channel, text: str) -> int:
    """Segments of an SMS, pages of a letter, 1 for an e-mail."""
    if channel is Channel.SMS:
        return sms_segments(text)
    return letter_pages(text) if channel is Channel.POST else 1
