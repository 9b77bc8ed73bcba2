"""Fetch SMS that our webhook missed, because it was down or the provider gave up, from the provider's list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.casework.correspondence.models import InboundMessage
from app.core.clock import Clock
from app.core.database.bulk import chunked
from app.core.database.engine import reading, retrying, transaction
from app.inbound.interpretation import interpret
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived, Inbox
from app.outreach.outbox.dispatch import Misconfigured, TryLater
from app.outreach.planning.letterhead import LetterCatalog

log = structlog.get_logger("desk.inbound")

LOOK_BACK = timedelta(days=3)
"""A long weekend."""
ON_ITS_WAY = timedelta(minutes=5)
"""Newer messages are left to the webhook, which the provider tries again for a while."""


def fetch_missed(engine: Engine, inbox: Inbox, letters: LetterCatalog, *, clock: Clock) -> dict[str, int]:
    """Record messages that came in the last days and are not here, as the webhook does; refusals among it are obeyed in
    the same transaction. Returns how many were fetched and failed. Safe in many processes: a message's id is unique."""
    now = clock.now()
    listed = inbox.arrived(since=now - LOOK_BACK)
    if isinstance(listed, TryLater | Misconfigured):
        log.warning("inbox_not_read", reason=listed.reason)
        return {}
    with reading(engine) as session:
        known = _known(session, [each.provider_ref for each in listed])
    counts: Counter[str] = Counter()
    for each in listed:
        if each.provider_ref in known or (each.at or now) > now - ON_ITS_WAY:
            continue
        try:
            counts["fetched"] += retrying(partial(_record, engine, each, letters, clock))
        except Exception as error:  # one message must not keep the others out
            log.error("message_not_fetched", error=type(error).__name__)
            counts["failed"] += 1
    return dict(+counts)


def _known(session: Session, refs: Collection[str]) -> set[str]:
    ref = col(InboundMessage.provider_ref)
    return {
        found for some in chunked(refs, 500) for found in session.scalars(select(ref).where(ref.in_(some)))
    }


def _record(engine: Engine, arrived: Arrived, letters: LetterCatalog, clock: Clock) -> bool:
    """Record one missed SMS; False where the webhook has recorded it."""
    with transaction(engine) as session:
        now = clock.now()
        message = receive(session, arrived, shipped_phrases(), letters, now=now)
        if message is None:
            return False
        # The list does not say whether the provider has answered HELP itself: a person looks.
        interpret(session, message, letters, answers_help=False, now=now)
        return True
