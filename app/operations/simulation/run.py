"""One strategy lived through on a copy: nights close days, messages leave at the full hours, everything is counted.

The days are the real ones (`app.operations.day`) and so is the judgement at delivery
(`app.outreach.delivery.recheck.recheck`). There is no provider: a message that may leave counts as accepted. Nobody
pays, answers or works a call task.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer, DailyRun, Portfolio
from app.book.ledger.service import get_portfolio
from app.casework.cases.models import case_reference
from app.core.actor import SYSTEM
from app.core.bulk import among, upsert
from app.core.clock import local_date, local_instant
from app.core.db import make_engine, reading, table_of, transaction
from app.core.ids import id_of
from app.core.settings import ROOT
from app.core.timeline.models import Event
from app.core.timeline.rules import Kind
from app.core.timeline.service import NewEvent
from app.core.vocabulary import Channel
from app.operations.day.closing import run_days
from app.operations.day.runs import last_closed
from app.operations.simulation.rules import Leaving, Side, Tariff, letter_pages, through_channel
from app.outreach.delivery.moves import apply_verdicts, result_event
from app.outreach.delivery.recheck import recheck
from app.outreach.gate.decisions import record_decisions
from app.outreach.letters.catalog import load_letters
from app.outreach.letters.sms import sms_segments
from app.outreach.outbox.models import ChannelStop, OutboxMessage
from app.outreach.outbox.rules import Accepted, Destination, OutboxStatus
from app.outreach.planning.service import Stationery
from app.outreach.strategy.service import ladders, live_version, put_live, save_version

BATCH = 500
CHANNELS = (Destination.SMS, Destination.EMAIL, Destination.POST)
UNREAD = tuple(
    defer(col(each))  # type: ignore[arg-type]
    for each in (OutboxMessage.html, OutboxMessage.enclosed, OutboxMessage.context)
)
"""What nobody looks at when a message is judged and counted."""
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NO_MATTER = ("kpis", "invariants")
"""Stages of a day on which no contact depends: they are noted as done already."""
DECISIONS = {
    Kind.CONTACT_CLEARED: "cleared",
    Kind.CONTACT_WAITING: "waiting",
    Kind.CONTACT_REFUSED: "refused",
    Kind.CONTACT_WITHHELD: "withheld",
    Kind.CONTACT_SENT: "sent",
    Kind.CALL_TASK_CREATED: "call_task",
    Kind.TASK_CREATED: "task",
}
LISTED = frozenset({"sent", "refused", "withheld", "call_task", "task"})
"""Decisions in the list of who gets what: a waiting one is asked again, a cleared one leaves or is withheld."""
LIST_HEADER = (
    "side", "at", "day", "customer", "account", "case", "channel", "decision", "step", "letter", "strategy",
    "units", "why",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is to be lived through; plain values, for it goes to another process."""

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
    """Whose version that is; '' = the live one's next."""
    listing: Path
    """Where the list of who gets what goes: gzipped CSV without a header."""


def dry_stationery(public_url: str, register_number: str) -> Stationery:
    """The letters as they are sent, except that the links in them belong to nobody."""
    return Stationery(load_letters(ROOT / "letters"), public_url, secrets.token_urlsafe(32), register_number)


@dataclass(slots=True)
class _Tally:
    """Everything counted so far."""

    contacts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    customers: set[int] = field(default_factory=set)
    leaving: dict[Channel, list[tuple[Leaving, int]]] = field(default_factory=lambda: defaultdict(list))
    """What left, with its segments or pages, by channel, in order of time."""


def live_through(plan: Plan, progress: Callable[[float], None]) -> Side:
    """Live through the days of `plan`; `progress` is told the share done."""
    # Nothing is lost if the machine stops: the copy is made again from the book.
    engine = make_engine(f"sqlite:///{plan.database}", durable=False)
    stationery = dry_stationery(plan.public_url, plan.register_number)
    with transaction(engine) as session:
        portfolio = get_portfolio(session, plan.portfolio)
        last_event = session.scalar(select(sa.func.max(Event.id))) or 0
        if plan.candidate:
            _put_live(session, portfolio, plan, stationery)
        ref = ladders(session, portfolio).live.ref
    references = _references(engine)
    tally = _Tally()
    days = (plan.last_on - plan.first_on).days + 1
    with gzip.open(plan.listing, "wt", encoding="utf-8", newline="", compresslevel=3) as file:
        writer = csv.writer(file)
        for n in range(-1, days):
            night = _night(portfolio, plan, n)
            if n >= 0:
                on = plan.first_on + timedelta(days=n)
                close(engine, portfolio, on, stationery, now=night)
            units = _hours_until(
                engine, portfolio, plan, stationery, night, _night(portfolio, plan, n + 1), tally
            )
            last_event = _count(engine, portfolio, plan.side, last_event, units, tally, references, writer)
            progress((n + 2) / (days + 1))
    engine.dispose()
    return _summed_up(ref, portfolio, plan, tally)


