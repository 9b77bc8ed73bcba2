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
| export    | 60 s  | writes analytics files after a night (a setting) |
| digests   | 60 s  | sends what changed and what waits after a night, to those on the list |
| stamp     | 60 s  | has bundles and days of the timeline stamped by a time-stamp authority (a setting) |
| tell      | 60 s  | tells people of alerts: what failed, and what is over |
| forget    | 1 h   | deletes what decisions were based on when it may not be kept longer, and uploads left alone |
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.exc import SQLAlchemyError

from app.core.database.health import trouble_of
from app.core.kit.parallel import collect_garbage_seldom
from app.core.kit.processes import finish
from app.programs.worker import Worker

log = structlog.get_logger("desk.jobs")


def start(worker: Worker) -> BackgroundScheduler:
    """Start ticking; call `shutdown()` on the scheduler it returns. Ticks never overlap themselves."""
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
        (worker.export, 60),
        (worker.send_digests, 60),
        (worker.stamp, 60),
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
