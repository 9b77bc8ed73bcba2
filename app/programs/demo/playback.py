"""Playback: plays the demo's past days under a clock of their own: the night, deliveries, and the work of people.

Nothing here knows a real provider: the caller brings the ports, and with them senders that only record.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine

from app.book.portfolios.models import Portfolio
from app.core.clock import FixedClock, local_instant
from app.core.database.engine import transaction
from app.http.ports import Ports
from app.operations.day.closing import DayReport, run_days
from app.outreach.delivery.reports import note_status
from app.outreach.delivery.sending import deliver_due
from app.outreach.outbox.dispatch import Accepted, Dispatch, SendResult, Undeliverable
from app.outreach.outbox.rules import OutboxStatus

DELIVERY_HOURS = (9, 15)
NIGHT = (2, 30)


@dataclass
class DemoSender:
    """A provider that accepts nearly everything; the accepted messages are in `accepted`, by reference."""

    random: random.Random
    undeliverable_share: float = 0.01
    accepted: list[str] = field(default_factory=list)

    def send(self, dispatch: Dispatch) -> SendResult:
        if self.random.random() < self.undeliverable_share:
            return Undeliverable("simulated: the address does not exist")
        self.accepted.append(f"simulated-{dispatch.attempt_id}")
        return Accepted(self.accepted[-1])


def play_days(
    engine: Engine,
    portfolio: Portfolio,
    first: date,
    last: date,
    ports: Ports,
    clock: FixedClock,
    *,
    stop_at: datetime,
    feeds: Callable[[date, datetime], object],
    people: Callable[[date, datetime], None],
    progress: Callable[[DayReport], None],
) -> None:
    """Load the `feeds` of every day from `first` to `last` and close it; each following day messages leave and `people`
    do their work.

    Nothing happens after `stop_at`, and what the last night planned stays queued. `clock` is the one in `ports`.
    """
    on = first
    while on <= last:
        tomorrow = on + timedelta(days=1)
        clock.at = min(local_instant(tomorrow, *NIGHT, portfolio.timezone), stop_at)
        feeds(on, clock.at)
        reports = run_days(engine, portfolio.code, on, ports.catalog, now=clock.at)
        for hour in DELIVERY_HOURS:
            at = local_instant(tomorrow, hour, 0, portfolio.timezone)
            if at > stop_at or on == last:
                break
            clock.at = at
            deliver_due(engine, ports.transports(), worker="simulation", clock=clock, batch=500)
            _report_deliveries(engine, ports, clock.at)
        noon = local_instant(tomorrow, 11, 0, portfolio.timezone)
        if on < last and noon <= stop_at:
            clock.at = noon
            people(tomorrow, noon)
        progress(reports[-1])
        on = tomorrow


def _report_deliveries(engine: Engine, ports: Ports, now: datetime) -> None:
    """Let the simulated providers report on the messages they accepted."""
    with transaction(engine) as session:
        for sender in ports.senders.values():
            if isinstance(sender, DemoSender):
                for reference in sender.accepted:
                    failed = sender.random.random() < 0.03
                    status = OutboxStatus.UNDELIVERED if failed else OutboxStatus.DELIVERED
                    detail = "simulated: handset unreachable" if failed else ""
                    note_status(session, status, detail, provider_ref=reference, now=now)
                sender.accepted.clear()
