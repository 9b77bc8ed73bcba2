"""The way out of the outbox, in stages that each have a thread and hand sets on to the next: rows are claimed and
judged ahead (`stock.py`), committed as `sending` (here), called (`calling.py`), and settled (`settling.py`).

Written so that a process may die between any two lines. A row is committed as `sending` before its call begins, so
whoever dies leaves only rows whose fate can be asked about. What is committed and waits for its turn is less than what
may be in flight, and is not called any more once the channel is stopped or the permission has grown old.

Judging takes thirty statements, for one message or for a hundred. So a large set is judged without a lock, and small
ones of it are committed as calls end, under lock, where nothing has happened to the customer since. Where something
has, or stands in the way, a message is judged under lock.
"""

from __future__ import annotations

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.db import retrying, transaction
from app.core.timeline.service import NewEvent
from app.outreach.delivery.cleanup import recover, withhold_stale
from app.outreach.delivery.couriers import Call, Courier, Shift
from app.outreach.delivery.dispatcher import Answer, Attempt, Calls
from app.outreach.delivery.moves import (
    Postpone,
    Withhold,
    move,
    new_attempt_id,
    postponed,
    requeue,
    set_aside,
    withhold,
)
from app.outreach.delivery.prefetch import Ready, Stock
from app.outreach.delivery.recorder import Settled, Settling
from app.outreach.gate.case_facts import changed_cases
from app.outreach.gate.decisions import DecisionEntry, record_decisions
from app.outreach.outbox.bulk import Beginning, begin
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.claims import Claim, locked_rows, release_claims
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.pace import admit
from app.outreach.outbox.rules import (
    BURST,
    Destination,
    OutboxStatus,
    Pace,
)

log = structlog.get_logger("desk.delivery")
T = TypeVar("T")

FRESH_SECONDS = 10.0
"""A call begins within this time after the gate said yes, or not at all."""


