"""Print hand-off: uploads published print batches to the print service's server. A process may die between any two
lines, and a batch that the service has is never put there again.

    waiting    its files go to the server under names that the service does not fetch; again as often as it takes
    uploaded   they are there and read as they were written: committed before they get their names
    dropped    they have their names

A worker that dies after `uploaded` leaves files that have their names, or get them from the next worker. Files that are
gone under both names were fetched by the service.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.database.engine import reading, retrying, table_of, transaction
from app.core.timeline.service import NewEvent, record
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.events import PrintBatchEnded
from app.outreach.outbox.models import PrintBatch
from app.outreach.outbox.printing import HandoffFailed, HandoffStatus, PrintService
from app.outreach.outbox.rules import Destination

log = structlog.get_logger("desk.printing")

LEASE = timedelta(minutes=30)
AGAIN = timedelta(minutes=15)
"""After a failure; the service's server is not ours to hammer."""


def hand_off_due(engine: Engine, drop: PrintService, *, clock: Clock) -> dict[str, int]:
    """Hand over the waiting batches, the oldest first; returns how many were dropped, how many failed. Safe to run in
    many processes."""
    counts: Counter[str] = Counter()
    while (held := retrying(partial(_claim, engine, clock.now()))) is not None:
        counts[_hand_over(engine, drop, held, clock)] += 1
    return dict(counts)


@dataclass(frozen=True, slots=True)
class _BatchLease:
    """A batch in the hands of this worker until its lease ends."""

    id: int
    lease_until: datetime


def _claim(engine: Engine, now: datetime) -> _BatchLease | None:
    batch = table_of(PrintBatch)
    open_ = batch.c.handoff_status.in_((HandoffStatus.WAITING, HandoffStatus.UPLOADED))
    with transaction(engine) as session:
        if is_stopped(session, Destination.POST):
            return None
        query = sa.select(batch.c.id).where(open_, batch.c.lease_until <= now).order_by(batch.c.id).limit(1)
        found = session.scalars(query.with_for_update(skip_locked=True)).first()
        if found is None:
            return None
        held = _BatchLease(found, now + LEASE)
        session.execute(sa.update(batch).where(batch.c.id == held.id).values(lease_until=held.lease_until))
        return held


def _hand_over(engine: Engine, drop: PrintService, held: _BatchLease, clock: Clock) -> str:
    with reading(engine) as session:
        batch = session.get_one(PrintBatch, held.id)
    try:
        if batch.handoff_status is HandoffStatus.WAITING:
            drop.upload(batch.name)
            if not retrying(partial(_note, engine, held, HandoffStatus.UPLOADED, clock.now())):
                return "taken_over"
        drop.name(batch.name)
    except HandoffFailed as failed:
        log.error("batch_not_dropped", batch=held.id, why=failed.reason)
        retrying(partial(_note_failure, engine, held, failed.reason, clock.now()))
        return "failed"
    retrying(partial(_note, engine, held, HandoffStatus.DROPPED, clock.now()))
    return "dropped"


def _note(engine: Engine, held: _BatchLease, status: HandoffStatus, now: datetime) -> bool:
    """Note the batch's status; False if another worker has it by now."""
    with transaction(engine) as session:
        batch = _mine(session, held)
        if batch is None:
            return False
        batch.handoff_status, batch.handoff_error = status, ""
        if status is HandoffStatus.DROPPED:
            batch.handed_off_at = now
            ended = PrintBatchEnded(batch.name, status.value, batch.sha256)
            record(session, NewEvent("outbox", ended), by=SYSTEM, now=now)
        return True


def _note_failure(engine: Engine, held: _BatchLease, why: str, now: datetime) -> None:
    with transaction(engine) as session:
        batch = _mine(session, held)
        if batch is not None:
            batch.handoff_error, batch.lease_until = why[:500], now + AGAIN


def _mine(session: Session, held: _BatchLease) -> PrintBatch | None:
    batch = session.get_one(PrintBatch, held.id, with_for_update=True)
    return batch if batch.lease_until == held.lease_until else None
