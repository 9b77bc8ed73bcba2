"""The way out: rows are claimed, judged and settled in sets by one thread, and the calls are made by others.

Written so that a process may die between any two lines. A row is committed as `sending` before its call begins, so
whoever dies leaves only rows whose fate can be asked about. What is committed ahead of a free thread is less than what
may be in flight, and is not called any more once the channel is stopped or the permission has grown old.

Judging takes thirty statements, for one message or for a hundred. So a large set is judged without a lock (`stock.py`),
and small ones of it are committed as threads get free, under lock, where nothing has happened to the customer since.
Where something has, or stands in the way, a message is judged under lock.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.clock import Clock
from app.compliance.record import Decided, record_decisions
from app.db import reading, retrying, transaction
from app.outreach.delivery import (
    Call,
    Claimed,
    Courier,
    Postpone,
    Withhold,
    admit,
    give_back,
    is_stopped,
    locked_rows,
    move,
    new_attempt_id,
    postponed,
    recover,
    requeue,
    set_aside,
    settle,
    stop_channel,
    withhold,
    withhold_stale,
)
from app.outreach.folders import changed_cases
from app.outreach.handover import Answered, Beginning, accept, begin
from app.outreach.models import OutboxMessage
from app.outreach.rules import (
    BURST,
    Accepted,
    Destination,
    Misconfigured,
    NotCalled,
    OutboxStatus,
    Outcome,
    Pace,
    Uncertain,
)
from app.outreach.stock import Ready, Stock, claim_of
from app.timeline.service import NewEvent, lock_customers

log = structlog.get_logger("desk.delivery")
T = TypeVar("T")

FRESH_SECONDS = 10.0
"""A call begins within this time after the gate said yes, or not at all."""
SWITCH_SECONDS = 0.1
"""A channel that was stopped makes no more calls after this time."""
GATHER_SECONDS = 0.01
"""Answers that come within this time are settled together."""


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
            lane = _Lane(engine, destination, courier, worker, clock, batch, lease, stopping)
            counts.update(lane.run())
    return dict(counts)


class _Attempt(NamedTuple):
    row: OutboxMessage
    """As it was when it was judged, with this attempt's id; in no session any more."""
    call: Call
    begin_by: float
    """On the monotonic clock."""

    @property
    def claimed(self) -> Claimed:
        return claim_of(self.row)


@dataclass(slots=True)
class _Prepared:
    """What came of preparing some rows."""

    attempts: list[_Attempt]
    statuses: Sequence[OutboxStatus]
    """Where those went that are not sent now."""
    doubtful: Sequence[Claimed] = ()
    """To be judged under lock."""
    is_last: bool = False
    """The channel is stopped, or its senders have all that they may have for now."""


