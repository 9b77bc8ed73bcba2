"""What a worker has claimed of one destination and not handed over yet, judged ahead of the calls by a thread of its
own, so that neither answers nor calls wait for the thirty statements that a judgement takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.engine import Engine

from app.clock import Clock
from app.db import reading, retrying, transaction
from app.outreach.delivery import Claimed, Courier, Foreseen, claim, give_back, new_attempt_id
from app.outreach.handover import read_claimed
from app.outreach.models import OutboxMessage
from app.outreach.rules import Destination

log = structlog.get_logger("desk.delivery")

JUDGED_TOGETHER = 200
"""Messages that are judged by the same statements, where they can be handed over soon enough."""
JUDGED_SECONDS = 2.0
"""What is not begun within this time is judged again."""


class Ready(NamedTuple):
    """A claimed message that was judged without a lock."""

    foreseen: Foreseen
    judged_at: float
    """On the monotonic clock."""

    @property
    def claimed(self) -> Claimed:
        return claim_of(self.foreseen.row)


class Stock:
    """Claimed messages in one of four places; in the last three no customer is twice."""

    def __init__(
        self,
        engine: Engine,
        destination: Destination,
        courier: Courier,
        worker: str,
        clock: Clock,
        batch: int,
        lease: timedelta,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called by another thread when messages were judged."""
        self.engine, self.destination, self.courier = engine, destination, courier
        self.worker, self.clock, self.batch, self.lease = worker, clock, batch, lease
        self.wake = wake
        self.enough = 2 * courier.in_flight
        self.together = JUDGED_TOGETHER
        self.has_more = True
        self.judge = ThreadPoolExecutor(1, f"desk-{destination.value}-judge")
        self._waiting: deque[Claimed] = deque()
        self._coming: tuple[Sequence[Claimed], Future[tuple[list[Ready], list[Claimed]]]] | None = None
        self.ready: deque[Ready] = deque()
        self.doubtful: deque[Claimed] = deque()
        """To be judged under lock."""

    def __bool__(self) -> bool:
        return bool(self.ready or self.doubtful)

    @property
    def is_coming(self) -> bool:
        return self._coming is not None

    @property
    def is_judged(self) -> bool:
        """Has a judgement ended that was not taken yet?"""
        return self._coming is not None and self._coming[1].done()

    def replenish(self, busy: Iterable[int]) -> None:
        """Take what was judged, and have more judged if little is left: of each customer only one message, and none of
        those who are `busy`: the next is judged when that one is settled."""
        self._collect(wait=False)
        self._judge_old_again()
        if self.is_coming or len(self.ready) + len(self.doubtful) >= self.enough:
            return
        if not self._waiting and self.has_more:
            self._waiting.extend(retrying(self._claim))
            self.has_more = len(self._waiting) == self.batch
        picked = self._pick(set(busy))
        if picked:
            if not self.ready:
                self.together = min(JUDGED_TOGETHER, self.together * 2)
            judged = self.judge.submit(self._judged, picked)
            self._coming = (picked, judged)
            judged.add_done_callback(lambda _: self.wake())

    def _collect(self, *, wait: bool) -> None:
        if self._coming is None:
            return
        picked, judged = self._coming
        if not wait and not judged.done():
            return
        self._coming = None
        try:
            ready, doubtful = judged.result()
        except Exception as error:  # whichever row it was, it is found when they are judged one by one
            log.error("not_foreseen", rows=len(picked), error=type(error).__name__)
            ready, doubtful = [], list(picked)
        self.ready.extend(ready)
        self.doubtful.extend(doubtful)

    def _judge_old_again(self) -> None:
        too_old = time.monotonic() - JUDGED_SECONDS
        old = [each.claimed for each in self.ready if each.judged_at < too_old]
        if old:
            self.ready = deque(each for each in self.ready if each.judged_at >= too_old)
            self._waiting.extendleft(reversed(old))
            self.together = max(self.courier.in_flight, self.together // 2)

    def _claim(self) -> list[Claimed]:
        with transaction(self.engine) as session:
            return claim(
                session, self.destination, worker=self.worker, batch=self.batch, lease=self.lease,
                now=self.clock.now(),
            )  # fmt: skip

    def _pick(self, busy: set[int]) -> list[Claimed]:
        busy.update(row.customer_id for row in self.doubtful)
        busy.update(each.foreseen.row.customer_id for each in self.ready)
        picked: list[Claimed] = []
        later: list[Claimed] = []
        while self._waiting and len(picked) < self.together:
            row = self._waiting.popleft()
            if row.customer_id in busy:
                later.append(row)
            else:
                busy.add(row.customer_id)
                picked.append(row)
        self._waiting.extendleft(reversed(later))
        return picked

    def _judged(self, picked: Sequence[Claimed]) -> tuple[list[Ready], list[Claimed]]:
        """Those that may leave, as far as can be seen, and those of which that is not clear."""
        judged_at = time.monotonic()
        with reading(self.engine) as session:
            rows = read_claimed(session, picked, worker=self.worker)
            for row in rows:  # before they are judged, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            found = self.courier.foresee(session, rows, now=self.clock.now())
        return (
            [Ready(each, judged_at) for each in found if each is not None],
            [claim_of(row) for row, each in zip(rows, found, strict=True) if each is None],
        )

    def give_back(self) -> None:
        """Everything; and claim no more."""
        self.has_more = False
        self._collect(wait=True)
        held = [*self._waiting, *self.doubtful, *(each.claimed for each in self.ready)]

        def work() -> None:
            with transaction(self.engine) as session:
                give_back(session, [row.row_id for row in held], worker=self.worker)

        if held:
            retrying(work)
        for place in (self._waiting, self.doubtful, self.ready):
            place.clear()

    def close(self) -> None:
        self.give_back()
        self.judge.shutdown()


def claim_of(row: OutboxMessage) -> Claimed:
    return Claimed(row.id or 0, row.customer_id)
