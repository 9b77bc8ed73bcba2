"""Sending: the way of messages out of the outbox, in stages that each have a thread and hand sets on to the next. Rows
are claimed and rechecked ahead (`prefetch.py`), committed as `sending` (here), requested (`dispatcher.py`), and their
results recorded (`recorder.py`).

A process may die between any two lines. A row is committed as `sending` before its request begins, so a dead process
leaves only rows whose fate can be asked about. Fewer rows are committed and wait for their turn than may be in flight,
and a waiting row is not requested any more once the channel is stopped or the permission has grown old.

A recheck takes thirty queries, for one message or for a hundred. So a large set is rechecked without a lock, and small
ones of it are committed as requests end, under lock, where nothing has happened to the customer since. Where something
has, or stands in the way, a message is rechecked under lock.
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
from app.core.database.engine import retrying, together_or_alone, transaction
from app.core.ids import id_of
from app.outreach.delivery.cleanup import recover, withhold_stale
from app.outreach.delivery.dispatcher import Attempt, AttemptResult, Dispatcher
from app.outreach.delivery.moves import apply_verdicts, move, new_attempt_id, requeue, set_aside
from app.outreach.delivery.prefetch import Prefetch, PrefetchedMessage
from app.outreach.delivery.recorder import RecordedResults, Recorder
from app.outreach.delivery.transports import DeliveryJob, ProviderRequest, Transport
from app.outreach.gate.contact_cases import changed_cases
from app.outreach.gate.decisions import record_decisions
from app.outreach.outbox.bulk import AttemptStart, start_attempts
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.claims import Claim, locked_rows, release_claims
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.pace import admit
from app.outreach.outbox.rules import BURST, Destination, OutboxStatus, Pace

log = structlog.get_logger("desk.delivery")
T = TypeVar("T")

START_SECONDS = 10.0
"""A request begins within this time after the gate said yes, or not at all."""


def deliver_due(
    engine: Engine,
    transports: Mapping[Destination, Transport],
    *,
    worker: str,
    clock: Clock,
    batch: int = 50,
    lease: timedelta = timedelta(minutes=5),
    only: Destination | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Send the messages that are due now, to all destinations or to one. Returns the number of rows by the status they
    ended in. Safe to run in many processes. Once `stopping` says so, it ends what it has begun and begins nothing
    more."""

    def clean_up() -> None:
        with transaction(engine) as session:
            recover(session, transports, now=clock.now())
            withhold_stale(session, now=clock.now())

    retrying(clean_up)
    counts: Counter[str] = Counter()
    for destination, transport in transports.items():
        if only in (None, destination):
            together = min(batch, _within(transport.pace, len(transport.lines))) if transport.pace else batch
            job = DeliveryJob(engine, destination, transport, worker, clock, together, lease)
            counts.update(_Pipeline(job, stopping).run())
    return dict(counts)


@dataclass(slots=True)
class _StartResult:
    """Outcome of starting claimed rows: the attempts, the rows not sent now and those in doubt."""

    attempts: list[Attempt]
    statuses: Sequence[OutboxStatus]
    """Statuses of the rows that are not sent now."""
    doubtful: Sequence[Claim] = ()
    """To be rechecked under lock."""
    is_last: bool = False
    """The channel is stopped, or its lines have all that they may have for now."""


