"""Outbox reads: counts and lists of messages, stopped channels, workers that are alive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.contacts.models import PlannedContact
from app.core.database.engine import table_of
from app.core.vocabulary import Channel
from app.outreach.outbox.models import ChannelStop, Heartbeat, OutboxMessage, PrintBatch
from app.outreach.outbox.printing import HandoffStatus
from app.outreach.outbox.rules import Destination, OutboxStatus


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message with the details that a list shows beside it."""

    message: OutboxMessage
    customer_name: str
    timezone: str
    """The portfolio's."""


def counts(session: Session) -> dict[tuple[OutboxStatus, Destination], int]:
    """(status, destination) -> messages; messages printed to the console are left out."""
    query = (
        sa.select(col(OutboxMessage.status), col(OutboxMessage.destination), sa.func.count())
        .where(col(OutboxMessage.console_only).is_(False))
        .group_by(col(OutboxMessage.status), col(OutboxMessage.destination))
    )
    return {(status, destination): n for status, destination, n in session.execute(query)}


def count_console_only(session: Session) -> int:
    """Messages that were printed to the console: their status is `sent`, and none of them left."""
    query = sa.select(sa.func.count()).where(col(OutboxMessage.console_only).is_(True))
    return session.scalar(query) or 0


def messages(
    session: Session,
    *,
    status: OutboxStatus | None = None,
    destination: Destination | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[ListedMessage]:
    """Newest first; `before` = the id of the last one seen."""
    query = _listed(status, destination).order_by(col(OutboxMessage.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(OutboxMessage.id) < before)
    return [ListedMessage(*row) for row in session.execute(query)]


def unknown(session: Session, limit: int = 50) -> list[ListedMessage]:
    """Messages that may or may not have left, the oldest first: a person has to find out."""
    query = _listed(OutboxStatus.UNKNOWN, None).order_by(col(OutboxMessage.id)).limit(limit)
    return [ListedMessage(*row) for row in session.execute(query)]


def batches_not_handed_off(session: Session) -> list[PrintBatch]:
    """Published batches that could not be handed over so far, the oldest first."""
    waiting = col(PrintBatch.handoff_status).in_((HandoffStatus.WAITING, HandoffStatus.UPLOADED))
    query = select(PrintBatch).where(waiting, PrintBatch.handoff_error != "").order_by(col(PrintBatch.id))
    return list(session.scalars(query.limit(50)))


def all_messages(
    session: Session, *, status: OutboxStatus | None = None, destination: Destination | None = None
) -> Iterator[ListedMessage]:
    """The whole list, streamed: for an export."""
    query = _listed(status, destination).order_by(col(OutboxMessage.id))
    for row in session.execute(query.execution_options(yield_per=500)):
        yield ListedMessage(*row)


def _listed(
    status: OutboxStatus | None, destination: Destination | None
) -> sa.Select[OutboxMessage, str, str]:
    query = (
        sa.select(OutboxMessage, col(Customer.full_name), col(Portfolio.timezone))
        .join(Customer, col(Customer.id) == OutboxMessage.customer_id)
        .join(Portfolio, col(Portfolio.id) == OutboxMessage.portfolio_id)
    )
    if status is not None:
        query = query.where(col(OutboxMessage.status) == status)
    if destination is not None:
        query = query.where(col(OutboxMessage.destination) == destination)
    return query


def written_on_day(session: Session, case_id: int, step: str, letter: str, on: date) -> set[Channel]:
    """The channels by which this letter was written in the case on that business date, at this step. A message that was
    withheld, such as one that was undone, counts as not written."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = (
        sa.select(contact.c.channel)
        .join(message, message.c.contact_id == contact.c.id)
        .where(
            message.c.case_id == case_id,
            message.c.business_date == on,
            contact.c.step == step,
            contact.c.letter == letter,
            message.c.status != OutboxStatus.WITHHELD,
        )
    )
    return set(session.execute(query).scalars())


def channel_stops(session: Session) -> dict[Destination, ChannelStop]:
    """The channels that are switched off now, and by whom and why."""
    query = select(ChannelStop).where(col(ChannelStop.ended_at).is_(None))
    return {stop.destination: stop for stop in session.scalars(query)}


def bundle_deliveries(session: Session, case_id: int) -> dict[int, OutboxMessage]:
    """Bundle id -> its way to the legal desk."""
    query = select(OutboxMessage).where(
        OutboxMessage.case_id == case_id, OutboxMessage.destination == Destination.LEGAL_DESK
    )
    return {row.bundle_id: row for row in session.scalars(query) if row.bundle_id is not None}


# --- workers --------------------------------------------------------------------------------------------------

ALIVE = timedelta(seconds=60)
"""A worker beats every 15 seconds; three beats missed and it is not alive."""
REMEMBERED = timedelta(hours=24)
"""Workers silent for longer were stopped, not lost, and are not shown."""


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    worker: str
    seen_at: datetime
    alive: bool


def workers(session: Session, now: datetime) -> list[WorkerStatus]:
    """Workers seen within the last day, the latest first."""
    recent = select(Heartbeat).where(col(Heartbeat.at) > now - REMEMBERED)
    return [
        WorkerStatus(row.worker, row.at, now - row.at <= ALIVE)
        for row in session.scalars(recent.order_by(col(Heartbeat.at).desc()))
    ]
