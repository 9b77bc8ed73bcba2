"""Dispatcher: makes the requests to a provider, as many at once as may be in flight, on an event loop in a thread of
its own. It asks before each whether the channel is still open. It neither reads nor writes messages."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, cast

from app.core.database.engine import reading
from app.outreach.delivery.transports import DeliveryJob, ProviderRequest
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.claims import Claim, claim_of
from app.outreach.outbox.dispatch import Misconfigured, NotDispatched, SendResult, Uncertain
from app.outreach.outbox.models import OutboxMessage

SWITCH_SECONDS = 0.1
"""After this time a stopped channel makes no more requests."""
GATHER_SECONDS = 0.01
"""Results that arrive within this time are handed on together."""


class Attempt(NamedTuple):
    """One message about to be handed to its provider."""

    row: OutboxMessage
    """As it was when it was rechecked, with this attempt's id; in no session any more."""
    request: ProviderRequest
    begin_by: float
    """On the monotonic clock."""

    @property
    def claim(self) -> Claim:
        return claim_of(self.row)


class AttemptResult(NamedTuple):
    attempt: Attempt
    result: SendResult


class Dispatcher:
    def __init__(
        self, job: DeliveryJob, hand_on: Callable[[Sequence[AttemptResult]], None], enough: int
    ) -> None:
        """`hand_on` is called in the loop's thread with `enough` results, or with those of GATHER_SECONDS."""
        self.job, self.hand_on, self.enough = job, hand_on, enough
        self.name = f"desk-{job.destination.value}"
        self._thread: threading.Thread | None = None
        self._running: Future[None] = Future()
        self._submitted = 0
        # The fields below belong to the loop's thread.
        self._loop: asyncio.AbstractEventLoop
        self._slots: asyncio.Semaphore
        self._ended: asyncio.Event
        self._switch = _KillSwitch(job)
        self._tasks = set[asyncio.Task[None]]()
        self._finished = 0
        self._refused = False
        """A person must act before anything else can be sent."""
        self._gathered: list[AttemptResult] = []
        self._timer: asyncio.TimerHandle | None = None

    # --- for the lane's thread --------------------------------------------------------------------

    def start(self) -> None:
        """Start the loop, before anything is committed as `sending`. Raises the error that keeps it from running."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name)
            self._thread.start()
            self._running.result()

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Make these attempts as soon as there is room. Each gets a result, even if it fails."""
        self._loop.call_soon_threadsafe(self._begin, attempts)
        self._submitted += len(attempts)

    @property
    def unanswered(self) -> int:
        """Attempts that are being made or wait for their turn."""
        return self._submitted - self._finished

    def end(self) -> None:
        """Stop the loop once every attempt has its result."""
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
        in_flight = self.job.transport.in_flight
        self._slots, self._ended = asyncio.Semaphore(in_flight), asyncio.Event()
        # One more than requests, for the kill switch.
        self._loop.set_default_executor(ThreadPoolExecutor(in_flight + 1, self.name))
        self._running.set_result(None)
        try:
            await self._ended.wait()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._flush()
        finally:
            await self.job.transport.disconnect()

    def _begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            task = self._loop.create_task(self._make(attempt))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _make(self, attempt: Attempt) -> None:
        async with self._slots:
            result = await self._result(attempt)
            self._refused |= isinstance(result, Misconfigured)
        self._finished += 1
        self._gathered.append(AttemptResult(attempt, result))
        if len(self._gathered) >= self.enough or not self.unanswered:
            self._flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(GATHER_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            self.hand_on(self._gathered)
            self._gathered = []

    async def _result(self, attempt: Attempt) -> SendResult:
        try:
            if self._refused or await self._switch.is_off(attempt.begin_by):
                return NotDispatched("the channel was stopped")
        except Exception as error:
            return NotDispatched(f"it is not known whether the channel is stopped: {type(error).__name__}")
        if time.monotonic() > attempt.begin_by:
            return NotDispatched("it had to wait too long for its turn")
        not_after = attempt.row.not_after
        if not_after is not None and self.job.clock.now() >= not_after:
            return NotDispatched("its hours ended while it waited for its turn")
        try:
            return await _make(attempt.request)
        except Exception as error:  # a sender must not raise; if one does, it is unknown how far it got
            return Uncertain(f"the sender failed: {type(error).__name__}")


async def _make(request: ProviderRequest) -> SendResult:
    if inspect.iscoroutinefunction(request):
        return cast(SendResult, await request())
    try:
        result = asyncio.get_running_loop().run_in_executor(None, cast(Callable[[], SendResult], request))
    except RuntimeError:
        return NotDispatched("the process is ending")
    return await result


class _KillSwitch:
    """The kill switch, asked before every request. Its state is read ahead of time and is at most SWITCH_SECONDS old,
    so that requests need not wait for the database."""

    def __init__(self, job: DeliveryJob) -> None:
        self.job = job
        self._off, self._as_of = False, 0.0
        self._look: asyncio.Task[None] | None = None

    async def is_off(self, until: float) -> bool:
        """Wait, until that moment of the monotonic clock, for a state that is young enough."""
        if self._age() > SWITCH_SECONDS / 2:
            self._look_again()
        while self._age() > SWITCH_SECONDS and time.monotonic() < until:
            await self._look_again()
        return self._off

    def _look_again(self) -> asyncio.Task[None]:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(asyncio.to_thread(self._read))
            # A waiting request is told of a failed look; without one, the next request looks again.
            self._look.add_done_callback(asyncio.Task.exception)
        return self._look

    def _age(self) -> float:
        return time.monotonic() - self._as_of

    def _read(self) -> None:
        as_of = time.monotonic()
        with reading(self.job.engine) as session:
            self._off = is_stopped(session, self.job.destination)
        self._as_of = as_of