class _Pipeline:
    """Carries out one delivery job."""

    def __init__(self, job: DeliveryJob, stopping: Callable[[], bool]) -> None:
        self.job, self.stopping = job, stopping
        self.engine, self.clock, self.transport = job.engine, job.clock, job.transport
        self.at_most = 2 * self.transport.in_flight - 1
        """Rows that are in flight or wait for their turn; another `in_flight` may have results not yet recorded."""
        self.worth = max(1, self.transport.in_flight // 2)
        """So many rows are worth the queries of a start."""
        self.start_seconds = min(START_SECONDS, job.lease.total_seconds() / 2)
        self.news: queue.SimpleQueue[RecordedResults | None] = queue.SimpleQueue()
        """None: something was rechecked, or a request has ended."""
        self.prefetch = Prefetch(job, partial(self.news.put, None))
        self.recorder = Recorder(job, self.news.put)
        self.dispatcher = Dispatcher(job, self._hand_on, self.worth)
        self.in_flight: dict[int, Claim] = {}
        self.counts: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        with ExitStack() as ending:  # in the order of the stages, even if one of them fails
            ending.callback(self.prefetch.close)
            ending.callback(lambda: self._land(self._news_so_far()))
            ending.callback(self.recorder.end)
            ending.callback(self.dispatcher.end)
            while True:
                if self.stopping():
                    self.prefetch.give_back()
                self.prefetch.replenish(row.customer_id for row in self.in_flight.values())
                if self._can_start():
                    self._start()
                elif not self.in_flight and not self.prefetch.is_coming:
                    break
                self._hear()
        return self.counts

    # --- starting -----------------------------------------------------------------------------

    def _room(self) -> int:
        unanswered = self.dispatcher.unanswered
        return self.at_most - max(unanswered, len(self.in_flight) - self.transport.in_flight)

    def _can_start(self) -> bool:
        """True if there is something to start, and room for a set that is worth its queries."""
        return bool(self.prefetch) and self._room() >= self.worth

    def _start(self) -> None:
        self.recorder.start()
        self.dispatcher.start()
        if self.prefetch.doubtful:
            picked = _take(self.prefetch.doubtful, self._room())
            for started in together_or_alone(picked, self._start_under_lock, self._set_aside):
                self._fly(started)
        else:
            self._start_prefetched()

    def _start_prefetched(self) -> None:
        ready = _take(self.prefetch.ready, self._room())
        try:
            started = retrying(partial(self._start_unchanged, ready))
        except Exception as error:
            log.error("not_started", rows=len(ready), error=type(error).__name__)
            self.prefetch.doubtful.extend(each.claim for each in ready)
        else:
            self._fly(started)

    def _fly(self, started: _StartResult) -> None:
        self._count(started.statuses)
        self.prefetch.doubtful.extend(started.doubtful)
        if started.is_last:
            self.prefetch.give_back()
        for attempt in started.attempts:
            self.in_flight[attempt.claim.row_id] = attempt.claim
        if started.attempts:
            self.dispatcher.submit(started.attempts)

    def _start_unchanged(self, ready: Sequence[PrefetchedMessage]) -> _StartResult:
        """Commit as `sending` those to whose customer nothing has happened since their recheck."""
        now, worker = self.clock.now(), self.job.worker
        with transaction(self.engine) as session:
            changed, _ = changed_cases(session, [each.candidate.contact_case for each in ready])
            if is_stopped(session, self.job.destination):
                release_claims(session, [each.claim.row_id for each in ready], worker=worker)
                return _StartResult([], [OutboxStatus.QUEUED] * len(ready), is_last=True)
            still = [
                each.candidate
                for each in ready
                if each.candidate.contact_case.case.id not in changed and each.candidate.not_after > now
            ]
            rows = [each.row for each in still]
            admitted = admit(session, self.transport.pace, self.transport.line, rows, now=now)
            late = {id_of(row) for row in rows}.difference(admitted)
            release_claims(session, sorted(late), worker=worker)
            starts = [
                AttemptStart(id_of(each.row), each.row.attempt_id, each.not_after)
                for each in still
                if each.row.id in admitted
            ]
            started = start_attempts(
                session, starts, worker=worker, lease_until=now + self.job.lease, now=now
            )
        attempts = [
            self._attempt(each.candidate.row, each.candidate.request, each.checked_at)
            for each in ready
            if each.claim.row_id in started
        ]
        doubtful = [each.claim for each in ready if each.claim.row_id not in started | late]
        is_last = bool(still) and not admitted
        return _StartResult(attempts, [OutboxStatus.QUEUED] * len(late), doubtful, is_last)

    def _attempt(self, row: OutboxMessage, request: ProviderRequest, checked_at: float) -> Attempt:
        return Attempt(row, request, checked_at + self.start_seconds)

    def _start_under_lock(self, picked: Sequence[Claim]) -> _StartResult:
        """Recheck these rows under lock and commit as `sending` those that may leave."""
        now, checked_at = self.clock.now(), time.monotonic()
        with transaction(self.engine) as session:
            rows = locked_rows(session, picked, held_by=self.job.worker)
            if is_stopped(session, self.job.destination):  # since they were claimed
                for row in rows:
                    requeue(row, row.not_before)
                return _StartResult([], [row.status for row in rows], is_last=True)
            for row in rows:  # before they are rechecked, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            ready = self._recheck(session, rows)
            cleared = [row for row, _ in ready]
            admitted = admit(session, self.transport.pace, self.transport.line, cleared, now=now)
            attempts = []
            for row, request in ready:
                if row.id not in admitted:
                    requeue(row, row.not_before)
                    continue
                move(row, OutboxStatus.SENDING)
                row.attempts += 1
                row.attempted_at, row.lease_until = now, now + self.job.lease
                attempts.append(self._attempt(row, request, checked_at))
            stayed: list[OutboxStatus] = [row.status for row in rows if row.status != OutboxStatus.SENDING]
            return _StartResult(attempts, stayed, is_last=bool(ready) and not admitted)

    def _recheck(
        self, session: Session, rows: Sequence[OutboxMessage]
    ) -> list[tuple[OutboxMessage, ProviderRequest]]:
        """Messages that may leave now; the others are withheld, or wait until they may."""
        now = self.clock.now()
        verdicts = self.transport.recheck_under_lock(session, rows, now=now)
        ready, told = apply_verdicts(rows, verdicts, now=now)
        record_decisions(session, told, by=SYSTEM, now=now)
        return ready

    def _set_aside(self, claim: Claim, error: Exception) -> None:
        log.error("not_started", row=claim.row_id, error=type(error).__name__)
        work = partial(set_aside, self.engine, claim, error, worker=self.job.worker, now=self.clock.now())
        self._count(retrying(work))

    def _hand_on(self, results: Sequence[AttemptResult]) -> None:
        """Hand results to the recorder, in the dispatcher's thread."""
        self.recorder.take(results)
        self.news.put(None)  # there is room for more

    # --- hearing of it ------------------------------------------------------------------------

    def _hear(self) -> None:
        """Take what the other threads have done since; wait where there is nothing else to do."""
        news = self._news_so_far()
        # Asked after the news was read: anything that ends from here on is news again.
        idle = not (news or self._can_start() or self.prefetch.is_rechecked)
        if idle and (self.in_flight or self.prefetch.is_coming):
            news = [self.news.get(), *self._news_so_far()]
        self._land(news)

    def _news_so_far(self) -> list[RecordedResults | None]:
        news = []
        while not self.news.empty():
            news.append(self.news.get())
        return news

    def _land(self, news: Sequence[RecordedResults | None]) -> None:
        for recorded in filter(None, news):
            for row_id in recorded.row_ids:
                self.in_flight.pop(row_id, None)
            self._count(recorded.statuses)
            if recorded.is_last:
                self.prefetch.give_back()

    def _count(self, statuses: Sequence[OutboxStatus]) -> None:
        self.counts.update(status.value for status in statuses)


def _take(what: deque[T], at_most: int) -> list[T]:
    return [what.popleft() for _ in range(min(at_most, len(what)))]


def _within(pace: Pace, lines: int) -> int:
    """Count the messages that so many lines may hand over at once, with a margin for an uneven spread."""
    each = max(1, int(pace.units_per_second * BURST.total_seconds()))
    return each if lines == 1 else 2 * each * lines