def close(engine: Engine, portfolio: Portfolio, on: date, stationery: Stationery, *, now: datetime) -> None:
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
                stages=json.dumps([{"name": name, "seconds": 0, "counts": {}} for name in NO_MATTER]),
            )
            # A day that was begun and not finished goes on where it stands.
            session.execute(run.on_conflict_do_nothing())
        run_days(engine, portfolio.code, day, stationery, now=now)


def _put_live(session: Session, portfolio: Portfolio, plan: Plan, stationery: Stationery) -> None:
    at = local_instant(plan.first_on, 0, 0, portfolio.timezone)
    letters = stationery.letters
    version = save_version(
        session, portfolio, plan.code or portfolio.strategy, plan.candidate, letters, by=SYSTEM, now=at
    )
    live = live_version(session, id_of(portfolio))
    if live is None or live.id != version.id:
        put_live(session, portfolio, version, letters, by=SYSTEM, now=at)


def _night(portfolio: Portfolio, plan: Plan, n: int) -> datetime:
    """When the n-th day is closed, from 0; -1 is the night before the first."""
    on = plan.first_on + timedelta(days=n + 1)
    return local_instant(on, plan.night_hour, 0, portfolio.timezone)


def _references(engine: Engine) -> dict[int, tuple[str, str]]:
    """Customer -> their reference, and that of one account of theirs."""
    query = (
        sa.select(col(Customer.id), col(Customer.reference), sa.func.min(col(Account.reference)))
        .join(Account, col(Account.customer_id) == Customer.id)
        .group_by(col(Customer.id), col(Customer.reference))
    )
    with reading(engine) as session:
        return {i: (customer, account) for i, customer, account in session.execute(query)}


# --- messages leave ---------------------------------------------------------------------------------------------


