"""Bulk moves: one statement takes a whole set of messages from the claim to `sending`, or from there to `sent`. Each
moves only messages that still stand where their worker left them, and says which those were. Every other move goes row
by row (`moves.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from app.core.database.bulk import among, array_text, instant_speller
from app.core.database.engine import table_of
from app.core.types import Cells
from app.outreach.outbox.claims import Claim
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus


def read_claimed(session: Session, claimed: Iterable[Claim], *, worker: str) -> list[OutboxMessage]:
    """Rows that this worker still has, in id order and in no session: changes to these objects are not written."""
    query = (
        select(OutboxMessage)
        .where(among(session, table_of(OutboxMessage).c.id, [row.row_id for row in claimed]))
        .where(col(OutboxMessage.status) == OutboxStatus.CLAIMED, col(OutboxMessage.claimed_by) == worker)
        .order_by(col(OutboxMessage.id))
    )
    rows = list(session.scalars(query))
    session.expunge_all()
    return rows


class AttemptStart(NamedTuple):
    """A claimed message about to be `sending`."""

    row_id: int
    attempt_id: str
    not_after: datetime


def start_attempts(
    session: Session, rows: Sequence[AttemptStart], *, worker: str, lease_until: datetime, now: datetime
) -> set[int]:
    """Move claims of this worker to `sending`; the ids of those that it still had, and whose customer is sent nothing
    else at the moment: that counts for the gate, and is no event yet. The customers are locked by the caller."""
    spelled = instant_speller(session)
    given = [(row.row_id, row.attempt_id, spelled(row.not_after)) for row in rows]
    return _move(session, _BEGIN, (spelled(now), spelled(lease_until)), given, (worker,))


_BEGIN = {
    "postgresql": """
        UPDATE outbox_message SET status = 'sending', attempts = attempts + 1, attempted_at = %s, lease_until = %s,
            attempt_id = new.attempt_id, not_after = new.not_after
        FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS new(id, attempt_id, not_after)
        WHERE outbox_message.id = new.id AND status = 'claimed' AND claimed_by = %s AND NOT EXISTS (
            SELECT FROM outbox_message AS other
            WHERE other.customer_id = outbox_message.customer_id AND other.status = 'sending'
        )
        RETURNING outbox_message.id
    """,
    # The plus keeps SQLite from going through everything that is claimed.
    "sqlite": """
        UPDATE outbox_message SET status = 'sending', attempts = attempts + 1, attempted_at = ?, lease_until = ?,
            attempt_id = json_extract(new.value, '$[1]'), not_after = json_extract(new.value, '$[2]')
        FROM json_each(?) AS new
        WHERE outbox_message.id = json_extract(new.value, '$[0]') AND +status = 'claimed' AND claimed_by = ?
            AND NOT EXISTS (
                SELECT 1 FROM outbox_message AS other
                WHERE other.customer_id = outbox_message.customer_id AND other.status = 'sending'
            )
        RETURNING id
    """,
}


class AcceptedAttempt(NamedTuple):
    """A message in `sending` that the provider took."""

    row_id: int
    attempt_id: str
    provider_ref: str


def mark_accepted(session: Session, rows: Sequence[AcceptedAttempt], *, now: datetime) -> set[int]:
    """Move messages from `sending` to `sent`; the ids of those where that attempt was still open. The customers are
    locked by the caller."""
    at = instant_speller(session)(now)
    given = [(row.row_id, row.attempt_id, row.provider_ref[:120]) for row in rows]
    return _move(session, _ACCEPT, (at, at), given)


_ACCEPT = {
    "postgresql": """
        UPDATE outbox_message SET status = 'sent', error = '', sent_at = %s, finished_at = %s,
            provider_ref = new.provider_ref
        FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new(id, attempt_id, provider_ref)
        WHERE outbox_message.id = new.id AND status = 'sending' AND outbox_message.attempt_id = new.attempt_id
        RETURNING outbox_message.id
    """,
    "sqlite": """
        UPDATE outbox_message SET status = 'sent', error = '', sent_at = ?, finished_at = ?,
            provider_ref = json_extract(new.value, '$[2]')
        FROM json_each(?) AS new
        WHERE outbox_message.id = json_extract(new.value, '$[0]') AND +status = 'sending'
            AND attempt_id = json_extract(new.value, '$[1]')
        RETURNING id
    """,
}


def _move(
    session: Session,
    statement: Mapping[str, str],
    same: tuple[str, ...],
    rows: Sequence[Cells],
    where: tuple[str, ...] = (),
) -> set[int]:
    if not rows:
        return set()
    connection = session.connection()
    dialect = connection.dialect.name
    given = (json.dumps(rows),) if dialect == "sqlite" else tuple(map(array_text, zip(*rows, strict=True)))
    return set(connection.exec_driver_sql(statement[dialect], (*same, *given, *where)).scalars())
