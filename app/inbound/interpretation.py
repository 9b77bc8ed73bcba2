"""Act on messages that were received: START, HELP and the wish to be called. Each is a transaction of its own."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.database.engine import reading, retrying, table_of, transaction
from app.inbound.effects import answer_help, ask_for_call, start_sms_again
from app.inbound.messages import close_message, lock_matches, reading_of
from app.inbound.rules import Intent
from app.outreach.planning.letterhead import LetterCatalog

log = structlog.get_logger("desk.inbound")


def interpret_due(
    engine: Engine, catalog: LetterCatalog, clock: Clock, *, at_most: int = 200
) -> dict[str, int]:
    """Act on messages that were recorded since: holds, START, HELP. Returns how many were read and how many of them
    wait for a person. Safe in many processes; each message is a transaction of its own."""
    with reading(engine) as session:
        message = table_of(InboundMessage)
        unread = sa.select(message.c.id).where(message.c.interpreted_at.is_(None))
        ids = session.scalars(unread.order_by(message.c.id).limit(at_most)).all()
    counts = {"read": 0, "for_a_person": 0}
    for number in ids:
        try:
            waits = retrying(partial(_interpret_one, engine, number, catalog, clock))
        except OperationalError as error:  # the database's trouble, not the message's: the next tick
            log.error("message_not_read", message=number, error=type(error).__name__)
            continue
        except Exception as error:  # one message must not hold up the others
            log.error("message_not_read", message=number, error=type(error).__name__)
            waits = retrying(partial(_leave_to_person, engine, number, clock))
        counts["read"] += waits is not None
        counts["for_a_person"] += bool(waits)
    return counts if counts["read"] else {}


def _interpret_one(engine: Engine, number: int, catalog: LetterCatalog, clock: Clock) -> bool | None:
    """Interpret one message. Returns True if it waits for a person now; None if another process has it."""
    with transaction(engine) as session:
        query = select(InboundMessage).where(
            InboundMessage.id == number, col(InboundMessage.interpreted_at).is_(None)
        )
        message = session.scalar(query.with_for_update(skip_locked=True))
        if message is None:
            return None
        interpret(session, message, catalog, now=clock.now())
        return message.reviewed_at is None


def _leave_to_person(engine: Engine, number: int, clock: Clock) -> bool | None:
    """Leave a message that cannot be acted on to a person, so that it holds up no other message."""
    with transaction(engine) as session:
        message = session.get_one(InboundMessage, number, with_for_update=True)
        if message.interpreted_at is not None:
            return None
        message.interpreted_at = clock.now()
        return True


def interpret(
    session: Session,
    message: InboundMessage,
    letters: LetterCatalog,
    *,
    answers_help: bool = True,
    now: datetime,
) -> None:
    """Obey START, note who wants a call, answer HELP; without `answers_help`, HELP is left to a person."""
    matches = lock_matches(session, message)
    meant = reading_of(message)
    settled = bool(matches) and meant.needs_nobody and not message.masked
    for match in matches:
        customer = session.get_one(Customer, match.customer_id)
        if Intent.START in meant.intents:
            settled &= start_sms_again(session, match, message, customer, alone=len(matches) == 1, now=now)
        if Intent.CALL_ME in meant.intents and len(matches) == 1:
            ask_for_call(session, match, message, now=now)
        if (
            Intent.HELP in meant.intents and message.provider_said.upper() != "HELP"
        ):  # the provider has answered
            settled &= answers_help and answer_help(session, match, letters, now=now)
    message.interpreted_at = now
    if settled:
        close_message(session, message, matches, ReviewOutcome.AUTOMATIC, by=SYSTEM, now=now)
