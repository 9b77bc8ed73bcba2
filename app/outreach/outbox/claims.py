"""Claims: a worker takes due messages for itself, on a lease. A claim that is not used goes back to the queue, at
the latest when its lease ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.outbox.channel_stops import is_stopped
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    Destination,
    OutboxStatus,
)


class Claim(NamedTuple):
    """A message that a worker has taken for itself."""

    row_id: int
    customer_id: int


def claim_of(row: OutboxMessage) -> Claim:
    """Claim on this row."""
    return Claim(id_of(row), row.customer_id)


def claim(
    session: Session,
    destination: Destination,
    *,
    worker: str,
    batch: int,
    lease: timedelta,
    portfolio_id: int | None = None,
    now: datetime,
) -> list[Claim]:
    """Claim the rows that have been due longest, of one portfolio if it is named, for this worker alone; none while the
    channel is stopped."""
    if is_stopped(session, destination):
        return []
    message = table_of(OutboxMessage)
    query = (
        sa.select(message.c.id, message.c.customer_id)
        .where(
            message.c.status == OutboxStatus.QUEUED,
            message.c.not_before <= now,
            message.c.destination == destination,
            *([] if portfolio_id is None else [message.c.portfolio_id == portfolio_id]),
        )
        .order_by(message.c.not_before, message.c.id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    claimed = [Claim(*row) for row in session.connection().execute(query)]
    _update(
        session,
        [row.row_id for row in claimed],
        status=OutboxStatus.CLAIMED,
        claimed_by=worker,
        lease_until=now + lease,
    )
    return claimed


def release_claims(session: Session, row_ids: Sequence[int], *, worker: str) -> None:
    """Release the claims that this worker will not process."""
    table = table_of(OutboxMessage)
    mine = (table.c.status == OutboxStatus.CLAIMED, table.c.claimed_by == worker)
    _update(session, row_ids, *mine, status=OutboxStatus.QUEUED, claimed_by="")


def _update(
    session: Session, row_ids: Sequence[int], *where: sa.ColumnElement[bool], **values: object
) -> None:
    table = table_of(OutboxMessage)
    if row_ids:
        rows = sa.update(table).where(among(session, table.c.id, row_ids), *where)
        session.connection().execute(rows.values(**values))


def locked_rows(
    session: Session, claims: Sequence[Claim], *, held_by: str | None = None
) -> list[OutboxMessage]:
    """Read the rows in id order, under their customers' locks; with `held_by` only those that this worker still has
    claimed. Locks are always taken in this order: customers, then messages."""
    lock_customers(session, {row.customer_id for row in claims})
    query = (
        select(OutboxMessage)
        .where(among(session, table_of(OutboxMessage).c.id, [row.row_id for row in claims]))
        .order_by(col(OutboxMessage.id))
        .with_for_update()
    )
    rows = list(session.scalars(query))
    if held_by is None:
        return rows
    return [row for row in rows if row.status is OutboxStatus.CLAIMED and row.claimed_by == held_by]
