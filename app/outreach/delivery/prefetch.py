"""What a worker has claimed of one destination and not handed over yet, judged ahead of the calls by a thread of its
own, so that neither answers nor calls wait for the thirty statements that a judgement takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import structlog

from app.core.db import reading, retrying, transaction
from app.outreach.delivery.couriers import Foreseen, Shift
from app.outreach.delivery.moves import new_attempt_id
from app.outreach.outbox.bulk import read_claimed
from app.outreach.outbox.claims import Claim, claim, claim_of, release_claims

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
    def claimed(self) -> Claim:
        return claim_of(self.foreseen.row)


class Stock:
    """Claim messages in one of four places; in the last three no customer is twice."""

    def __init__(self, shift: Shift, wake: Callable[[], None]) -> None:
        """`wake` is called by another thread when messages were judged."""
        self.shift = shift
        self.wake = wake
        self.together = JUDGED_TOGETHER
        """What is judged at once; and when less than this is left, more is."""
        self.has_more = True
        self.judge = ThreadPoolExecutor(1, f"desk-{shift.destination.value}-judge")
        self._waiting: deque[Claim] = deque()
        self._coming: tuple[Sequence[Claim], Future[tuple[list[Ready], list[Claim]]]] | None = None
        self.ready: deque[Ready] = deque()
        self.doubtful: deque[Claim] = deque()
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
        if self.is_coming or len(self.ready) + len(self.doubtful) >= self.together:
            return
        if not self._waiting and self.has_more:
            self._waiting.extend(retrying(self._claim))
            self.has_more = len(self._waiting) == self.shift.batch
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
            self.together = max(self.shift.courier.in_flight, self.together // 2)

    def _claim(self) -> list[Claim]:
        shift = self.shift
        with transaction(shift.engine) as session:
            return claim(
                session, shift.destination, worker=shift.worker, batch=shift.batch, lease=shift.lease,
                now=shift.clock.now(),
            )  # fmt: skip

    def _pick(self, busy: set[int]) -> list[Claim]:
        busy.update(row.customer_id for row in self.doubtful)
        busy.update(each.foreseen.row.customer_id for each in self.ready)
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

    def _judged(self, picked: Sequence[Claim]) -> tuple[list[Ready], list[Claim]]:
        """Those that may leave, as far as can be seen, and those of which that is not clear."""
        shift, judged_at = self.shift, time.monotonic()
        with reading(shift.engine) as session:
            rows = read_claimed(session, picked, worker=shift.worker)
            for row in rows:  # before they are judged, because what is handed over carries it
                row.attempt_id = new_attempt_id(row)
            found = shift.courier.foresee(session, rows, now=shift.clock.now())
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
            with transaction(self.shift.engine) as session:
                release_claims(session, [row.row_id for row in held], worker=self.shift.worker)

        if held:
            retrying(work)
        for place in (self._waiting, self.doubtful, self.ready):
            place.clear()

    def close(self) -> None:
        self.give_back()
        self.judge.shutdown()
