"""Decisions of a period and the results of their contacts: reads over the indexed (kind, at) of the timeline."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Customer
from app.casework.cases.events import CallLogged
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.database.rows import DbRow, Query
from app.core.timeline.models import Event
from app.core.timeline.queries import lists_with
from app.core.timeline.sight import Sight
from app.core.types import JsonObject, Rows, Values
from app.core.vocabulary import Channel
from app.outreach.gate.events import (
    ContactCleared,
    ContactRefused,
    ContactWaiting,
    ContactWithheld,
    impersonal_reasons,
)
from app.outreach.outbox.events import (
    ContactConsoleOnly,
    ContactDelivered,
    ContactFailed,
    ContactSent,
    ContactUnknown,
)

DECISIONS: Mapping[str, tuple[str, ...]] = {
    "cleared": (ContactCleared.KIND,),
    "waiting": (ContactWaiting.KIND,),
    "refused": (ContactRefused.KIND,),
    "withheld": (ContactWithheld.KIND,),
    "sent": (ContactSent.KIND, CallLogged.KIND),
    "simulated": (ContactConsoleOnly.KIND,),
    "delivered": (ContactDelivered.KIND,),
    "failed": (ContactFailed.KIND,),
    "unknown": (ContactUnknown.KIND,),
}
"""The outcomes of a contact, in the order they happen. A call made by hand counts as sent."""

DECISION_OF: Mapping[str, str] = {kind: name for name, kinds in DECISIONS.items() for kind in kinds}
OBJECTIONS = (ContactRefused.KIND, ContactWaiting.KIND, ContactWithheld.KIND)

MAX_READ = 200_000
"""Objections that are opened to count their rules. A page that needs more says so and counts the newest."""


@dataclass(frozen=True, slots=True)
class Period:
    """Events of one portfolio (None = all), or of one case, with `start <= at < end`."""

    start: datetime
    end: datetime
    portfolio_id: int | None = None
    case_id: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """An event about a contact, as a list shows it."""

    event_id: int
    at: datetime
    decision: str
    channel: Channel | None
    customer_id: int | None
    customer_name: str
    case_id: int | None
    by: str
    data: Values

    @property
    def reasons(self) -> list[JsonObject]:
        return list(self.data.get("reasons") or ())

    @property
    def not_before(self) -> datetime | None:
        """The first permitted moment, of a contact that was cleared or told to wait."""
        text = self.data.get("not_before")
        return datetime.fromisoformat(text) if text else None


def for_sight(decision: Decision, sight: Sight) -> Decision:
    """The decision as this reader may see it."""
    data = decision.data
    if not sight.works_cases:
        kept = {name: value for name, value in data.items() if name not in ("fields", "note")}
        data = {**kept, "reasons": impersonal_reasons(data.get("reasons") or ())}
    covered = {name: sight.cover(value) if isinstance(value, str) else value for name, value in data.items()}
    return replace(decision, data=covered)


@dataclass
class RuleCount:
    """Number of answers that named a rule as a reason; one answer may name several rules."""

    rule: str
    citation: str = ""
    verified: bool = True
    refused: int = 0
    waiting: int = 0
    withheld: int = 0


@dataclass
class RuleCounts:
    rules: list[RuleCount] = field(default_factory=list)
    read: int = 0
    refused: int = 0
    """Refusals among those read, of which shares are taken."""
    all_read: bool = True


def counts(session: Session, period: Period) -> dict[tuple[str, Channel | None], int]:
    """(decision, channel) -> how many, counted by the database without opening a single event."""
    event = table_of(Event)
    query = (
        sa.select(event.c.kind, event.c.channel, sa.func.count())
        .where(*_within(period, tuple(DECISION_OF)))
        .group_by(event.c.kind, event.c.channel)
    )
    found: Counter[tuple[str, Channel | None]] = Counter()
    for kind, channel, n in session.execute(_of_portfolio(query, period)):
        found[DECISION_OF[kind], channel] += n
    return dict(found)


def rule_counts(session: Session, period: Period, limit: int = MAX_READ) -> RuleCounts:
    """Count how often each rule objected. Reads the objections' data one by one, the newest `limit` of each kind."""
    event = table_of(Event)
    result, rules = RuleCounts(), dict[str, RuleCount]()
    for kind in OBJECTIONS:
        query = (
            sa.select(event.c.data)
            .where(*_within(period, (kind,)))
            .order_by(event.c.at.desc())
            .limit(limit)
            .execution_options(yield_per=2000)
        )
        read = 0
        for text in session.scalars(_of_portfolio(query, period)):
            read += 1
            _count_rules(rules, DECISION_OF[kind], text)
        result.read += read
        result.all_read &= read < limit
        if kind == ContactRefused.KIND:
            result.refused = read
    result.rules = sorted(rules.values(), key=lambda r: (-r.refused, -r.withheld, -r.waiting, r.rule))
    return result