def _hours_until(
    engine: Engine,
    portfolio: Portfolio,
    plan: Plan,
    stationery: Stationery,
    night: datetime,
    until: datetime,
    tally: _Tally,
) -> dict[str, int]:
    """Let leave what is due, at each full hour after `night` and before `until`; returns segments or pages by key."""
    units: dict[str, int] = {}
    at = night
    while (due := _next_due(engine)) is not None:
        hours = max(1, -((at - due) // timedelta(hours=1)))
        at += timedelta(hours=hours)
        if at >= until:
            break
        while leave(engine, portfolio, stationery, plan.tariff, tally, units, now=at):
            pass
    return units


def _deliverable() -> tuple[sa.ColumnElement[bool], ...]:
    stopped = sa.select(col(ChannelStop.destination))
    return (
        col(OutboxMessage.status) == OutboxStatus.QUEUED,
        col(OutboxMessage.destination).in_(CHANNELS),
        col(OutboxMessage.destination).not_in(stopped),
    )


def _next_due(engine: Engine) -> datetime | None:
    with reading(engine) as session:
        return session.scalar(select(sa.func.min(OutboxMessage.not_before)).where(*_deliverable()))


def leave(
    engine: Engine,
    portfolio: Portfolio,
    stationery: Stationery,
    tariff: Tariff,
    tally: _Tally,
    units: dict[str, int],
    *,
    now: datetime,
) -> int:
    """One batch of what is due at `now`, at most one message a customer, through the judgement of delivery and out:
    the same rows and events as `deliver_due` with a provider that accepts everything. Returns its size."""
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
        verdicts = recheck(session, portfolio, rows, stationery, now=now)
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


def _update(session: Session, ids: Sequence[int], **values: Any) -> None:
    table = table_of(OutboxMessage)
    session.connection().execute(sa.update(table).where(among(session, table.c.id, ids)).values(**values))


def _sent(
    row: OutboxMessage, tariff: Tariff, tally: _Tally, units: dict[str, int], now: datetime
) -> NewEvent:
    channel = Channel(row.destination.value)
    units[row.key] = _units(channel, row.text)
    leaving = Leaving(now, row.not_after, tariff.seconds(channel, units[row.key]))
    tally.leaving[channel].append((leaving, units[row.key]))
    event = result_event(row, Accepted(""))
    assert event is not None
    return event


def _units(channel: Channel, text: str) -> int:
    """Segments of an SMS, pages of a letter, 1 for an e-mail."""
    if channel is Channel.SMS:
        return sms_segments(text)
    return letter_pages(text) if channel is Channel.POST else 1


# --- counting ---------------------------------------------------------------------------------------------------


def _count(
    engine: Engine,
    portfolio: Portfolio,
    side: str,
    after: int,
    units: dict[str, int],
    tally: _Tally,
    references: dict[int, tuple[str, str]],
    writer: Any,
) -> int:
    """Count the events that came since, list who got what, and return the id of the last one."""
    query = (
        sa.select(
            *(
                col(each)
                for each in (
                    Event.id,
                    Event.kind,
                    Event.at,
                    Event.customer_id,
                    Event.case_id,
                    Event.channel,
                    Event.data,
                )
            )
        )
        .where(col(Event.id) > after)
        .order_by(col(Event.id))
    )
    with reading(engine) as session:
        for row in session.execute(query.execution_options(yield_per=2000)):
            after = row.id
            decision = DECISIONS.get(row.kind)
            if decision is None:
                continue
            data = json.loads(row.data)
            channel = row.channel.value if row.channel else ""
            day = local_date(row.at, portfolio.timezone)
            if "step" in data:
                day -= timedelta(days=1)  # decided in the night after the day that was closed
            reasons = data.get("reasons", [])
            step = data.get("step") or _step_of(data.get("key", ""))
            tally.contacts[day.isoformat(), channel, decision] += 1
            tally.steps[step, channel, decision] += 1
            for reason in reasons:
                tally.rules[reason["rule"], reason["citation"], channel, decision] += 1
            if decision == "withheld":
                tally.withheld[DATE.sub("…", data["reason"])] += 1
            if decision in ("sent", "call_task"):
                tally.customers.add(row.customer_id)
            if decision in LISTED:
                writer.writerow(
                    [side, *_listed(row, portfolio.timezone, day, decision, step, data, units, references)]
                )
    return after


def _step_of(key: str) -> str:
    """The step in an outbox key `case:step:occurrence:channel`."""
    return key.split(":")[1] if key.count(":") >= 3 else ""


def _listed(
    row: Any,
    timezone: str,
    day: date,
    decision: str,
    step: str,
    data: dict[str, Any],
    units: dict[str, int],
    references: dict[int, tuple[str, str]],
) -> Sequence[Any]:
    why = "; ".join(reason["rule"] for reason in data.get("reasons", [])) or data.get("reason", "")
    return (
        row.at.astimezone(ZoneInfo(timezone)).isoformat(timespec="minutes"),
        day.isoformat(),
        *references[row.customer_id],
        case_reference(row.case_id) if row.case_id else "",
        row.channel.value if row.channel else "",
        decision,
        step,
        data.get("letter", ""),
        data.get("strategy", ""),
        units.get(data.get("key", ""), "") if decision == "sent" else "",
        why,
    )


def _summed_up(ref: str, portfolio: Portfolio, plan: Plan, tally: _Tally) -> Side:
    side = Side(ref, customers=len(tally.customers))
    side.contacts = [(*key, n) for key, n in sorted(tally.contacts.items())]
    side.rules = [(*key, n) for key, n in sorted(tally.rules.items())]
    side.withheld = sorted(tally.withheld.items())
    side.steps = [(*key, n) for key, n in sorted(tally.steps.items())]
    side.call_tasks = [(day, n) for day, _, decision, n in side.contacts if decision == "call_task"]
    side.tasks = sum(n for _, _, decision, n in side.contacts if decision == "task")
    side.agent_minutes = plan.tariff.call_minutes * sum(n for _, n in side.call_tasks)
    for channel, leaving in sorted(tally.leaving.items()):
        side.units[channel.value] = sum(units for _, units in leaving)
        cost = sum((plan.tariff.cost(channel, units) for _, units in leaving), Decimal(0))
        side.costs[channel.value] = str(cost)
        _add_flow(side, channel, [message for message, _ in leaving], portfolio.timezone)
    return side


def _add_flow(side: Side, channel: Channel, leaving: Sequence[Leaving], timezone: str) -> None:
    """When messages are through at the channel's own speed, and which of them too late."""
    hours, waits, late = [0] * 24, Counter[str](), Counter[str]()
    for left in through_channel(leaving):
        local = left.at.astimezone(ZoneInfo(timezone))
        hours[local.hour] += 1
        day = local.date().isoformat()
        waits[day] = max(waits[day], round(left.waited.total_seconds() / 60))
        late[day] += left.late
    side.hours[channel.value] = hours
    side.longest_wait[channel.value] = max(waits.values(), default=0)
    side.bottlenecks += [(day, channel.value, n, waits[day]) for day, n in sorted(late.items()) if n]
