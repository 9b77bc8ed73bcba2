"""Prefetch: rechecks claimed messages of one destination on a background thread, so that dispatching never waits for
the thirty queries of a recheck."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import structlog

from app.core.database.engine import reading, retrying, transaction
from app.outreach.delivery.moves import new_attempt_id
from app.outreach.delivery.transports import Candidate, DeliveryJob
from app.outreach.outbox.bulk import read_claimed
from app.outreach.outbox.claims import Claim, claim, claim_of, release_claims

log = structlog.get_logger("desk.delivery")

RECHECKED_TOGETHER = 200
"""Messages rechecked by the same queries, where they can be handed over soon enough."""
RECHECK_AFTER_SECONDS = 2.0
"""A message that is not started within this time is rechecked."""


class PrefetchedMessage(NamedTuple):
    """A claimed message that was rechecked without a lock."""

    candidate: Candidate
    checked_at: float
    """On the monotonic clock."""

    @property
    def claim(self) -> Claim:
        return claim_of(self.candidate.row)


class Prefetch:
    """Claimed messages in four places: waiting, being rechecked, ready, doubtful. In the last three no customer is
    twice."""

    def __init__(self, job: DeliveryJob, wake: Callable[[], None]) -> None:
        """`wake` is called by the background thread when messages were rechecked."""
        self.job = job
        self.wake = wake
        self.together = RECHECKED_TOGETHER
        """Messages rechecked at once; when fewer are left, more are rechecked."""
        self.has_more = True
        self._background = ThreadPoolExecutor(1, f"desk-{job.destination.value}-recheck")
        self._waiting: deque[Claim] = deque()
        self._coming: tuple[Sequence[Claim], Future[tuple[list[PrefetchedMessage], list[Claim]]]] | None = (
            None
        )
        self.ready: deque[PrefetchedMessage] = deque()
        self.doubtful: deque[Claim] = deque()
        """To be rechecked under lock."""

    def __bool__(self) -> bool:
        return bool(self.ready or self.doubtful)

    @property
    def is_coming(self) -> bool:
        return self._coming is not None

    @property
    def is_rechecked(self) -> bool:
        """True once a recheck has ended and its messages were not taken yet."""
        return self._coming is not None and self._coming[1].done()

    def replenish(self, busy: Iterable[int]) -> None:
        """Take the rechecked messages, and have more rechecked if few are left: one message a customer, and none of
        customers that are `busy`, whose next message is rechecked when the present one is recorded."""
        self._collect(wait=False)
        self._recheck_old()
        if self.is_coming or len(self.ready) + len(self.doubtful) >= self.together:
            return
        if not self._waiting and self.has_more:
            self._waiting.extend(retrying(self._claim))
            self.has_more = len(self._waiting) == self.job.batch
        picked = self._pick(set(busy))
        if picked:
            if not self.ready:
                self.together = min(RECHECKED_TOGETHER, self.together * 2)
            future = self._background.submit(self._recheck, picked)
            self._coming = (picked, future)
            future.add_done_callback(lambda _: self.wake())

    def _collect(self, *, wait: bool) -> None:
        if self._coming is None:
            return
        picked, future = self._coming
        if not wait and not future.done():
            return
        self._coming = None
        try:
            ready, doubtful = future.result()
        except Exception as error:  # the broken row is found when they are rechecked one by one
            log.error("not_rechecked", rows=len(picked), error=type(error).__name__)
            ready, doubtful = [], list(picked)
        self.ready.extend(ready)
        self.doubtful.extend(doubtful)

    def _recheck_old(self) -> None:
        too_old = time.monotonic() - RECHECK_AFTER_SECONDS
        old = [each.claim for each in self.ready if each.checked_at < too_old]
        if old:
            self.ready = deque(each for each in self.ready if each.checked_at >= too_old)
            self._waiting.extendleft(reversed(old))
            self.together = max(self.job.transport.in_flight, self.together // 2)

    def _claim(self) -> list[Claim]:
        job = self.job
        with transaction(job.engine) as session:
            return claim(
                session, job.destination, worker=job.worker, batch=job.batch, lease=job.lease,
                now=job.clock.now(),
            )  # fmt: skip

    def _pick(self, busy: set[int]) -> list[Claim]:
        busy.update(row.customer_id for row in self.doubtful)
        busy.update(each.candidate.row.customer_id for each in self.ready)
        picked: list[Claim] = []
        later: list[Claim] = []
        while self._waiting and len(picked) < self.together:
            row = self._waiting.popleft()
            if row.customer_id in busy:
                later.append(row)
            else:
                busy.add(row.customer_id)
                picked.append(row)
        self._waiting.extendleft(reversed(later))
        return picked

    def _recheck(self, picked: Sequence[Claim]) -> tuple[list[PrefetchedMessage], list[Claim]]:
        """Recheck these claims without a lock: those that may leave, and those that are doubtful."""
        job, checked_at = self.job, time.monotonic()
        with reading(job.engine) as session:
            rows = read_claimed(session, picked, worker=job.worker)
            for row in rows:  # before they are rechecked, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            found = job.transport.recheck_without_lock(session, rows, now=job.clock.now())
        return (
            [PrefetchedMessage(each, checked_at) for each in found if each is not None],
            [claim_of(row) for row, each in zip(rows, found, strict=True) if each is None],
        )

    def give_back(self) -> None:
        """Release every claim, and claim no more."""
        self.has_more = False
        self._collect(wait=True)
        held = [*self._waiting, *self.doubtful, *(each.claim for each in self.ready)]

        def work() -> None:
            with transaction(self.job.engine) as session:
                release_claims(session, [row.row_id for row in held], worker=self.job.worker)

        if held:
            retrying(work)
        for place in (self._waiting, self.doubtful, self.ready):
            place.clear()

    def close(self) -> None:
        self.give_back()
        self._background.shutdown()
