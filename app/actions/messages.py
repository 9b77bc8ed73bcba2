"""Messages: send a letter out of turn, cancel one, state the result of one, stop and start sending."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.rows import locked_row
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.delivery.moves import cancel_message
from app.outreach.delivery.reports import resolve_unknown
from app.outreach.outbox import channel_stops
from app.outreach.outbox.models import OutboxMessage, message_reference
from app.outreach.outbox.queries import channel_stops as stopped_channels
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.outbox.waiting import wait_for_undo
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.on_demand import write_on_demand
from app.policy.answers import Answer


def send_letter(
    session: Session,
    case: CollectionsCase,
    letter: str,
    channel: Channel,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> Answer:
    """Queue one letter out of turn, where the gate clears it; the strategy's own steps stay as they are."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    [answer] = write_on_demand(session, portfolio, case, letter, [channel], letters, on=today, by=by, now=now)
    wait_for_undo(session, id_of(case), by=by, now=now)
    return answer


def cancel_case_message(
    session: Session, case: CollectionsCase, message_id: int, reason: str, *, by: Actor, now: datetime
) -> OutboxMessage:
    """Cancel a queued message to the case's customer: it is never sent."""
    row = locked_row(session, OutboxMessage, message_id)
    if row is None or row.customer_id != case.customer_id or row.destination is Destination.LEGAL_DESK:
        raise NotFound(
            f"Case {case.reference} has no message {message_reference(message_id)}. Choose one of its timeline."
        )
    cancel_message(session, row, reason, by=by, now=now)
    return row


def resolve_message(
    session: Session, message_id: int, *, was_sent: bool, by: Actor, now: datetime
) -> OutboxMessage:
    """Put on record whether a message of unknown fate left. Conflict where that is known already."""
    customer_id = session.scalar(select(OutboxMessage.customer_id).where(OutboxMessage.id == message_id))
    if customer_id is None:
        raise NotFound(f"There is no message {message_id}. Choose one from the outbox.")
    lock_customers(session, [customer_id])
    row = session.get_one(OutboxMessage, message_id, with_for_update=True)
    if row.status is not OutboxStatus.UNKNOWN:
        raise Conflict(f"Nothing was changed: this message is {row.status.value} already.")
    resolve_unknown(session, row, was_sent=was_sent, by=by, now=now)
    return row


def stop_sending(
    session: Session, destinations: Iterable[Destination], reason: str, *, by: Actor, now: datetime
) -> None:
    """Stop these channels: messages stay queued until a person starts them again."""
    empty = "Say why, for the person who starts it again."
    reason = clean_text(reason, "reason", at_most=500, one_line=True, empty=empty)
    for destination in destinations:
        channel_stops.stop_channel(session, destination, reason, by=by, now=now)


def start_sending(session: Session, destinations: Iterable[Destination], *, by: Actor, now: datetime) -> None:
    """Start those of these channels that are stopped."""
    for destination in stopped_channels(session).keys() & set(destinations):
        channel_stops.start_channel(session, destination, by=by, now=now)
