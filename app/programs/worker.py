"""The worker: one method for each thing it does on a tick."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from datetime import timedelta

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from app.actions.people.retention import (
    forget_advice,
    forget_hardship,
    forget_needs,
    forget_negotiations,
    forget_people,
    forget_statements,
)
from app.book.feeds.uploads import forget_uploads
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.casework.knowledge.backlog import forget_misses
from app.core.actor import SYSTEM
from app.core.clock import FixedClock
from app.core.database.bulk import upsert
from app.core.database.engine import Busy, reading, transaction
from app.core.settings import Settings
from app.core.staff.drafts import purge_drafts
from app.core.text import counted
from app.inbound.bounces.service import collect
from app.inbound.interpretation import interpret_due
from app.inbound.missed import fetch_missed
from app.legal.timestamps.service import stamp_due
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import end_alert, raise_alert, tell_due
from app.operations.clock_watch import ClockWatch, database_time
from app.operations.day.closing import run_days
from app.operations.day.runs import day_due
from app.operations.digests.sending import make_due, send_due
from app.outreach.delivery.print_handoff import hand_off_due
from app.outreach.delivery.printing import print_due
from app.outreach.delivery.reconcile import reconcile, reconcile_letters
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.decisions import forget_facts
from app.outreach.outbox.models import Heartbeat
from app.outreach.outbox.rules import Destination
from app.outreach.planning.fallback import fall_back_due
from app.programs.ports import WorkerPorts
from app.reporting.analytics.service import export_analytics

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
        """Reason why the clock was not believed at the last look; '' = it was, None = not looked yet."""

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
        """Read the e-mails that came back."""
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

    def export(self) -> None:
        """Write the analytics files of portfolios that closed a day since they were written last."""
        if self.settings.analytics_dir is None:
            return
        with reading(self.engine) as session:
            portfolios = session.scalars(select(Portfolio)).all()
        for portfolio in portfolios:
            with contextlib.suppress(Busy):  # another worker is at it
                done = export_analytics(self.engine, portfolio, self.settings.analytics_dir, wait=False)
                if done:
                    log.info("analytics_exported", portfolio=portfolio.code, through=str(done.through))

    def send_digests(self) -> None:
        """Make the digests that a night made due, and send those whose moment has come."""
        ports = self.ports.digests
        if ports is None:
            return
        make_due(self.engine, ports.pages_url, now=self.ports.clock.now())
        counts = send_due(
            self.engine,
            ports,
            clock=self.ports.clock,
            lease=timedelta(seconds=self.settings.lease_seconds),
            stopping=self.stopping.is_set,
        )
        if counts:
            log.info("digests_sent", **counts)

    def stamp(self) -> None:
        """Have bundles and the timeline's days stamped that have no time stamp yet."""
        authority = self.ports.time_authority
        if authority is None:
            return
        now = self.ports.clock.now()
        if done := stamp_due(self.engine, authority, now=now, stopping=self.stopping.is_set):
            log.info("time_stamped", stamps=done)

    def tell(self) -> None:
        """Tell people of failures, and of those that are over; also that the clock is wrong, by the database's
        clock."""
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
        detail = f"{tick} has failed {counted(self._failures[tick], 'time')} in a row: {error}"
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
        """True if ticks may go by the clock. If not, it is logged and an alert says so, once in each state."""
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
            people = forget_people(session, by=SYSTEM, now=self.ports.clock.now())
            hardship = forget_hardship(session, by=SYSTEM, now=self.ports.clock.now())
            households = forget_statements(session, by=SYSTEM, now=self.ports.clock.now())
            negotiations = forget_negotiations(session, by=SYSTEM, now=self.ports.clock.now())
            advice = forget_advice(session, by=SYSTEM, now=self.ports.clock.now())
            needs = forget_needs(session, by=SYSTEM, now=self.ports.clock.now())
            searches = forget_misses(session, now=self.ports.clock.now())
            purge_drafts(session, now=self.ports.clock.now())
        if forgotten:
            log.info("facts_forgotten", decisions=forgotten)
        if people:
            log.info("people_forgotten", rows=people)
        if hardship:
            log.info("hardship_forgotten", rows=hardship)
        if households:
            log.info("households_forgotten", rows=households)
        if negotiations:
            log.info("negotiations_forgotten", rows=negotiations)
        if advice:
            log.info("advice_forgotten", rows=advice)
        if needs:
            log.info("support_needs_forgotten", rows=needs)
        if searches:
            log.info("searches_forgotten", rows=searches)
        uploads = forget_uploads(self.settings.upload_dir, now=self.ports.clock.now())
        if uploads:
            log.info("uploads_forgotten", uploads=uploads)
