"""Reports: later news about a message, from a provider or a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlmodel import Session

from app.core.actor import SYSTEM, Actor
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import record
from app.outreach.delivery.moves import REPORTED, cannot_arrive, give_up, message_event, move
from app.outreach.gate.suppression import apply_refusal
from app.outreach.outbox.channel_stops import stop_channel
from app.outreach.outbox.claims import Claim, locked_rows
from app.outreach.outbox.dispatch import Failure, Misconfigured
from app.outreach.outbox.events import ContactDelivered, ContactFailed, ContactSent
from app.outreach.outbox.models import ChannelStop, OutboxMessage
from app.outreach.outbox.rules import TRANSITIONS, OutboxStatus, message_of_attempt

log = structlog.get_logger("desk.delivery")


def note_status(
    session: Session,
    status: OutboxStatus,
    detail: str = "",
    *,
    attempt_id: str = "",
    provider_ref: str = "",
    failure: Failure | None = None,
    known_by: str = "the provider's report",
    now: datetime,
) -> bool:
    """Note a provider's report on a message, named by our attempt or by its own reference. SENT = the provider has it,
    and no more is known. A report may come before the result of the attempt is recorded, or for an unknown attempt.
    `failure` is why it did not arrive, with the consequences of the same result. False if the message is not ours;
    a repeated report changes nothing."""
    row = _reported_row(session, attempt_id, provider_ref)
    if row is None:
        return False
    if row.provider_ref and provider_ref and row.provider_ref != provider_ref:
        log.error("two_messages_for_one_attempt", message=row.reference)
        return True
    row.provider_ref = row.provider_ref or provider_ref[:120]
    if row.status not in REPORTED and OutboxStatus.SENT in TRANSITIONS[row.status]:
        prove_sent(session, row, known_by, now=now)
    if status is OutboxStatus.SENT or status not in TRANSITIONS[row.status]:
        return True
    if status is OutboxStatus.DELIVERED:
        move(row, status)
        row.error, row.finished_at = detail[:500], now
    else:
        cannot_arrive(row, status, detail, now=now)
    reported = ContactDelivered if status is OutboxStatus.DELIVERED else ContactFailed
    payload = reported(id_of(row), row.letter, detail=detail)
    record(session, message_event(row, payload), by=SYSTEM, now=now)
    if failure is not None and status is not OutboxStatus.DELIVERED:
        apply_refusal(session, row, failure, now=now)
        if isinstance(failure, Misconfigured) and not _started_since(session, row):
            stop_channel(session, row.destination, failure.reason, by=SYSTEM, now=now)
    return True


def _started_since(session: Session, row: OutboxMessage) -> bool:
    """True if a person started the channel again after this message left. Its fault is then mended, and a late report
    must not stop the channel once more."""
    stop = table_of(ChannelStop)
    ended = sa.select(stop.c.id).where(
        stop.c.destination == row.destination, stop.c.ended_at >= (row.sent_at or row.created_at)
    )
    return session.execute(ended.limit(1)).first() is not None


def _reported_row(session: Session, attempt_id: str, provider_ref: str) -> OutboxMessage | None:
    """The row under lock, by the attempt if it is still the last one, else by the provider's reference."""
    message = table_of(OutboxMessage)
    query = sa.select(message.c.id, message.c.customer_id)
    named = []
    if (message_id := message_of_attempt(attempt_id)) is not None:
        named.append(query.where(message.c.id == message_id, message.c.attempt_id == attempt_id))
    if provider_ref:
        named.append(query.where(message.c.provider_ref == provider_ref))
    for each in named:
        found = session.execute(each).first()
        if found is not None:
            [row] = locked_rows(session, [Claim(*found)])
            return row
    return None


def prove_sent(session: Session, row: OutboxMessage, source: str, *, now: datetime) -> None:
    """Move the message to `sent`, because the provider has it. It counts from its attempt."""
    move(row, OutboxStatus.SENT)
    row.sent_at, row.finished_at, row.error, row.claimed_by = row.attempted_at or now, now, "", ""
    row.fallback_at = None
    sent = ContactSent(
        id_of(row), row.letter, row.address, row.provider_ref, row.template_version, known_by=source
    )
    event = replace(message_event(row, sent), at=row.sent_at)
    record(session, event, by=SYSTEM, now=now)


def resolve_unknown(
    session: Session, row: OutboxMessage, *, was_sent: bool, by: Actor, now: datetime
) -> None:
    """Record what a person found out about an unknown message. It is never sent again."""
    move(row, OutboxStatus.SENT if was_sent else OutboxStatus.FAILED)
    row.finished_at = now
    if was_sent:
        row.sent_at = row.attempted_at or now
    else:
        give_up(row, now=now)
    found = ContactSent if was_sent else ContactFailed
    payload = found(id_of(row), row.letter, to=row.address, resolved_by=by)
    event = replace(message_event(row, payload), at=row.sent_at)
    record(session, event, by=by, now=now)
