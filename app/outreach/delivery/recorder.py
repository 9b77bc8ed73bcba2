"""Recorder: writes the results of attempts on a thread of its own, all that came since the last time together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlmodel import Session

from app.core.actor import SYSTEM
from app.core.database.engine import together_or_alone, transaction
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.delivery.dispatcher import AttemptResult
from app.outreach.delivery.moves import finish
from app.outreach.delivery.transports import DeliveryJob
from app.outreach.outbox.bulk import AcceptedAttempt, mark_accepted
from app.outreach.outbox.channel_stops import stop_channel
from app.outreach.outbox.claims import locked_rows
from app.outreach.outbox.dispatch import Accepted, Misconfigured, SendResult
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus

log = structlog.get_logger("desk.delivery")


class RecordedResults(NamedTuple):
    """Attempts that are over."""

    row_ids: Sequence[int]
    statuses: Sequence[OutboxStatus]
    """Statuses now of the messages that could be recorded."""
    is_last: bool
    """A person must act before anything else can be sent."""


class Recorder:
    def __init__(self, job: DeliveryJob, tell: Callable[[RecordedResults], None]) -> None:
        """`tell` is called in this stage's thread."""
        self.job, self.tell = job, tell
        self._results: queue.SimpleQueue[Sequence[AttemptResult] | None] = queue.SimpleQueue()
        """None: there are no more."""
        # Not of a pool: those take no work any more once the interpreter ends, and what was sent must be written down.
        self._thread = threading.Thread(target=self._run, name=f"desk-{job.destination.value}-record")

    def start(self) -> None:
        """Start the thread, before anything is committed as `sending`."""
        if self._thread.ident is None:
            self._thread.start()

    def take(self, results: Sequence[AttemptResult]) -> None:
        """Take results to record; from any thread."""
        self._results.put(results)

    def end(self) -> None:
        """End the thread once everything that was taken is recorded."""
        if self._thread.ident is not None:
            self._results.put(None)
            self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            taken = [self._results.get()]
            while not self._results.empty():
                taken.append(self._results.get())
            more = None not in taken
            results = [each for some in taken if some is not None for each in some]
            if results:
                self._record_and_tell(results)

    def _record_and_tell(self, results: Sequence[AttemptResult]) -> None:
        """Record the results and tell of them. It tries eight times, because what was sent must be on record."""
        is_last = any(isinstance(each.result, Misconfigured) for each in results)
        statuses: list[OutboxStatus] = []
        try:
            for some in together_or_alone(results, self._record, _not_recorded, attempts=8):
                statuses += some
        finally:
            self.tell(RecordedResults([each.attempt.claim.row_id for each in results], statuses, is_last))

    def _record(self, results: Sequence[AttemptResult]) -> list[OutboxStatus]:
        job, now = self.job, self.job.clock.now()
        with transaction(job.engine) as session:
            heads = lock_customers(session, {attempt.row.customer_id for attempt, _ in results})
            accepted = [
                AcceptedAttempt(attempt.claim.row_id, attempt.row.attempt_id, result.provider_ref)
                for attempt, result in results
                if isinstance(result, Accepted) and not result.console_only
            ]
            sent = mark_accepted(session, accepted, now=now)
            finished = [(attempt.row, result) for attempt, result in results if attempt.row.id in sent]
            others = _finish_others(
                session, [each for each in results if each.attempt.row.id not in sent], now=now
            )
            job.transport.record_results(session, finished + others, heads, now=now)
            for _, result in others:
                if isinstance(result, Misconfigured):
                    stop_channel(session, job.destination, result.reason, by=SYSTEM, now=now)
            return [OutboxStatus.SENT] * len(finished) + [row.status for row, _ in others]


def _not_recorded(result: AttemptResult, error: Exception) -> None:
    """The message stays `sending` and becomes `unknown` when its lease is over."""
    log.error("result_not_recorded", row=result.attempt.claim.row_id, error=type(error).__name__)


def _finish_others(
    session: Session, results: Sequence[AttemptResult], *, now: datetime
) -> list[tuple[OutboxMessage, SendResult]]:
    """Finish attempts that were not accepted, or whose message does not stand where it was left."""
    found = {attempt.claim.row_id: (attempt, result) for attempt, result in results}
    finished = []
    for row in locked_rows(session, [attempt.claim for attempt, _ in results]) if results else ():
        attempt, result = found[id_of(row)]
        if row.attempt_id != attempt.row.attempt_id:
            log.error("attempt_superseded", message=row.reference)
        elif finish(row, result, now=now):
            finished.append((row, result))
    return finished
