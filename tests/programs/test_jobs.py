"""The worker's ticks: when a business day is over, and what a tick leaves alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.portfolios.models import DailyRun, Portfolio
from app.core.clock import FixedClock
from app.core.database.engine import exclusive, transaction
from app.core.settings import Settings
from app.core.vocabulary import Channel
from app.operations.day.runs import day_due
from app.outreach.outbox.models import Heartbeat
from app.outreach.outbox.rules import OutboxStatus
from app.programs.ports import WorkerPorts
from app.programs.worker import Worker
from tests import builders

DAY = date(2026, 3, 12)


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("Asia/Shanghai", "2026-03-13T01:59+08:00", date(2026, 3, 11)),
        ("Asia/Shanghai", "2026-03-13T02:00+08:00", date(2026, 3, 12)),
        ("Asia/Shanghai", "2026-03-13T23:59+08:00", date(2026, 3, 12)),
        ("America/New_York", "2026-03-13T01:00+00:00", date(2026, 3, 11)),  # still the 12th there, 21:00
        ("America/New_York", "2026-03-08T03:00-04:00", date(2026, 3, 7)),  # 02:00 did not exist that night
        ("America/New_York", "2026-11-01T01:30-04:00", date(2026, 10, 30)),  # 01:30 came twice that night
        ("America/New_York", "2026-11-01T01:30-05:00", date(2026, 10, 30)),
        ("Pacific/Kiritimati", "2026-03-12T12:00+00:00", date(2026, 3, 12)),
    ],
)
def test_a_day_is_over_where_the_portfolio_is(zone: str, now: str, due: date) -> None:
    book = Portfolio(timezone=zone)
    assert day_due(book, datetime.fromisoformat(now).astimezone(UTC), night_hour=2) == due


@pytest.fixture
def worker(engine: Engine) -> Worker:
    sender = builders.RecordingSender()
    ports = WorkerPorts(FixedClock(builders.night_after(DAY)), builders.catalog(), {Channel.SMS: sender})
    return Worker(engine, ports, Settings(secret_key="s" * 40))


def closed(worker: Worker) -> list[date]:
    with transaction(worker.engine) as session:
        return sorted(session.scalars(select(DailyRun.business_date)))


def test_the_night_catches_up_what_was_missed_and_then_rests(worker: Worker) -> None:
    with transaction(worker.engine) as session:
        builders.portfolio(session)
    worker.night()
    assert closed(worker) == [], "the first day is a person's decision"
    builders.close_day(worker.engine, DAY - timedelta(days=2))
    worker.night()
    assert closed(worker) == [DAY - timedelta(days=2), DAY - timedelta(days=1), DAY]
    with transaction(worker.engine) as session:
        before = [row.model_dump() for row in session.scalars(select(DailyRun))]
    worker.night()
    with transaction(worker.engine) as session:
        assert [row.model_dump() for row in session.scalars(select(DailyRun))] == before


def test_a_portfolio_that_another_process_is_closing_is_left_to_it(worker: Worker) -> None:
    with transaction(worker.engine) as session:
        builders.portfolio(session, "BUSY")
        builders.portfolio(session, "FREE")
    for code in ("BUSY", "FREE"):
        builders.close_day(worker.engine, DAY - timedelta(days=1), code=code)
    with exclusive(worker.engine, "portfolio-BUSY", wait=False):
        worker.night()
    with transaction(worker.engine) as session:
        query = select(Portfolio.code).join(DailyRun).where(DailyRun.business_date == DAY)
        assert session.scalars(query).all() == ["FREE"]
    worker.night()
    assert closed(worker).count(DAY) == 2


def test_a_worker_says_that_it_lives(worker: Worker) -> None:
    clock = worker.ports.clock
    assert isinstance(clock, FixedClock)
    worker.heartbeat()
    clock.advance(timedelta(seconds=15))
    worker.heartbeat()
    with transaction(worker.engine) as session:
        beat = session.scalars(select(Heartbeat)).one()
        assert (beat.worker, beat.at, beat.at - beat.started_at) == (
            worker.name, clock.now(), timedelta(seconds=15),
        )  # fmt: skip


def test_the_delivery_tick_sends_what_is_due_on_the_channels_it_serves(worker: Worker) -> None:
    with transaction(worker.engine) as session:
        case = builders.delinquent_case(session, due_on=DAY - timedelta(days=3), on=DAY)
        builders.queued_message(session, case, on=DAY)
        builders.queued_message(session, case, on=DAY, step="letter", channel=Channel.POST)
    worker.ports.clock.advance(timedelta(hours=7))  # type: ignore[attr-defined]
    assert worker.deliver() == {"sent": 1}
    assert {m.destination.value: m.status for m in builders.messages(worker.engine)} == {
        "sms": OutboxStatus.SENT,
        "post": OutboxStatus.QUEUED,
    }
