"""Workers that deliver to a misbehaving provider while they are killed, and what became of every message."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy.engine import Engine

from app.adapters.twilio.sms import TwilioSmsSender
from app.core.clock import FixedClock
from app.core.database.engine import make_engine, reading, table_of
from app.core.timeline.models import Event
from app.outreach.delivery.reconcile import reconcile
from app.outreach.delivery.sending import deliver_due
from app.outreach.delivery.transports import ContactTransport
from app.outreach.outbox.events import ContactFailed, ContactSent, ContactUnknown
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from tests.provider import Provider, Timing

UNSETTLED = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING)


@dataclass(frozen=True)
class TimedClock:
    timing: Timing

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timing.now(), UTC)


@dataclass(frozen=True)
class Storm:
    """`lease` and everything else that waits is in the time of the clock, which may run fast."""

    url: str
    provider: Provider
    timing: Timing
    catalog: LetterCatalog
    workers: int
    kills: int
    messages: int
    lease: timedelta
    in_flight: int = 8
    seed: int = 1

    def rage(self) -> int:
        """Let the workers deliver until nothing is left to do; returns how many were killed with SIGKILL, each when the
        provider had taken a number of messages that the dice chose. One that is killed is replaced."""
        dice = random.Random(self.seed)
        strikes = sorted(dice.sample(range(1, self.messages * 3 // 4), self.kills))
        names = count()
        alive = [self._fork(next(names)) for _ in range(self.workers)]
        killed = 0
        while alive:
            if killed < len(strikes) and self.provider.count() >= strikes[killed]:
                victim = dice.choice(alive)
                os.kill(victim, signal.SIGKILL)
                killed += os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1]) == -signal.SIGKILL
                alive[alive.index(victim)] = self._fork(next(names))
            for pid in list(alive):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    assert os.waitstatus_to_exitcode(status) == 0, "a worker failed"
                    alive.remove(pid)
            time.sleep(dice.random() * 0.02)
        return killed

    def _fork(self, number: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            self._work(f"worker-{number}")
            os._exit(0)
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(70)

    def _work(self, name: str) -> None:
        engine, clock = make_engine(self.url), TimedClock(self.timing)
        sender = TwilioSmsSender(
            "AC" + "0" * 32, "t" * 32, "+15005550006", clock, api_url=self.provider.url, timeout_seconds=5
        )
        transport = ContactTransport(sender, self.catalog, in_flight=self.in_flight)
        while True:
            deliver_due(
                engine, {Destination.SMS: transport}, worker=name, clock=clock, batch=50, lease=self.lease
            )
            with reading(engine) as session:
                message = table_of(OutboxMessage)
                if not session.execute(
                    sa.select(message.c.id).where(message.c.status.in_(UNSETTLED))
                ).first():
                    return
            time.sleep(0.05)

    def look_up(self, engine: Engine) -> dict[str, int]:
        """As the worker's job does, some minutes later."""
        later = FixedClock(TimedClock(self.timing).now() + timedelta(minutes=10))
        sender = TwilioSmsSender("AC" + "0" * 32, "t" * 32, "+15005550006", later, api_url=self.provider.url)
        counts: Counter[str] = Counter()
        while found := reconcile(engine, sender, clock=later):
            counts.update(found)
        return dict(counts)


@dataclass
class Account:
    """Every message, and what speaks against its state."""

    statuses: Counter[OutboxStatus] = field(default_factory=Counter)
    taken: int = 0
    duplicates: list[str] = field(default_factory=list)
    """Messages that the provider took more than once."""
    lost: list[str] = field(default_factory=list)
    """Left lying, sent and not on record, or on record and never sent."""
    unexplained: list[str] = field(default_factory=list)
    """Whose events do not tell how they came to be where they are."""


def account_for(engine: Engine, provider: Provider) -> Account:
    """Compare the outbox and its events with what the provider took."""
    taken = Counter(int(attempt.partition("-")[0]) for _, attempt in provider.taken())
    account = Account(taken=sum(taken.values()))
    message = table_of(OutboxMessage)
    with reading(engine) as session:
        rows = session.execute(sa.select(message.c.id, message.c.status)).all()
        told = _events_by_message(session.execute(sa.select(Event.kind, Event.data)).all())
    for row_id, status in rows:
        account.statuses[status] += 1
        times, kinds = taken.pop(row_id, 0), told.get(row_id, Counter())
        if times > 1:
            account.duplicates.append(f"M-{row_id:06d}")
        if any(_is_lost(status, times)):
            account.lost.append(f"M-{row_id:06d} {status.value}, taken {times} times")
        if not _is_explained(status, kinds):
            account.unexplained.append(f"M-{row_id:06d} {status.value}: {dict(kinds)}")
    account.lost += [f"message {row_id}, which nobody knows" for row_id in taken]
    return account


def _is_lost(status: OutboxStatus, times: int) -> Iterator[bool]:
    yield status in UNSETTLED
    yield times > 0 and status not in (OutboxStatus.SENT, OutboxStatus.UNKNOWN)
    yield times == 0 and status is OutboxStatus.SENT


def _is_explained(status: OutboxStatus, kinds: Counter[str]) -> bool:
    sent, unknown, failed = (
        kinds[kind] for kind in (ContactSent.KIND, ContactUnknown.KIND, ContactFailed.KIND)
    )
    if status is OutboxStatus.SENT:
        return (sent, failed) == (1, 0)
    if status is OutboxStatus.UNKNOWN:
        return sent == 0 and unknown >= 1 and failed == 0
    return status is OutboxStatus.FAILED and (sent, failed) == (0, 1)


def _events_by_message(found: object) -> dict[int, Counter[str]]:
    told: dict[int, Counter[str]] = {}
    for kind, data in found:  # type: ignore[attr-defined]
        number = from_json(data).get("message")
        if number:
            told.setdefault(number, Counter())[kind] += 1
    return told