def deliver_due(
    engine: Engine,
    couriers: Mapping[Destination, Courier],
    *,
    worker: str,
    clock: Clock,
    batch: int = 50,
    lease: timedelta = timedelta(minutes=5),
    only: Destination | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Send what is due now, or what is due to one destination; returns how many rows ended in which status. Safe to run
    in many processes. Once `stopping` says so, it ends what it has begun and begins nothing more."""

    def tidy_up() -> None:
        with transaction(engine) as session:
            recover(session, couriers, now=clock.now())
            withhold_stale(session, now=clock.now())

    retrying(tidy_up)
    counts: Counter[str] = Counter()
    for destination, courier in couriers.items():
        if only in (None, destination):
            together = min(batch, _within(courier.pace, len(courier.lines))) if courier.pace else batch
            shift = Shift(engine, destination, courier, worker, clock, together, lease)
            counts.update(_Lane(shift, stopping).run())
    return dict(counts)


@dataclass(slots=True)
class _Prepared:
    """What came of preparing some rows."""

    attempts: list[Attempt]
    statuses: Sequence[OutboxStatus]
    """Where those went that are not sent now."""
    doubtful: Sequence[Claim] = ()
    """To be judged under lock."""
    is_last: bool = False
    """The channel is stopped, or its senders have all that they may have for now."""


class _Lane:
    """What a shift does."""

    def __init__(self, shift: Shift, stopping: Callable[[], bool]) -> None:
        self.shift, self.stopping = shift, stopping
        self.engine, self.clock, self.courier = shift.engine, shift.clock, shift.courier
        self.at_most = 2 * self.courier.in_flight - 1
        """Rows that are in the air or wait for their turn; another `in_flight` may be answered and not settled."""
        self.worth = max(1, self.courier.in_flight // 2)
        """So many rows are worth their statements."""
        self.fresh_seconds = min(FRESH_SECONDS, shift.lease.total_seconds() / 2)
        self.news: queue.SimpleQueue[Settled | None] = queue.SimpleQueue()
        """None: something was judged or answered."""
        self.stock = Stock(shift, partial(self.news.put, None))
        self.settling = Settling(shift, self.news.put)
        self.calls = Calls(shift, self._answered, self.worth)
        self.flying: dict[int, Claim] = {}
        self.counts: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        with ExitStack() as ending:  # in the order of the stages, whatever goes wrong with one of them
            ending.callback(self.stock.close)
            ending.callback(lambda: self._land(self._news_so_far()))
            ending.callback(self.settling.end)
            ending.callback(self.calls.end)
            while True:
                if self.stopping():
                    self.stock.give_back()
                self.stock.replenish(row.customer_id for row in self.flying.values())
                if self._can_start():
                    self._start()
                elif not self.flying and not self.stock.is_coming:
                    break
                self._hear()
        return self.counts

    # --- starting -----------------------------------------------------------------------------

    def _room(self) -> int:
        unanswered = self.calls.unanswered
        return self.at_most - max(unanswered, len(self.flying) - self.courier.in_flight)

    def _can_start(self) -> bool:
        """Is there something, and room for a set that is worth its statements?"""
        return bool(self.stock) and self._room() >= self.worth

    def _start(self) -> None:
        self.settling.start()
        self.calls.start()
        if self.stock.doubtful:
            self._start_doubtful()
        else:
            self._start_ready()

    def _start_ready(self) -> None:
        ready = _take(self.stock.ready, self._room())
        try:
            prepared = retrying(partial(self._begin, ready))
        except Exception as error:
            log.error("not_begun", rows=len(ready), error=type(error).__name__)
            self.stock.doubtful.extend(each.claimed for each in ready)
        else:
            self._fly(prepared)

    def _start_doubtful(self) -> None:
        picked = _take(self.stock.doubtful, self._room())
        try:
            prepared = retrying(partial(self._prepare, picked))
        except Exception as error:  # one broken row must not hold up the others
            log.error("not_prepared", rows=len(picked), error=type(error).__name__)
            for row in picked:
                self._start_alone(row)
        else:
            self._fly(prepared)

    def _start_alone(self, row: Claim) -> None:
        try:
            prepared = retrying(partial(self._prepare, [row]))
        except Exception as error:
            log.error("not_prepared", row=row.row_id, error=type(error).__name__)
            self._count(retrying(partial(self._set_aside, row, type(error).__name__)))
        else:
            self._fly(prepared)

    def _fly(self, prepared: _Prepared) -> None:
        self._count(prepared.statuses)
        self.stock.doubtful.extend(prepared.doubtful)
        if prepared.is_last:
            self.stock.give_back()
        for attempt in prepared.attempts:
            self.flying[attempt.claimed.row_id] = attempt.claimed
        if prepared.attempts:
            self.calls.make(prepared.attempts)

    def _begin(self, ready: Sequence[Ready]) -> _Prepared:
        """Commit as `sending` those that still may leave."""
        now = self.clock.now()
        with transaction(self.engine) as session:
            changed, _ = changed_cases(session, [each.foreseen.folder for each in ready])
            if is_stopped(session, self.shift.destination):
                release_claims(session, [each.claimed.row_id for each in ready], worker=self.shift.worker)
                return _Prepared([], [OutboxStatus.QUEUED] * len(ready), is_last=True)
            still = [
                each
                for each in ready
                if each.foreseen.folder.case.id not in changed and each.foreseen.not_after > now
            ]
            admitted = admit(
                session, self.courier.pace, self.courier.line, [each.foreseen.row for each in still], now=now
            )
            late = {each.claimed.row_id for each in still}.difference(admitted)
            release_claims(session, sorted(late), worker=self.shift.worker)
            beginning = [
                Beginning(each.claimed.row_id, each.foreseen.row.attempt_id, each.foreseen.not_after)
                for each in still
                if each.foreseen.row.id in admitted
            ]
            begun = begin(
                session, beginning, worker=self.shift.worker, lease_until=now + self.shift.lease, now=now
            )
        attempts = [
            self._attempt(each.foreseen.row, each.foreseen.call, each.judged_at)
            for each in ready
            if each.foreseen.row.id in begun
        ]
        doubtful = [each.claimed for each in ready if each.claimed.row_id not in begun | late]
        is_last = bool(still) and not admitted
        return _Prepared(attempts, [OutboxStatus.QUEUED] * len(late), doubtful, is_last)

    def _attempt(self, row: OutboxMessage, call: Call, judged_at: float) -> Attempt:
        return Attempt(row, call, judged_at + self.fresh_seconds)

    def _prepare(self, picked: Sequence[Claim]) -> _Prepared:
        """Judge these rows under lock and commit as `sending` those that may leave."""
        now, judged_at = self.clock.now(), time.monotonic()
        with transaction(self.engine) as session:
            rows = self._mine(session, picked)
            if is_stopped(session, self.shift.destination):  # since they were claimed
                for row in rows:
                    requeue(row, row.not_before)
                return _Prepared([], [row.status for row in rows], is_last=True)
            for row in rows:  # before they are prepared, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            ready = self._judge(session, rows)
            admitted = admit(
                session, self.courier.pace, self.courier.line, [row for row, _ in ready], now=now
            )
            attempts = []
            for row, call in ready:
                if row.id not in admitted:
                    requeue(row, row.not_before)
                    continue
                move(row, OutboxStatus.SENDING)
                row.attempts += 1
                row.attempted_at, row.lease_until = now, now + self.shift.lease
                attempts.append(self._attempt(row, call, judged_at))
            stayed: list[OutboxStatus] = [row.status for row in rows if row.status != OutboxStatus.SENDING]
            return _Prepared(attempts, stayed, is_last=bool(ready) and not admitted)

    def _judge(self, session: Session, rows: Sequence[OutboxMessage]) -> list[tuple[OutboxMessage, Call]]:
        """Those that may leave now; the others are withheld, or wait for when they may."""
        now = self.clock.now()
        ready: list[tuple[OutboxMessage, Call]] = []
        told: list[DecisionEntry | NewEvent] = []
        for row, verdict in zip(rows, self.courier.prepare(session, rows, now=now), strict=True):
            if isinstance(verdict, Withhold):
                told.append(withhold(row, verdict, now=now))
            elif isinstance(verdict, Postpone):
                told += postponed(row, verdict)
                row.error = verdict.reason[:500]
                requeue(row, verdict.until)
            else:
                ready.append((row, verdict))
        record_decisions(session, told, by=SYSTEM, now=now)
        return ready

    def _mine(self, session: Session, picked: Sequence[Claim]) -> list[OutboxMessage]:
        """Those that no other worker has by now."""
        return [
            row
            for row in locked_rows(session, picked)
            if row.status is OutboxStatus.CLAIMED and row.claimed_by == self.shift.worker
        ]

    def _set_aside(self, claimed: Claim, why: str) -> list[OutboxStatus]:
        now = self.clock.now()
        with transaction(self.engine) as session:
            rows = self._mine(session, [claimed])
            for row in rows:
                set_aside(session, row, why, now=now)
            return [row.status for row in rows]

    def _answered(self, answers: Sequence[Answer]) -> None:
        """In the calls' thread."""
        self.settling.take(answers)
        self.news.put(None)  # there is room for more

    # --- hearing of it ------------------------------------------------------------------------

    def _hear(self) -> None:
        """What the other threads have done since; waits where there is nothing else to do."""
        news = self._news_so_far()
        # Asked after that was read: whatever ends from here on is news.
        if not (news or self._can_start() or self.stock.is_judged) and (self.flying or self.stock.is_coming):
            news = [self.news.get(), *self._news_so_far()]
        self._land(news)

    def _news_so_far(self) -> list[Settled | None]:
        news = []
        while not self.news.empty():
            news.append(self.news.get())
        return news

    def _land(self, news: Sequence[Settled | None]) -> None:
        for settled in filter(None, news):
            for row_id in settled.row_ids:
                self.flying.pop(row_id, None)
            self._count(settled.statuses)
            if settled.is_last:
                self.stock.give_back()

    def _count(self, statuses: Sequence[OutboxStatus]) -> None:
        self.counts.update(status.value for status in statuses)


def _take(what: deque[T], at_most: int) -> list[T]:
    return [what.popleft() for _ in range(min(at_most, len(what)))]


def _within(pace: Pace, lines: int) -> int:
    """As many as so many lines may hand over at once, and some more for when they are not evenly spread."""
    each = max(1, int(pace.units_per_second * BURST.total_seconds()))
    return each if lines == 1 else 2 * each * lines
