"""The calls of one lane of delivery: an event loop in a thread of its own makes as many at once as may be in flight,
and asks before each whether it still may be made. It neither reads nor writes messages."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, cast

from app.core.db import reading
from app.outreach.delivery.couriers import Call, Shift
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.claims import Claim, claim_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Misconfigured, NotCalled, Outcome, Uncertain

SWITCH_SECONDS = 0.1
"""A channel that was stopped makes no more calls after this time."""
GATHER_SECONDS = 0.01
"""Answers that come within this time are handed on together."""


class Attempt(NamedTuple):
    row: OutboxMessage
    """As it was when it was judged, with this attempt's id; in no session any more."""
    call: Call
    begin_by: float
    """On the monotonic clock."""

    @property
    def claimed(self) -> Claim:
        return claim_of(self.row)


Answer = tuple[Attempt, Outcome]


class Calls:
    def __init__(self, shift: Shift, answered: Callable[[Sequence[Answer]], None], enough: int) -> None:
        """`answered` is called in the loop's thread, with as many answers as are `enough`, or with those of a while."""
        self.shift, self.answered, self.enough = shift, answered, enough
        self.name = f"desk-{shift.destination.value}"
        self._thread: threading.Thread | None = None
        self._running: Future[None] = Future()
        self._told = 0
        # What follows belongs to the loop's thread.
        self._loop: asyncio.AbstractEventLoop
        self._slots: asyncio.Semaphore
        self._ended: asyncio.Event
        self._switch = _Switch(shift)
        self._tasks = set[asyncio.Task[None]]()
        self._over = 0
        self._refused = False
        """A person must act before anything else can be sent."""
        self._gathered: list[Answer] = []
        self._handing_on: asyncio.TimerHandle | None = None

    # --- for the lane's thread --------------------------------------------------------------------

    def start(self) -> None:
        """Before anything is committed that is to be called. Whatever keeps the loop from running is raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name)
            self._thread.start()
            self._running.result()

    def make(self, attempts: Sequence[Attempt]) -> None:
        """As soon as there is room for them; each is answered, whatever happens."""
        self._loop.call_soon_threadsafe(self._begin, attempts)
        self._told += len(attempts)

    @property
    def unanswered(self) -> int:
        """Those that are being made and those that wait for their turn."""
        return self._told - self._over

    def end(self) -> None:
        """When everything that was begun is answered."""
        if self._running.done() and self._running.exception() is None:
            self._loop.call_soon_threadsafe(self._ended.set)
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()

    # --- in the loop's thread ---------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            if self._running.done():
                raise
            self._running.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        in_flight = self.shift.courier.in_flight
        self._slots, self._ended = asyncio.Semaphore(in_flight), asyncio.Event()
        # One more than calls, for the switch.
        self._loop.set_default_executor(ThreadPoolExecutor(in_flight + 1, self.name))
        self._running.set_result(None)
        try:
            await self._ended.wait()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._hand_on()
        finally:
            await self.shift.courier.hang_up()

    def _begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            task = self._loop.create_task(self._make(attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _make(self, attempt: Attempt) -> None:
        async with self._slots:
            outcome = await self._outcome(attempt)
            self._refused |= isinstance(outcome, Misconfigured)
        self._over += 1
        self._gathered.append((attempt, outcome))
        if len(self._gathered) >= self.enough or not self.unanswered:
            self._hand_on()
        elif self._handing_on is None:
            self._handing_on = self._loop.call_later(GATHER_SECONDS, self._hand_on)

    def _hand_on(self) -> None:
        if self._handing_on is not None:
            self._handing_on.cancel()
            self._handing_on = None
        if self._gathered:
            self.answered(self._gathered)
            self._gathered = []

    async def _outcome(self, attempt: Attempt) -> Outcome:
        try:
            if self._refused or await self._switch.is_off(attempt.begin_by):
                return NotCalled("the channel was stopped")
        except Exception as error:
            return NotCalled(f"it is not known whether the channel is stopped: {type(error).__name__}")
        if time.monotonic() > attempt.begin_by:
            return NotCalled("it had to wait too long for its turn")
        not_after = attempt.row.not_after
        if not_after is not None and self.shift.clock.now() >= not_after:
            return NotCalled("its hours ended while it waited for its turn")
        try:
            return await _called(attempt.call)
        except Exception as error:  # a sender must not raise; if one does, nobody knows how far it got
            return Uncertain(f"the sender failed: {type(error).__name__}")


async def _called(call: Call) -> Outcome:
    if inspect.iscoroutinefunction(call):
        return cast(Outcome, await call())
    try:
        answer = asyncio.get_running_loop().run_in_executor(None, cast(Callable[[], Outcome], call))
    except RuntimeError:
        return NotCalled("the process is ending")
    return await answer


class _Switch:
    """The kill switch, asked before every call. What it says is read from the database often enough to be at most
    SWITCH_SECONDS old: ahead of time, so that the calls need not wait for it."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self._off, self._as_of = False, 0.0
        self._look: asyncio.Task[None] | None = None

    async def is_off(self, until: float) -> bool:
        """Waits for a look that is young enough, until that moment of the monotonic clock."""
        if self._age() > SWITCH_SECONDS / 2:
            self._look_again()
        while self._age() > SWITCH_SECONDS and time.monotonic() < until:
            await self._look_again()
        return self._off

    def _look_again(self) -> asyncio.Task[None]:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(asyncio.to_thread(self._read))
            # Who waits for it is told of its failure; if nobody does, the next one looks again.
            self._look.add_done_callback(asyncio.Task.exception)
        return self._look

    def _age(self) -> float:
        return time.monotonic() - self._as_of

    def _read(self) -> None:
        as_of = time.monotonic()
        with reading(self.shift.engine) as session:
            self._off = is_stopped(session, self.shift.destination)
        self._as_of = as_of