class _Lane:
    """One destination, as long as something is due to it."""

    def __init__(
        self,
        engine: Engine,
        destination: Destination,
        courier: Courier,
        worker: str,
        clock: Clock,
        batch: int,
        lease: timedelta,
        stopping: Callable[[], bool],
    ) -> None:
        self.engine, self.destination, self.courier = engine, destination, courier
        self.worker, self.clock, self.lease, self.stopping = worker, clock, lease, stopping
        batch = min(batch, _within(courier.pace, len(courier.lines))) if courier.pace else batch
        self.ahead = courier.in_flight - 1
        self.worth = max(1, courier.in_flight // 2)
        """So many rows are worth their statements."""
        self.fresh_seconds = min(FRESH_SECONDS, lease.total_seconds() / 2)
        self.switch = _Switch(engine, destination)
        self.answers: queue.SimpleQueue[tuple[_Attempt, Outcome] | None] = queue.SimpleQueue()
        """None: look whether something was judged."""
        self.stock = Stock(
            engine, destination, courier, worker, clock, batch, lease, partial(self.answers.put, None)
        )
        self.flying: dict[int, Claimed] = {}
        self.counts: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        calls = ThreadPoolExecutor(self.courier.in_flight, f"desk-{self.destination.value}")
        try:
            while True:
                if self.stopping():
                    self.stock.give_back()
                self.stock.replenish(row.customer_id for row in self.flying.values())
                if self._can_start():
                    self._start(calls)
                elif not self.flying and not self.stock.is_coming:
                    break
                self._settle(self._answered())
        finally:
            calls.shutdown()
            self._settle(self._drain())
            self.stock.close()
        return self.counts

    # --- starting -----------------------------------------------------------------------------

    def _room(self) -> int:
        return self.courier.in_flight + self.ahead - len(self.flying)

    def _can_start(self) -> bool:
        """Is there something, and room for a set that is worth its statements?"""
        return bool(self.stock) and self._room() >= self.worth

    def _start(self, calls: ThreadPoolExecutor) -> None:
        if self.stock.doubtful:
            self._start_doubtful(calls)
        else:
            self._start_ready(calls)

    def _start_ready(self, calls: ThreadPoolExecutor) -> None:
        ready = _take(self.stock.ready, self._room())
        try:
            self._fly(calls, retrying(partial(self._begin, ready)))
        except Exception as error:
            log.error("not_begun", rows=len(ready), error=type(error).__name__)
            self.stock.doubtful.extend(each.claimed for each in ready)

    def _start_doubtful(self, calls: ThreadPoolExecutor) -> None:
        picked = _take(self.stock.doubtful, self._room())
        try:
            self._fly(calls, retrying(partial(self._prepare, picked)))
        except Exception as error:  # one broken row must not hold up the others
            log.error("not_prepared", rows=len(picked), error=type(error).__name__)
            for row in picked:
                self._start_alone(calls, row)

    def _start_alone(self, calls: ThreadPoolExecutor, row: Claimed) -> None:
        try:
            self._fly(calls, retrying(partial(self._prepare, [row])))
        except Exception as error:
            log.error("not_prepared", row=row.row_id, error=type(error).__name__)
            self._count(retrying(partial(self._set_aside, row, type(error).__name__)))

    def _fly(self, calls: ThreadPoolExecutor, prepared: _Prepared) -> None:
        self._count(prepared.statuses)
        self.stock.doubtful.extend(prepared.doubtful)
        if prepared.is_last:
            self.stock.give_back()
        for attempt in prepared.attempts:
            self.flying[attempt.claimed.row_id] = attempt.claimed
            calls.submit(self._call, attempt)

    def _begin(self, ready: Sequence[Ready]) -> _Prepared:
        """Commit as `sending` those that still may leave."""
        now = self.clock.now()
        with transaction(self.engine) as session:
            changed, _ = changed_cases(session, [each.foreseen.folder for each in ready])
            if is_stopped(session, self.destination):
                give_back(session, [each.claimed.row_id for each in ready], worker=self.worker)
                return _Prepared([], [OutboxStatus.QUEUED] * len(ready), is_last=True)
            still = [
                each
                for each in ready
                if each.foreseen.folder.case.id not in changed and each.foreseen.not_after > now
            ]
            admitted = admit(session, self.courier, [each.foreseen.row for each in still], now=now)
            late = {each.claimed.row_id for each in still}.difference(admitted)
            give_back(session, sorted(late), worker=self.worker)
            beginning = [
                Beginning(each.claimed.row_id, each.foreseen.row.attempt_id, each.foreseen.not_after)
                for each in still
                if each.foreseen.row.id in admitted
            ]
            begun = begin(session, beginning, worker=self.worker, lease_until=now + self.lease, now=now)
        attempts = [
            self._attempt(each.foreseen.row, each.foreseen.call, each.judged_at, now)
            for each in ready
            if each.foreseen.row.id in begun
        ]
        doubtful = [each.claimed for each in ready if each.claimed.row_id not in begun | late]
        is_last = bool(still) and not admitted
        return _Prepared(attempts, [OutboxStatus.QUEUED] * len(late), doubtful, is_last)

    def _attempt(self, row: OutboxMessage, call: Call, judged_at: float, now: datetime) -> _Attempt:
        begin_by = judged_at + self.fresh_seconds
        if row.not_after is not None:
            begin_by = min(begin_by, time.monotonic() + (row.not_after - now).total_seconds())
        return _Attempt(row, call, begin_by)

    def _prepare(self, picked: Sequence[Claimed]) -> _Prepared:
        """Judge these rows under lock and commit as `sending` those that may leave."""
        now, judged_at = self.clock.now(), time.monotonic()
        with transaction(self.engine) as session:
            rows = self._mine(session, picked)
            if is_stopped(session, self.destination):  # since they were claimed
                for row in rows:
                    requeue(row, row.not_before)
                return _Prepared([], [row.status for row in rows], is_last=True)
            for row in rows:  # before they are prepared, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            ready = self._judge(session, rows)
            admitted = admit(session, self.courier, [row for row, _ in ready], now=now)
            attempts = []
            for row, call in ready:
                if row.id not in admitted:
                    requeue(row, row.not_before)
                    continue
                move(row, OutboxStatus.SENDING)
                row.attempts += 1
                row.attempted_at, row.lease_until = now, now + self.lease
                attempts.append(self._attempt(row, call, judged_at, now))
            stayed: list[OutboxStatus] = [row.status for row in rows if row.status != OutboxStatus.SENDING]
            return _Prepared(attempts, stayed, is_last=bool(ready) and not admitted)

    def _judge(self, session: Session, rows: Sequence[OutboxMessage]) -> list[tuple[OutboxMessage, Call]]:
        """Those that may leave now; the others are withheld, or wait for when they may."""
        now = self.clock.now()
        ready: list[tuple[OutboxMessage, Call]] = []
        told: list[Decided | NewEvent] = []
        for row, verdict in zip(rows, self.courier.prepare(session, rows, now=now), strict=True):
            if isinstance(verdict, Withhold):
                told.append(withhold(row, verdict, now=now))
            elif isinstance(verdict, Postpone):
                told += postponed(row, verdict)
                row.error = verdict.reason[:500]
                requeue(row, verdict.until)
            else:
                ready.append((row, verdict))
        record_decisions(session, told, by="system", now=now)
        return ready

    def _mine(self, session: Session, picked: Sequence[Claimed]) -> list[OutboxMessage]:
        """Those that no other worker has by now."""
        return [
            row
            for row in locked_rows(session, picked)
            if row.status is OutboxStatus.CLAIMED and row.claimed_by == self.worker
        ]

    def _set_aside(self, claimed: Claimed, why: str) -> list[OutboxStatus]:
        now = self.clock.now()
        with transaction(self.engine) as session:
            rows = self._mine(session, [claimed])
            for row in rows:
                set_aside(session, row, why, now=now)
            return [row.status for row in rows]

    # --- calling, in a thread of its own, with nothing locked -----------------------------------

    def _call(self, attempt: _Attempt) -> None:
        self.answers.put((attempt, self._outcome(attempt)))

    def _outcome(self, attempt: _Attempt) -> Outcome:
        try:
            if self.switch.is_off():
                return NotCalled("the channel was stopped")
        except Exception as error:
            return NotCalled(f"it is not known whether the channel is stopped: {type(error).__name__}")
        if time.monotonic() > attempt.begin_by:
            return NotCalled("it had to wait too long for its turn")
        try:
            return attempt.call()
        except Exception as error:  # a sender must not raise; if one does, nobody knows how far it got
            return Uncertain(f"the sender failed: {type(error).__name__}")

    # --- settling -----------------------------------------------------------------------------

    def _answered(self) -> list[tuple[_Attempt, Outcome]]:
        """What was answered since; waits where there is nothing else to do, and then a moment for company."""
        found = self._drain()
        # Asked after the queue was read: a judgement that ends from here on puts something into it.
        if found or self._can_start() or self.stock.is_judged or not (self.flying or self.stock.is_coming):
            return found
        first = self.answers.get()
        if first is None:
            return self._drain()
        found.append(first)
        until = time.monotonic() + GATHER_SECONDS
        while len(found) < min(self.worth, len(self.flying)):
            try:
                answer = self.answers.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if answer is None:
                break
            found.append(answer)
        return found + self._drain()

    def _drain(self) -> list[tuple[_Attempt, Outcome]]:
        found = []
        while not self.answers.empty():
            answer = self.answers.get()
            if answer is not None:
                found.append(answer)
        return found

    def _settle(self, answered: Sequence[tuple[_Attempt, Outcome]]) -> None:
        """What was sent must be written down, so settling insists."""
        if not answered:
            return
        for attempt, _ in answered:
            self.flying.pop(attempt.claimed.row_id, None)
        try:
            self._count(retrying(partial(self._settle_all, answered), attempts=8))
        except Exception as error:
            log.error("not_settled_together", rows=len(answered), error=type(error).__name__)
            for each in answered:
                self._settle_alone(each)
        if any(isinstance(outcome, Misconfigured) for _, outcome in answered):
            self.stock.give_back()

    def _settle_alone(self, answered: tuple[_Attempt, Outcome]) -> None:
        try:
            self._count(retrying(partial(self._settle_all, [answered]), attempts=8))
        except Exception as error:  # it stays `sending` and becomes `unknown` when its lease is over
            log.error("not_settled", row=answered[0].claimed.row_id, error=type(error).__name__)

    def _settle_all(self, answered: Sequence[tuple[_Attempt, Outcome]]) -> list[OutboxStatus]:
        now = self.clock.now()
        with transaction(self.engine) as session:
            lock_customers(session, {attempt.row.customer_id for attempt, _ in answered})
            taken = [
                Answered(attempt.claimed.row_id, attempt.row.attempt_id, outcome.provider_ref)
                for attempt, outcome in answered
                if isinstance(outcome, Accepted)
            ]
            sent = accept(session, taken, now=now)
            settled = [(attempt.row, outcome) for attempt, outcome in answered if attempt.row.id in sent]
            others = self._settle_others(
                session, [each for each in answered if each[0].row.id not in sent], now=now
            )
            self.courier.settled(session, settled + others, now=now)
            for _, outcome in others:
                if isinstance(outcome, Misconfigured):
                    stop_channel(session, self.destination, outcome.reason, by="system", now=now)
            return [OutboxStatus.SENT] * len(settled) + [row.status for row, _ in others]

    def _settle_others(
        self, session: Session, answered: Sequence[tuple[_Attempt, Outcome]], *, now: datetime
    ) -> list[tuple[OutboxMessage, Outcome]]:
        """What was not taken, or does not stand any more where it was left."""
        outcomes = {attempt.claimed.row_id: (attempt, outcome) for attempt, outcome in answered}
        settled = []
        for row in locked_rows(session, [attempt.claimed for attempt, _ in answered]) if answered else ():
            attempt, outcome = outcomes[row.id or 0]
            if row.attempt_id != attempt.row.attempt_id:
                log.error("attempt_superseded", key=row.key)
            elif settle(row, outcome, now=now):
                settled.append((row, outcome))
        return settled

    def _count(self, statuses: Sequence[OutboxStatus]) -> None:
        self.counts.update(status.value for status in statuses)


def _take(what: deque[T], at_most: int) -> list[T]:
    return [what.popleft() for _ in range(min(at_most, len(what)))]


def _within(pace: Pace, lines: int) -> int:
    """As many as so many lines may hand over at once, and some more for when they are not evenly spread."""
    each = max(1, int(pace.units_per_second * BURST.total_seconds()))
    return each if lines == 1 else 2 * each * lines


class _Switch:
    """The kill switch, asked before every call. What it says is read from the database often enough to be at most
    SWITCH_SECONDS old: by one thread, ahead of time, so that the others need not wait for it."""

    def __init__(self, engine: Engine, destination: Destination) -> None:
        self.engine, self.destination = engine, destination
        self._lock = threading.Lock()
        self._off, self._as_of = False, 0.0

    def is_off(self) -> bool:
        if self._age() > SWITCH_SECONDS:
            with self._lock:
                if self._age() > SWITCH_SECONDS:
                    self._read()
        elif self._age() > SWITCH_SECONDS / 2 and self._lock.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._lock.release()
        return self._off

    def _age(self) -> float:
        return time.monotonic() - self._as_of

    def _read(self) -> None:
        as_of = time.monotonic()
        with reading(self.engine) as session:
            self._off = is_stopped(session, self.destination)
        self._as_of = as_of
