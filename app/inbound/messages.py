"""Shared verbs of a message: its interpretation, its owner, and its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

import structlog
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.days import local_today
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.labels import INTENT_LABELS
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, lock_customers, record
from app.core.vocabulary import Channel
from app.inbound.events import MessageReviewed
from app.inbound.rules import InboundSource, Intent, Reading

log = structlog.get_logger("desk.inbound")


def reading_of(message: InboundMessage) -> Reading:
    """The meanings that the message had when it came."""
    intents = tuple(Intent(name) for name in message.intents.split(",") if name)
    return Reading(intents, tuple(filter(None, message.matched.split(" | "))), message.keyword)


def source_of(message: InboundMessage) -> str:
    where = "SMS reply" if message.source is InboundSource.SMS else "preferences page"
    said = message.matched or ", ".join(
        INTENT_LABELS.get(intent, intent).lower() for intent in message.intents.split(",") if intent
    )
    return f"{where}: {said}"[:100]


def today_of(session: Session, match: InboundMatch, now: datetime) -> date:
    customer = session.get_one(Customer, match.customer_id)
    return local_today(session, customer.portfolio_id, now)


def lock_matches(session: Session, message: InboundMessage) -> Sequence[InboundMatch]:
    """The customers of the message, locked until the transaction ends."""
    query = select(InboundMatch).where(InboundMatch.message_id == message.id)
    matches = session.scalars(query.order_by(col(InboundMatch.customer_id))).all()
    lock_customers(session, [match.customer_id for match in matches])
    return matches


@contextmanager
def or_a_person(session: Session, message: InboundMessage, *, now: datetime) -> Iterator[None]:
    """Run the effects of a message in a savepoint. Where one fails, the message stays on record and waits for a
    person."""
    try:
        with session.begin_nested():
            yield
    except OperationalError:  # the database's trouble, not the message's
        raise
    except Exception as error:  # noqa: BLE001 - the provider would send it again and again
        log.error("message_not_obeyed", message=message.id, error=type(error).__name__)
        message.interpreted_at = now


def record_match(
    session: Session,
    match: InboundMatch,
    payload: Payload,
    message: InboundMessage,
    *,
    by: Actor,
    now: datetime,
    at: datetime | None = None,
) -> None:
    channel = Channel.SMS if message.source is InboundSource.SMS else None
    event = about_customer(match.customer_id, payload, case_id=match.case_id, channel=channel, at=at)
    record(session, event, by=by, now=now)


def close_message(
    session: Session,
    message: InboundMessage,
    matches: Sequence[InboundMatch],
    outcome: ReviewOutcome,
    *,
    by: Actor,
    now: datetime,
) -> None:
    message.reviewed_at, message.reviewed_by, message.outcome = now, by, outcome
    for match in matches:
        record_match(session, match, MessageReviewed(id_of(message), outcome), message, by=by, now=now)
