"""Cleanup: messages that a dead worker left behind, and those that waited too long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import NewEvent, record_many
from app.outreach.delivery.moves import message_event, move, requeue, withhold
from app.outreach.delivery.recheck import too_old
from app.outreach.delivery.transports import Transport
from app.outreach.gate.contact_cases import STALE_AFTER
from app.outreach.gate.decisions import record_decisions
from app.outreach.outbox.claims import Claim, locked_rows
from app.outreach.outbox.events import ContactUnknown
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    Destination,
    OutboxStatus,
)

AT_MOST = 1000
"""Rows of one transaction."""


def recover(session: Session, transports: Mapping[Destination, Transport], *, now: datetime) -> None:
    """Recover what a dead worker left behind: claims go back to the queue, attempts become unknown or are repeated."""
    message = table_of(OutboxMessage)
    left = (
        message.c.status.in_((OutboxStatus.CLAIMED, OutboxStatus.SENDING)),
        message.c.lease_until < now,
    )
    query = sa.select(message.c.id, message.c.customer_id).where(*left).order_by(message.c.id).limit(AT_MOST)
    found = [Claim(*row) for row in session.connection().execute(query)]
    if not found:
        return
    lost: list[NewEvent] = []
    for row in locked_rows(session, found):
        if row.status not in (OutboxStatus.CLAIMED, OutboxStatus.SENDING):
            continue  # another worker was quicker
        if row.lease_until is None or row.lease_until >= now:
            continue
        transport = transports.get(row.destination)
        if row.status is OutboxStatus.CLAIMED or (transport is not None and transport.repeatable):
            requeue(row, row.not_before)
        else:
            move(row, OutboxStatus.UNKNOWN)
            row.finished_at = now
            row.error = "the worker stopped while sending; it may or may not have left"
            lost.append(message_event(row, ContactUnknown(id_of(row), row.letter, row.error)))
    record_many(session, lost, by=SYSTEM, now=now)


def withhold_stale(session: Session, *, now: datetime, at_most: int = AT_MOST) -> int:
    """Withhold messages that waited too long, also where their channel is stopped: their words are no longer true, and
    they must not hold up others. Returns how many."""
    query = (
        select(OutboxMessage, col(Portfolio.timezone))
        .join(Portfolio, col(Portfolio.id) == OutboxMessage.portfolio_id)
        .where(
            OutboxMessage.status == OutboxStatus.QUEUED,
            OutboxMessage.destination != Destination.LEGAL_DESK,
            # A day more, because today is not the same day everywhere.
            col(OutboxMessage.business_date) < now.date() - STALE_AFTER + timedelta(days=1),
        )
        .order_by(col(OutboxMessage.customer_id), col(OutboxMessage.id))
        .limit(at_most)
        .with_for_update(of=OutboxMessage, skip_locked=True)
    )
    rows = [
        row for row, zone in session.execute(query) if local_date(now, zone) - row.business_date > STALE_AFTER
    ]
    told = [withhold(row, too_old(row), now=now) for row in rows]
    record_decisions(session, told, by=SYSTEM, now=now)
    return len(rows)
