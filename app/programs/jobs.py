"""The worker process. APScheduler only ticks; what is due is read from rows, so any number of workers may tick.

| tick      | every | does |
|-----------|-------|------|
| heartbeat | 15 s  | says that this worker is alive |
| deliver   | 5 s   | sends what is due in the outbox; one tick for each channel, so that none waits for another |
| read      | 5 s   | acts on what customers wrote: holds, START, HELP |
| fetch     | 15 min | looks in the provider's list for what customers wrote and did not reach us (a setting) |
| reconcile | 60 s  | looks up with the provider what may or may not have been sent |
| fall back | 60 s  | goes on by another channel where a message cannot arrive |
| bounces   | 60 s  | reads and empties the mailbox of undeliverable e-mail |
| print     | 60 s  | prints the day's letters as one batch, where they are printed so, and hands it over |
| night     | 60 s  | closes the business days that are over, missed ones first |
| tell      | 60 s  | tells people of alerts: what failed, and what is over |
| forget    | 1 h   | deletes what decisions were based on when it may not be kept longer, and uploads left alone |
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from app.book.feeds.uploads import forget_uploads
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.clock import FixedClock
from app.core.database.bulk import upsert
from app.core.database.engine import Busy, reading, transaction
from app.core.database.health import trouble_of
from app.core.kit.parallel import collect_garbage_seldom
from app.core.kit.processes import finish
from app.core.settings import Settings
from app.inbound.bounces.service import collect
from app.inbound.interpretation import interpret_due
from app.inbound.missed import fetch_missed
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert, tell_due
from app.operations.clock_watch import ClockWatch, database_time
from app.operations.day.closing import run_days
from app.operations.day.runs import day_due
from app.outreach.delivery.print_handoff import hand_off_due
from app.outreach.delivery.printing import print_due
from app.outreach.delivery.reconcile import reconcile, reconcile_letters
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.decisions import forget_facts
from app.outreach.outbox.models import Heartbeat
from app.outreach.outbox.rules import Destination
from app.outreach.planning.fallback import fall_back_due
from app.programs.ports import WorkerPorts

log = structlog.get_logger("desk.jobs")

CLOCK = "clock"
HELD = (
    "The worker closes no day, sends and reads nothing until its clock is right. Put it right; if it is, start the "
    "worker once with `desk jobs --trust-clock`."
)
FAILURES_OF_AN_ALERT = 3
"""In a row. A database that is busy for a moment is no news to a person."""


class Worker:
    """One worker process' ticks. Each may be called at any time, in any process, any number of times."""

    def __init__(
        self, engine: Engine, ports: WorkerPorts, settings: Settings, *, trust_clock: bool = False
    ) -> None:
        self.engine, self.ports, self.settings = engine, ports, settings
        self.clock_watch = ClockWatch(engine, ports.clock, trusted=trust_clock)
        self.name = f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.started_at = ports.clock.now()
        self.stopping = threading.Event()
        """Long ticks end what they have begun, and begin nothing more."""
        self._failures: dict[str, int] = {}
        """Ticks that failed, and how often in a row; 0 = known to be well."""
        self._clock_trouble: str | None = None
        """Why the clock was not believed at the last look; '' = it was, None = not looked yet."""

    def heartbeat(self) -> None:
        now = self.ports.clock.now()
        with transaction(self.engine) as session:
            row = upsert(session, Heartbeat).values(worker=self.name, at=now, started_at=self.started_at)
            session.execute(row.on_conflict_do_update(index_elements=["worker"], set_={"at": now}))

    def deliver(self, only: Destination | None = None) -> dict[str, int]:
        counts = deliver_due(
            self.engine,
            self.ports.transports(),
            worker=self.name,
            clock=self.ports.clock,
            batch=self.settings.delivery_batch,
            lease=timedelta(seconds=self.settings.lease_seconds),
            only=only,
            stopping=self.stopping.is_set,
        )
        if counts:
            log.info("delivered", **counts)
        return counts

    def read(self) -> dict[str, int]:
        counts = interpret_due(self.engine, self.ports.catalog, self.ports.clock)
        if counts:
            log.info("messages_read", **counts)
        return counts

    def fetch_missed(self) -> dict[str, int]:
        if self.ports.sms_inbox is None:
            return {}
        counts = fetch_missed(self.engine, self.ports.sms_inbox, self.ports.catalog, clock=self.ports.clock)
        if counts:
            log.info("missed_messages_fetched", **counts)
        return counts

    def reconcile(self) -> None:
        if self.ports.sms_lookup is not None:
            counts = reconcile(self.engine, self.ports.sms_lookup, clock=self.ports.clock)
            if counts:
                log.info("looked_up", **counts)
        if self.ports.printed is not None:
            counts = reconcile_letters(self.engine, self.ports.printed, clock=self.ports.clock)
            if counts:
                log.info("letters_looked_up", **counts)

    def fall_back(self) -> None:
        queued = fall_back_due(self.engine, self.ports.catalog, clock=self.ports.clock)
        if queued:
            log.info("fallen_back", messages=queued)

    def bounces(self) -> dict[str, int]:
        """Read what came back by e-mail."""
        if self.ports.bounces is None:
            return {}
        counts = collect(
            self.engine, self.ports.bounces, clock=self.ports.clock, stopping=self.stopping.is_set
        )
        if counts:
            log.info("bounces_read", **counts)
        return counts

    def print_letters(self) -> None:
        if self.ports.press is not None:
            counts = print_due(
                self.engine,
                self.ports.press,
                self.ports.catalog,
                worker=self.name,
                clock=self.ports.clock,
                hour=self.settings.print_hour,
                handed_off=self.ports.drop is not None,
            )
            if counts:
                log.info("printed", **counts)
        if self.ports.drop is not None:
            handed = hand_off_due(self.engine, self.ports.drop, clock=self.ports.clock)
            if handed:
                log.info("handed_over", **handed)

    def night(self) -> None:
        """Close every portfolio's days that are over. A portfolio that was never closed starts by hand
        (`desk day`), because only a person knows from which day on its feeds are complete."""
        now = self.ports.clock.now()
        with reading(self.engine) as session:
            portfolios = session.scalars(select(Portfolio)).all()
            last = {p.code: last_closed(session, p) for p in portfolios}
        for portfolio in portfolios:
            due = day_due(portfolio, now, self.settings.night_hour)
            known = last[portfolio.code]
            if known is None or known >= due:
                continue
            try:
                reports = run_days(self.engine, portfolio.code, due, self.ports.catalog, now=now, wait=False)
            except Busy:
                continue  # another worker is at it
            except Exception as error:  # one portfolio's trouble must not keep the others open
                log.error("day_failed", portfolio=portfolio.code, error=type(error).__name__)
                continue
            log.info("days_closed", portfolio=portfolio.code, days=[str(r.business_date) for r in reports])

    def tell(self) -> None:
        """Tell people of what failed, and of what is over; also that the clock is wrong, by the database's clock."""
        clock = self.ports.clock
        if self._clock_trouble and (at := database_time(self.engine)) is not None:
            clock = FixedClock(at)
        told = tell_due(self.engine, self.ports.messengers, clock=clock)
        if told:
            log.info("alerts_told", news=told)

    def note_failure(self, tick: str, error: str) -> None:
        """Count a tick that failed; from the third time in a row on it is an alert."""
        self._failures[tick] = self._failures.get(tick, 0) + 1
        if self._failures[tick] < FAILURES_OF_AN_ALERT:
            return
        detail = f"{tick} has failed {self._failures[tick]} times in a row: {error}"
        with transaction(self.engine) as session:
            raise_alert(session, AlertKind.TICK_FAILED, tick, detail, now=self.ports.clock.now())

    def note_success(self, tick: str) -> None:
        """End the alert of a tick, another worker's too, once after start and after each failure."""
        if self._failures.get(tick) == 0:
            return
        with transaction(self.engine) as session:
            end_alert(session, AlertKind.TICK_FAILED, tick, now=self.ports.clock.now())
        self._failures[tick] = 0

    def believes_clock(self) -> bool:
        """Whether ticks may go by the clock. Where not, it is logged and an alert says so, once in each state."""
        trouble = self.clock_watch.trouble()
        if trouble is not None and not self._clock_trouble:
            log.error("clock_not_believed", reason=trouble)
            at = database_time(self.engine) or self.ports.clock.now()
            with contextlib.suppress(SQLAlchemyError), transaction(self.engine) as session:
                raise_alert(session, AlertKind.TICK_FAILED, CLOCK, f"{trouble} {HELD}", now=at)
        if trouble is None and self._clock_trouble != "":
            with contextlib.suppress(SQLAlchemyError), transaction(self.engine) as session:
                end_alert(session, AlertKind.TICK_FAILED, CLOCK, now=self.ports.clock.now())
        self._clock_trouble = trouble if trouble is not None else ""
        return trouble is None

    def forget(self) -> None:
        with transaction(self.engine) as session:
            forgotten = forget_facts(session, by=SYSTEM, now=self.ports.clock.now())
        if forgotten:
            log.info("facts_forgotten", decisions=forgotten)
        uploads = forget_uploads(self.settings.upload_dir, now=self.ports.clock.now())
        if uploads:
            log.info("uploads_forgotten", uploads=uploads)


