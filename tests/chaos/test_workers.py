"""Several workers on one database: real processes of `python -m app.programs jobs`, and many hands on one customer."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CaseOpened
from app.core.actor import SYSTEM
from app.core.clock import FixedClock, local_date
from app.core.database.engine import make_engine, transaction
from app.core.errors import Conflict
from app.core.vocabulary import Channel
from app.operations.day.closing import run_days
from app.operations.day.events import DayClosed
from app.operations.invariants.checks import thorough
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.places.coverage import adopt_pack
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders, provider
from tests.provider import Provider


@pytest.fixture
def twilio() -> Iterator[Provider]:
    with provider.running() as stub:
        yield stub


@pytest.fixture
def worker_env(process_env: Mapping[str, str], twilio: Provider) -> dict[str, str]:
    return {
        **process_env,
        "DESK_SECRET_KEY": "s" * 40,
        "DESK_SMS": "twilio",
        "DESK_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "DESK_TWILIO_AUTH_TOKEN": "t" * 32,
        "DESK_TWILIO_FROM": "+15005550006",
        "DESK_TWILIO_API_URL": twilio.url,
        "DESK_LEASE_SECONDS": "5",
        "DESK_DELIVERY_BATCH": "10",
        "DESK_SMS_SEGMENTS_PER_SECOND": "100000",
    }


@contextmanager
def workers(
    number: int, env: Mapping[str, str], url: str, cwd: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes; those still running at the end are asked to stop, and must."""
    command = [sys.executable, "-m", "app.programs", "jobs"]
    processes = []
    with (cwd / "jobs.log").open("ab") as log:
        for _ in range(number):
            here = {**env, "DESK_DATABASE_URL": url}
            processes.append(subprocess.Popen(command, env=here, cwd=cwd, stdout=log, stderr=log))
        try:
            yield processes
            for process in processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in processes:
                assert process.wait(60) in (0, -signal.SIGKILL), (
                    "a worker that was asked to stop must end well"
                )
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()


def zone_where_it_is_early_afternoon() -> str:
    """Contact is permitted there now, and for hours to come, whenever these tests run."""
    now = datetime.now(UTC)
    lands = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Pacific/")
    zones = (zone for zone in sorted(available_timezones()) if zone.startswith(lands))
    return next(zone for zone in zones if now.astimezone(ZoneInfo(zone)).hour == 13)


def wait_until(true: Callable[[], bool], seconds: float, why: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def todays_book(engine: Engine, customers: int, *, closed_days_ago: int) -> date:
    """A book whose customers all get their first SMS in the night before today, closed up to some days ago.

    Returns the last day that is over.
    """
    zone = zone_where_it_is_early_afternoon()
    now = datetime.now(UTC)
    yesterday = local_date(now, zone) - timedelta(days=1)
    with transaction(engine) as session:
        book = builders.portfolio(session, timezone=zone)
        adopt_pack(session, book, "MX", book.pack, "as in our own country", by=SYSTEM, now=now)
        for n in range(customers):
            # Neither the country nor the number says where they are, so that only their zone counts.
            where = {"timezone": zone, "country": "MX", "mobile": f"+12125550{100 + n}"}
            builders.late_customer(session, book, due_on=yesterday - timedelta(days=3), **where)
    last = yesterday - timedelta(days=closed_days_ago)
    run_days(engine, builders.BOOK, last, builders.catalog(), now=now)
    return yesterday


def unsettled(engine: Engine) -> int:
    waiting = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING)
    return builders.count(engine, OutboxMessage, sa.column("status").in_(waiting))


@pytest.mark.postgres
def test_two_workers_on_one_postgresql_close_each_day_once_and_send_each_message_once(
    postgres_url: str, tmp_path: Path, worker_env: dict[str, str], twilio: Provider
) -> None:
    engine = make_engine(postgres_url)
    yesterday = todays_book(engine, 20, closed_days_ago=2)
    with workers(2, worker_env, postgres_url, tmp_path):
        wait_until(lambda: twilio.count() >= 20, 150, "twenty messages were due")
        wait_until(lambda: unsettled(engine) == 0, 30, "every answer is settled")
    taken = [to for to, _ in twilio.taken()]
    assert max(Counter(taken).values()) == 1, "somebody got the same SMS twice"
    assert len(taken) == 20
    rows = builders.messages(engine)
    assert {row.status for row in rows} == {OutboxStatus.SENT}
    assert sorted(row.address for row in rows) == sorted(taken)
    with transaction(engine) as session:
        days = session.scalars(select(DailyRun.business_date).order_by(sa.column("business_date"))).all()
        assert days == [yesterday - timedelta(days=n) for n in (2, 1, 0)]
        closed = Counter(e["business_date"] for e in builders.events(session, DayClosed.KIND))
        assert closed == {day.isoformat(): 1 for day in days}
        assert len(builders.events(session, ContactSent.KIND)) == 20
        assert len(builders.events(session, CaseOpened.KIND)) == 20
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
    engine.dispose()


def test_five_workers_with_four_messages_for_one_customer_send_one(engine: Engine) -> None:
    """The pack allows one written reminder in 24 hours; all five ask at the same moment."""
    on = date(2026, 3, 13)
    with transaction(engine) as session:
        for _ in range(2):
            case = builders.delinquent_case(session, due_on=on - timedelta(days=3), on=on)
            for step in ("a", "b", "c", "d"):
                builders.queued_message(session, case, on=on, step=step)
    now = builders.at(on + timedelta(days=1), 9)
    sender = builders.RecordingSender()
    together = threading.Barrier(5)
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            everywhere = builders.transports({Channel.SMS: sender})
            together.wait(30)
            deliver_due(engine, everywhere, worker=name, clock=FixedClock(now), batch=2)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"worker-{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not failures
    by_customer = Counter(dispatch.to for dispatch in sender.sent)
    assert sorted(by_customer.values()) == [1, 1]
    rows = builders.messages(engine)
    assert Counter(row.status for row in rows) == {OutboxStatus.SENT: 2, OutboxStatus.QUEUED: 6}
    assert all(row.not_before > now for row in rows if row.status is OutboxStatus.QUEUED)
    with transaction(engine) as session:
        assert len(builders.events(session, ContactSent.KIND)) == 2


def test_two_processes_closing_the_same_day_close_it_once(engine: Engine) -> None:
    on = date(2026, 3, 13)
    with transaction(engine) as session:
        book = builders.portfolio(session)
        for n in range(6):
            builders.late_customer(session, book, due_on=on - timedelta(days=n))
    results: list[object] = []

    def close() -> None:
        try:
            results.append([r.already_done for r in builders.close_day(engine, on)])
        except Conflict as error:
            results.append(error)

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, results)) == ["[False]", "[True]"]
    with transaction(engine) as session:
        assert len(builders.events(session, DayClosed.KIND)) == 1
        assert len(builders.events(session, CaseOpened.KIND)) == 5
