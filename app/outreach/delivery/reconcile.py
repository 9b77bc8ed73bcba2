"""Reconciliation: looks up messages of unknown fate, SMS in the provider's own list, letters on the print manifest.

Only a yes is certain: of SMS exactly one message with the same words, to the same number, at the time of the attempt,
that is no other message of ours; of a letter its own key. That it is not on the list proves nothing: then a person
decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.core.clock import Clock
from app.core.database.engine import reading, table_of, transaction
from app.core.ids import id_of
from app.core.text import counted
from app.outreach.delivery.reports import note_status
from app.outreach.outbox.claims import Claim, locked_rows
from app.outreach.outbox.dispatch import Misconfigured, TryLater
from app.outreach.outbox.lookup import (
    CLOCKS_DIFFER,
    LAST_LOOK,
    Lookup,
    ProviderMessage,
    look_again,
    same_message,
)
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import PRINTED, Destination, OutboxStatus

log = structlog.get_logger("desk.delivery")

AT_ONCE = 100
"""Look-ups in one tick."""
LOOKED_UP = ". Looked up with the provider: "


def reconcile(engine: Engine, lookup: Lookup, *, clock: Clock) -> dict[str, int]:
    """Look up the SMS whose time it is. Returns how many were found, not found, or are for a person to tell apart.
    Safe to run in many processes."""
    counts: Counter[str] = Counter()
    with reading(engine) as session:
        rows = _to_look_up(session, [Destination.SMS], now=clock.now())
        session.expunge_all()
    for row in rows:
        assert row.attempted_at is not None
        found = lookup.find(row.address, since=row.attempted_at - CLOCKS_DIFFER)
        if isinstance(found, TryLater | Misconfigured):
            log.warning("lookup_failed", reason=found.reason)
            break
        with transaction(engine) as session:
            counts[_note(session, row, same_message(found, row.text, row.attempted_at), now=clock.now())] += 1
    return dict(counts)


def reconcile_letters(engine: Engine, printed: Callable[[str, date], str], *, clock: Clock) -> dict[str, int]:
    """Look up the single letters whose time it is. `printed` says for a key and business date where the manifest has
    the letter, '' = it does not. Returns how many were found or not; safe to run in many processes."""
    counts: Counter[str] = Counter()
    with reading(engine) as session:
        rows = _to_look_up(session, PRINTED, now=clock.now())
        session.expunge_all()
    for row in rows:
        ref = printed(row.reference, row.business_date)
        with transaction(engine) as session:
            counts[_note_letter(session, row, ref, now=clock.now())] += 1
    return dict(counts)


def _to_look_up(
    session: Session, destinations: Sequence[Destination], *, now: datetime
) -> list[OutboxMessage]:
    message = table_of(OutboxMessage)
    query = (
        sa.select(OutboxMessage)
        .where(
            message.c.status == OutboxStatus.UNKNOWN,
            message.c.destination.in_(destinations),
            message.c.attempted_at.is_not(None),
            message.c.finished_at >= now - 4 * LAST_LOOK,
        )
        .order_by(message.c.id)
    )
    rows = []
    for row in session.scalars(query):
        if row.finished_at is not None and look_again(row.finished_at, row.looked_up_at, now):
            rows.append(row)
    return rows[:AT_ONCE]


def _note_letter(session: Session, seen: OutboxMessage, ref: str, *, now: datetime) -> str:
    row = _still_unknown(session, seen, now=now)
    if row is None:
        return "known_already"
    if ref:
        note_status(
            session, OutboxStatus.SENT, attempt_id=row.attempt_id, provider_ref=ref,
            known_by="the print manifest", now=now,
        )  # fmt: skip
        return "found"
    row.error = row.error.partition(LOOKED_UP)[0][:300] + LOOKED_UP + "it is not on the print manifest"
    return "not_found"


def _still_unknown(session: Session, seen: OutboxMessage, *, now: datetime) -> OutboxMessage | None:
    """The row under lock, looked up now; None = a report or a person has resolved it meanwhile."""
    [row] = locked_rows(session, [Claim(id_of(seen), seen.customer_id)])
    if row.status is not OutboxStatus.UNKNOWN or row.attempt_id != seen.attempt_id:
        return None
    row.looked_up_at = now
    return row


def _note(session: Session, seen: OutboxMessage, found: list[ProviderMessage], *, now: datetime) -> str:
    """Write down what the list says about this message."""
    row = _still_unknown(session, seen, now=now)
    if row is None:
        return "known_already"
    candidates = [each for each in found if not _is_known(session, each.provider_ref)]
    if len(candidates) == 1 and not _has_double(session, row):
        [it] = candidates
        note_status(
            session, it.status, it.detail, attempt_id=row.attempt_id, provider_ref=it.provider_ref,
            failure=it.failure, known_by="the provider's list", now=now,
        )  # fmt: skip
        return "found"
    said = (
        f"{counted(len(candidates), 'message')} that may be this one"
        if candidates
        else "no such message so far"
    )
    row.error = row.error.partition(LOOKED_UP)[0][:300] + LOOKED_UP + said
    return "unclear" if candidates else "not_found"


def _is_known(session: Session, provider_ref: str) -> bool:
    message = table_of(OutboxMessage)
    return (
        session.execute(sa.select(message.c.id).where(message.c.provider_ref == provider_ref)).first()
        is not None
    )


def _has_double(session: Session, row: OutboxMessage) -> bool:
    """True if the message found may be another one of ours, with the same words to the same number."""
    message = table_of(OutboxMessage)
    query = sa.select(message.c.id).where(
        message.c.status.in_((OutboxStatus.UNKNOWN, OutboxStatus.SENDING)),
        message.c.destination == row.destination,
        message.c.address == row.address,
        message.c.text == row.text,
        message.c.id != row.id,
    )
    return session.execute(query).first() is not None
