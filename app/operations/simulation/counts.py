"""Counts of a simulation, from its events, and the list of its contacts."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypedDict
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import case_reference
from app.casework.contacts.models import PlannedContact
from app.core.clock import local_date
from app.core.database.engine import reading, table_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel
from app.operations.simulation.rules import (
    StrategyResult,
    Tariff,
    Transmission,
    through_channel,
)
from app.outreach.duties.events import DutyArose, DutyOverdue
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting, ContactWithheld
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.strategy.events import TaskCreated

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DECISIONS: Mapping[str, str] = {
    ContactCleared.KIND: "cleared",
    ContactWaiting.KIND: "waiting",
    ContactRefused.KIND: "refused",
    ContactWithheld.KIND: "withheld",
    ContactSent.KIND: "sent",
    CallTaskCreated.KIND: "call_task",
    TaskCreated.KIND: "task",
}
LISTED = frozenset({"sent", "refused", "withheld", "call_task", "task"})
"""Decisions in the list of who gets what: a waiting one is asked again, a cleared one leaves or is withheld."""
LIST_HEADER = (
    "side", "at", "day", "customer", "account", "case", "channel", "decision", "step", "letter", "strategy",
    "units", "why",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """Everything counted so far in one simulation."""

    contacts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rules: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    customers: set[int] = field(default_factory=set)
    duties: Counter[str] = field(default_factory=Counter)
    """Events of duties, by kind."""
    leaving: dict[Channel, list[tuple[Transmission, int]]] = field(default_factory=lambda: defaultdict(list))
    """Messages that left, with their segments or pages, by channel, in order of time."""


def references_of(engine: Engine) -> dict[int, tuple[str, str]]:
    """Customer -> their reference, and that of one account of theirs."""
    query = (
        sa.select(col(Customer.id), col(Customer.reference), sa.func.min(col(Account.reference)))
        .join(Account, col(Account.customer_id) == Customer.id)
        .group_by(col(Customer.id), col(Customer.reference))
    )
    with reading(engine) as session:
        return {i: (customer, account) for i, customer, account in session.execute(query)}


class _CountedEvent(NamedTuple):
    id: int
    kind: str
    at: datetime
    customer_id: int
    case_id: int | None
    channel: Channel | None
    data: str


class _Reason(TypedDict):
    rule: str
    citation: str


class _Payload(TypedDict, total=False):
    """The fields that are read of an event's data; most events have only some of them."""

    step: str
    message: int
    reasons: list[_Reason]
    reason: str
    letter: str
    strategy: str


def _events_after(event_id: int) -> sa.Select[tuple[object, ...]]:
    event = table_of(Event)
    columns = [event.c[name] for name in _CountedEvent._fields]
    query = sa.select(*columns).where(event.c.id > event_id).order_by(event.c.id)
    return query.execution_options(yield_per=2000)


def count_events(
    engine: Engine,
    portfolio: Portfolio,
    side: str,
    after: int,
    units: dict[int, int],
    tally: Tally,
    references: dict[int, tuple[str, str]],
    list_row: Callable[[Sequence[object]], object],
) -> int:
    """Count the events that came since, list who got what, and return the id of the last one."""
    with reading(engine) as session:
        steps = _steps(session)
        for found in session.execute(_events_after(after)):
            row = _CountedEvent(*found)
            after = row.id
            if row.kind in (DutyArose.KIND, DutyOverdue.KIND):
                tally.duties[row.kind] += 1
            decision = DECISIONS.get(row.kind)
            if decision is None:
                continue
            data: _Payload = json.loads(row.data)
            channel = row.channel.value if row.channel else ""
            day = local_date(row.at, portfolio.timezone)
            if "step" in data:
                day -= timedelta(days=1)  # decided in the night after the day that was closed
            reasons = data.get("reasons", [])
            step = data.get("step") or steps.get(data.get("message", 0), "")
            tally.contacts[day.isoformat(), channel, decision] += 1
            tally.steps[step, channel, decision] += 1
            for reason in reasons:
                tally.rules[reason["rule"], reason["citation"], channel, decision] += 1
            if decision == "withheld":
                tally.withheld[DATE.sub("…", data["reason"])] += 1
            if decision in ("sent", "call_task"):
                tally.customers.add(row.customer_id)
            if decision in LISTED:
                list_row(
                    [side, *_listed(row, portfolio.timezone, day, decision, step, data, units, references)]
                )
    return after


def _steps(session: Session) -> dict[int, str]:
    """Message id -> the step that brought it."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = sa.select(message.c.id, contact.c.step).join(contact, contact.c.id == message.c.contact_id)
    return {number: step for number, step in session.connection().execute(query)}


def _listed(
    row: _CountedEvent,
    timezone: str,
    day: date,
    decision: str,
    step: str,
    data: _Payload,
    units: dict[int, int],
    references: dict[int, tuple[str, str]],
) -> Sequence[object]:
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
        units.get(data.get("message", 0), "") if decision == "sent" else "",
        why,
    )


def summed_up(ref: str, timezone: str, tariff: Tariff, tally: Tally) -> StrategyResult:
    side = StrategyResult(ref, customers=len(tally.customers))
    side.contacts = [(*key, n) for key, n in sorted(tally.contacts.items())]
    side.rules = [(*key, n) for key, n in sorted(tally.rules.items())]
    side.withheld = sorted(tally.withheld.items())
    side.steps = [(*key, n) for key, n in sorted(tally.steps.items())]
    side.call_tasks = [(day, n) for day, _, decision, n in side.contacts if decision == "call_task"]
    side.tasks = sum(n for _, _, decision, n in side.contacts if decision == "task")
    side.duties_made = tally.duties[DutyArose.KIND]
    side.duties_overdue = tally.duties[DutyOverdue.KIND]
    side.agent_minutes = tariff.call_minutes * sum(n for _, n in side.call_tasks)
    for channel, leaving in sorted(tally.leaving.items()):
        side.units[channel.value] = sum(units for _, units in leaving)
        cost = sum((tariff.cost(channel, units) for _, units in leaving), Decimal(0))
        side.costs[channel.value] = str(cost)
        _add_flow(side, channel, [message for message, _ in leaving], timezone)
    return side


def _add_flow(side: StrategyResult, channel: Channel, leaving: Sequence[Transmission], timezone: str) -> None:
    """Add the hours at which messages leave at the channel's own speed, and count those that leave too late."""
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
