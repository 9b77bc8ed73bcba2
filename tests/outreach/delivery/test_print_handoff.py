"""Published batches on their way to the print service: tried until they are there, and there once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.outreach.delivery.print_handoff import AGAIN, LEASE, hand_off_due
from app.outreach.delivery.printing import print_due
from app.outreach.outbox.channel_stops import start_channel, stop_channel
from app.outreach.outbox.events import PrintBatchEnded
from app.outreach.outbox.models import PrintBatch
from app.outreach.outbox.printing import HandoffFailed, HandoffStatus
from app.outreach.outbox.queries import batches_not_handed_off
from app.outreach.outbox.rules import Destination
from tests import builders
from tests.outreach.delivery.test_printing import LETTERS, MORNING, PlainPress, batches, queue_letters


class Server:
    """A print service that takes away what it finds at once. `fails` are what goes wrong, one call after the other."""

    def __init__(self, *fails: str) -> None:
        self.parts: set[str] = set()
        self.fetched: list[str] = []
        self._fails = list(fails)

    def upload(self, batch: str) -> None:
        self._maybe("before")
        self.parts.add(batch)
        self._maybe("uploaded")

    def name(self, batch: str) -> None:
        self._maybe("unnamed")
        if batch in self.parts:
            self.parts.remove(batch)
            self.fetched.append(batch)
        self._maybe("named")

    def _maybe(self, where: str) -> None:
        if self._fails and self._fails[0] in (where, f"dies {where}"):
            if self._fails.pop(0).startswith("dies"):
                raise KeyboardInterrupt
            raise HandoffFailed(f"the line broke, {where}")


def published(engine: Engine, tmp_path: Path, *, handed_off: bool = True) -> PrintBatch:
    queue_letters(engine, 2)
    press = PlainPress(tmp_path, LETTERS)
    clock = FixedClock(MORNING)
    print_due(engine, press, builders.catalog(), worker="w", clock=clock, hour=6, handed_off=handed_off)
    return batches(engine)[-1]


def hand_over(engine: Engine, server: Server, now: datetime = MORNING) -> dict[str, int]:
    return hand_off_due(engine, server, clock=FixedClock(now))


def test_a_published_batch_is_handed_over_once(engine: Engine, tmp_path: Path) -> None:
    batch, server = published(engine, tmp_path), Server()
    assert hand_over(engine, server) == {"dropped": 1}
    assert hand_over(engine, server, MORNING + 2 * LEASE) == {}
    assert server.fetched == [batch.name]
    [after] = batches(engine)
    assert (after.handoff_status, after.handed_off_at) == (HandoffStatus.DROPPED, MORNING)
    with transaction(engine) as session:
        told = builders.events(session, PrintBatchEnded.KIND)
        assert [each["status"] for each in told] == ["published", "dropped"]


def test_a_batch_that_nobody_wants_there_stays(sqlite_engine: Engine, tmp_path: Path) -> None:
    published(sqlite_engine, tmp_path, handed_off=False)
    assert hand_over(sqlite_engine, Server()) == {}


@pytest.mark.parametrize("where", ["before", "uploaded", "unnamed", "named"])
@pytest.mark.parametrize("dies", [False, True])
def test_whatever_breaks_it_is_there_once_in_the_end(
    sqlite_engine: Engine, tmp_path: Path, where: str, dies: bool
) -> None:
    batch = published(sqlite_engine, tmp_path)
    if dies:
        server = Server(f"dies {where}")
        with pytest.raises(KeyboardInterrupt):
            hand_over(sqlite_engine, server)
    else:
        server = Server(where)
        assert hand_over(sqlite_engine, server) == {"failed": 1}
        with transaction(sqlite_engine) as session:
            [shown] = batches_not_handed_off(session)
            assert shown.handoff_error == f"the line broke, {where}"
    assert hand_over(sqlite_engine, server, MORNING + timedelta(minutes=1)) == {}, "not at once"
    later = MORNING + (LEASE if dies else AGAIN)
    assert hand_over(sqlite_engine, server, later) == {"dropped": 1}
    assert (server.fetched, server.parts) == ([batch.name], set())
    with transaction(sqlite_engine) as session:
        assert batches_not_handed_off(session) == []


def test_letters_that_are_stopped_are_not_handed_over(sqlite_engine: Engine, tmp_path: Path) -> None:
    published(sqlite_engine, tmp_path)
    server = Server()
    with transaction(sqlite_engine) as session:
        stop_channel(session, Destination.POST, "wrong words", by=Actor.user("maria"), now=MORNING)
    assert hand_over(sqlite_engine, server) == {}
    with transaction(sqlite_engine) as session:
        start_channel(session, Destination.POST, by=Actor.user("maria"), now=MORNING)
    assert hand_over(sqlite_engine, server) == {"dropped": 1}
