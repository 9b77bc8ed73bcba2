"""A worker whose clock has jumped closes and sends nothing and says so; one that was off for a month catches up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.core.clock import FixedClock, SystemClock
from app.core.database.engine import reading, transaction
from app.core.settings import Settings
from app.operations.alerts.models import AlertNotice
from app.operations.alerts.rules import AlertNews
from app.operations.alerts.service import open_alerts
from app.operations.clock_watch import ClockWatch
from app.outreach.outbox.models import Heartbeat
from app.programs.jobs import _guarded
from app.programs.worker import CLOCK, Worker
from tests.web.desk import make_ports

DAYS = timedelta(days=40)


class SetClock(SystemClock):
    """The machine's clock, set wrong by `off`."""

    def __init__(self, off: timedelta = timedelta()) -> None:
        self.off = off

    def now(self) -> datetime:
        return super().now() + self.off


def a_worker(engine: Engine, clock: SystemClock | FixedClock) -> Worker:
    settings = Settings.model_validate({"secret_key": "a secret of forty characters for tests.."})
    return Worker(engine, make_ports(clock, settings), settings)


@pytest.mark.parametrize("off", [DAYS, -DAYS, timedelta(minutes=6)])
def test_ticks_wait_until_the_clock_is_right(engine: Engine, off: timedelta) -> None:
    clock = SetClock()
    worker = a_worker(engine, clock)
    done: list[str] = []
    tick = _guarded(worker, lambda: done.append("tick"))
    tick()
    clock.off = off
    for _ in range(3):
        tick()
    assert done == ["tick"]
    with reading(engine) as session:
        (alert,) = open_alerts(session)
        assert (alert.subject, alert.times) == (CLOCK, 1)
        assert "trust-clock" in alert.detail
        assert abs(alert.first_at - datetime.now(UTC)) < timedelta(minutes=5)  # not the wrong time
    clock.off = timedelta()
    tick()
    assert done == ["tick", "tick"]
    with reading(engine) as session:
        assert open_alerts(session) == []


def test_people_are_told_of_a_wrong_clock_by_the_worker_that_has_it(engine: Engine) -> None:
    """It may be the only worker; its other ticks wait."""
    heard: list[str] = []

    class Pager:
        name = "pager"

        def tell(self, news: AlertNews) -> None:
            heard.append(news.title)

    clock = SetClock(DAYS)
    worker = a_worker(engine, clock)
    worker.ports = replace(worker.ports, messengers=(Pager(),))
    for _ in range(2):
        _guarded(worker, worker.tell)()
    assert heard == ["The worker cannot do part of its work: clock"]
    with reading(engine) as session:
        (notice,) = session.scalars(select(AlertNotice)).all()
        assert abs(notice.at - datetime.now(UTC)) < timedelta(minutes=5)  # not the wrong time
    clock.off = timedelta()
    for _ in range(2):
        _guarded(worker, worker.tell)()
    assert heard[1:] == ["Over: The worker cannot do part of its work: clock"]


def test_a_worker_that_starts_with_a_wrong_clock_begins_nothing(engine: Engine) -> None:
    watch = ClockWatch(engine, SetClock(DAYS))
    assert "that of the database" in (watch.trouble() or "")


def note(engine: Engine) -> Path:
    return Path(f"{engine.url.database}.clock")


def test_a_clock_that_was_set_while_no_worker_ran_is_noticed(sqlite_engine: Engine) -> None:
    assert ClockWatch(sqlite_engine, SystemClock()).trouble() is None
    said = json.loads(note(sqlite_engine).read_text())
    before = datetime.fromisoformat(said["at"]) - DAYS
    note(sqlite_engine).write_text(json.dumps({**said, "at": before.isoformat()}))

    trouble = ClockWatch(sqlite_engine, SystemClock()).trouble()
    assert "by the time that has passed" in (trouble or "")
    assert ClockWatch(sqlite_engine, SystemClock(), trusted=True).trouble() is None  # somebody looked at it
    assert ClockWatch(sqlite_engine, SystemClock()).trouble() is None


def test_a_machine_that_was_off_for_a_month_catches_up(sqlite_engine: Engine) -> None:
    assert ClockWatch(sqlite_engine, SystemClock()).trouble() is None
    said = json.loads(note(sqlite_engine).read_text())
    before = datetime.fromisoformat(said["at"]) - DAYS
    with transaction(sqlite_engine) as session:
        session.add(Heartbeat(worker="before", at=before, started_at=before))
    for other in ({"boot": "another", "at": before.isoformat(), "running": 5.0}, {}, "junk"):
        note(sqlite_engine).write_text(json.dumps(other))
        assert ClockWatch(sqlite_engine, SystemClock()).trouble() is None


def test_a_clock_behind_the_last_sign_of_life_is_noticed(engine: Engine) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    with transaction(engine) as session:
        session.add(Heartbeat(worker="other", at=later, started_at=later))
    assert "was alive at" in (ClockWatch(engine, SystemClock()).trouble() or "")
    assert ClockWatch(engine, SystemClock(), trusted=True).trouble() is None


def test_the_clock_of_a_simulation_is_its_own(engine: Engine) -> None:
    clock = FixedClock(datetime(2031, 1, 1, tzinfo=UTC))
    watch = ClockWatch(engine, clock)
    assert watch.trouble() is None
    clock.advance(DAYS)
    assert watch.trouble() is None