def _count_rules(rules: dict[str, RuleCount], decision: str, text: str) -> None:
    data = json.loads(text)
    reasons = data.get("reasons") or [_own_reason(data)]
    for reason in {reason["rule"]: reason for reason in reasons}.values():
        entry = rules.setdefault(reason["rule"], RuleCount(reason["rule"], reason["citation"]))
        entry.verified = bool(reason.get("verified", True))
        setattr(entry, decision, getattr(entry, decision) + 1)


def _own_reason(data: Values) -> JsonObject:
    """A contact withheld without the gate was withheld because its words were no longer true."""
    return {
        "rule": "desk.no_longer_true",
        "citation": "built into the desk",
        "detail": data.get("reason", ""),
    }


def decisions(
    session: Session,
    period: Period,
    *,
    decision: str = "",
    channel: Channel | None = None,
    rule: str = "",
    after: Rows | None = None,
    limit: int = 50,
) -> list[Decision]:
    """Single decisions, newest first. `after` = (ISO instant, event id) of the last one seen.

    Asked kind by kind and merged, so that each part walks its index instead of sorting the period.
    """
    parts = [
        list(session.execute(query.limit(limit)))
        for query in _decision_queries(session, period, decision, channel, rule, after)
    ]
    newest = heapq.merge(*parts, key=lambda row: (row.at, row.id), reverse=True)
    return [_decision(row) for row, _ in zip(newest, range(limit), strict=False)]


def all_decisions(
    session: Session, period: Period, *, decision: str = "", channel: Channel | None = None, rule: str = ""
) -> Iterator[Decision]:
    """All decisions of the period, streamed kind by kind, for an export."""
    for query in _decision_queries(session, period, decision, channel, rule, None):
        for row in session.execute(query.execution_options(yield_per=1000)):
            yield _decision(row)


def _decision_queries(
    session: Session,
    period: Period,
    decision: str,
    channel: Channel | None,
    rule: str,
    after: Rows | None,
) -> Iterator[Query]:
    event, customer = table_of(Event), table_of(Customer)
    kinds = DECISIONS.get(decision) or tuple(DECISION_OF)
    for kind in kinds:
        if rule and kind not in OBJECTIONS:
            continue
        query = (
            sa.select(event, customer.c.full_name)
            .outerjoin(customer, customer.c.id == event.c.customer_id)
            .where(*_within(period, (kind,)))
            .order_by(event.c.at.desc(), event.c.id.desc())
        )
        if period.portfolio_id is not None:
            query = query.where(customer.c.portfolio_id == period.portfolio_id)
        if channel is not None:
            query = query.where(event.c.channel == channel)
        if rule:
            query = query.where(lists_with(session, event.c.data, "reasons", "rule", rule))
        if after is not None:
            at, event_id = datetime.fromisoformat(str(after[0])), int(after[1])
            query = query.where(sa.or_(event.c.at < at, sa.and_(event.c.at == at, event.c.id < event_id)))
        yield query


def _decision(row: DbRow) -> Decision:
    data = json.loads(row.data)
    if row.kind == ContactWithheld.KIND and not data.get("reasons"):
        data["reasons"] = [_own_reason(data)]
    return Decision(
        event_id=row.id,
        at=row.at,
        decision=DECISION_OF[row.kind],
        channel=row.channel,
        customer_id=row.customer_id,
        customer_name=row.full_name or "",
        case_id=row.case_id,
        by=row.by,
        data=data,
    )


def day_counts(session: Session, period: Period, zone: str) -> dict[tuple[date, str], int]:
    """(day in `zone`, decision) -> how many, of the gate's answers alone."""
    event = table_of(Event)
    asked = tuple(kind for name in ("cleared", "waiting", "refused", "withheld") for kind in DECISIONS[name])
    # By the quarter of an hour in the database, by the day here: only here is it known when a day begins.
    quarter = sa.cast(sa.extract("epoch", event.c.at), sa.BigInteger).op("/")(900)
    query = sa.select(quarter, event.c.kind, sa.func.count()).where(*_within(period, asked))
    query = query.group_by(quarter, event.c.kind)
    found: Counter[tuple[date, str]] = Counter()
    for number, kind, n in session.execute(_of_portfolio(query, period)):
        found[local_date(datetime.fromtimestamp(number * 900, UTC), zone), DECISION_OF[kind]] += n
    return dict(found)


def last_decision_at(session: Session) -> datetime | None:
    """Time of the latest contact that was decided on or made; one index look-up for each kind."""
    event = table_of(Event)
    latest = [
        session.scalar(sa.select(sa.func.max(event.c.at)).where(event.c.kind == kind)) for kind in DECISION_OF
    ]
    return max((at for at in latest if at is not None), default=None)


def _within(period: Period, kinds: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    event = table_of(Event)
    case = () if period.case_id is None else (event.c.case_id == period.case_id,)
    return (event.c.kind.in_(kinds), event.c.at >= period.start, event.c.at < period.end, *case)


def _of_portfolio(query: Query, period: Period) -> Query:
    """The query restricted to the customers of the period's portfolio, where it names one."""
    if period.portfolio_id is None:
        return query
    return query.join(Customer, col(Customer.id) == table_of(Event).c.customer_id).where(
        col(Customer.portfolio_id) == period.portfolio_id
    )