def start(worker: Worker) -> BackgroundScheduler:
    """Start ticking; call `shutdown()` on what is returned. Ticks never overlap themselves."""
    # A tick that is left out because the last one is still at work is nothing to tell anybody.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    ticks: list[tuple[Callable[[], object], int]] = [
        (worker.heartbeat, 15),
        (worker.read, 5),
        *((partial(worker.deliver, destination), 5) for destination in worker.ports.transports()),
        (worker.fetch_missed, 60 * (worker.settings.missed_sms_minutes or 15)),
        (worker.reconcile, 60),
        (worker.fall_back, 60),
        (worker.bounces, 60),
        (worker.print_letters, 60),
        (worker.night, 60),
        (worker.tell, 60),
        (worker.forget, 3600),
    ]
    for tick, seconds in ticks:
        scheduler.add_job(
            _guarded(worker, tick),
            "interval",
            seconds=seconds,
            next_run_time=worker.started_at,
            misfire_grace_time=3600,
            id=_name(tick),
        )
    scheduler.start()
    return scheduler


def _guarded(worker: Worker, tick: Callable[[], object]) -> Callable[[], None]:
    """A tick that fails is logged (its kind, not its data) and comes again; people hear of it when it goes on."""
    name = _name(tick)

    def run() -> None:
        if not worker.believes_clock() and tick != worker.tell:
            return
        try:
            tick()
        except Exception as error:  # noqa: BLE001 - a worker must outlive any one failure
            kind, trouble = type(error).__name__, trouble_of(error)
            database = trouble.name.lower() if trouble else None
            log.error("tick_failed", tick=name, error=kind, database=database, exc_info=False)
            with contextlib.suppress(SQLAlchemyError):
                worker.note_failure(name, f"{kind}. {trouble}" if trouble else f"{kind}.")
        else:
            with contextlib.suppress(SQLAlchemyError):
                worker.note_success(name)

    return run


def _name(tick: Callable[[], object]) -> str:
    if isinstance(tick, partial):
        return f"{tick.func.__name__} {tick.args[0].value}"
    return tick.__name__


def run_forever(worker: Worker, stop: threading.Event) -> None:
    """Tick until `stop` is set, then let running ticks finish, for some seconds."""
    collect_garbage_seldom()
    scheduler = start(worker)
    log.info("worker_started", worker=worker.name)
    last = worker.ports.clock.now()
    while not stop.wait(15):
        now = worker.ports.clock.now()
        if last - now > timedelta(minutes=1):  # the scheduler would wait until the old time comes again
            for job in scheduler.get_jobs():
                job.modify(next_run_time=now)
        last = now
    worker.stopping.set()
    finish(lambda: scheduler.shutdown(wait=True))
