"""Decide about a message that a person has read: its holds and opt-outs stay or are undone."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from app.actions.holds import end_hold
from app.actions.preferences import refuse_channel, replace_links, take_back_preference
from app.book.ledger.models import Customer
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.hardship.queries import open_request_of_hold
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.inbound.messages import close_message, lock_matches, reading_of, source_of
from app.inbound.rules import Intent, choices
from app.outreach.gate.models import ContactPreference


def review(
    session: Session, message: InboundMessage, outcome: ReviewOutcome, *, by: Actor, now: datetime
) -> None:
    """Record a person's decision. Conflict where one was made before, or for a decision that does not fit."""
    matches = lock_matches(session, message)
    if message.reviewed_at is not None:
        raise Conflict("This message was dealt with already.")
    kept_back = any(match.preference_id or match.hold_id for match in matches)
    fitting = choices(reading_of(message).intents, kept_back=kept_back, known=bool(matches))
    if outcome not in {choice.outcome for choice in fitting}:
        raise Conflict("This decision does not fit the message. Reload the page and choose again.")
    wrong = Intent.WRONG_NUMBER in reading_of(message).intents
    for match in matches:
        customer = session.get_one(Customer, match.customer_id)
        if outcome is ReviewOutcome.STOPPED:
            source = f"read by a person: {source_of(message)}"
            refuse_channel(
                session, customer, Channel.SMS, source=source, case_id=match.case_id, by=by, now=now
            )
        if outcome is ReviewOutcome.LIFTED or (outcome is ReviewOutcome.STOPPED and not wrong):
            _lift_preference(session, match, by=by, now=now)
        if outcome is ReviewOutcome.LIFTED:
            _lift_hold(session, match, by=by, now=now)
        if outcome is ReviewOutcome.STANDS and wrong:
            replace_links(session, customer, by=by, now=now)
    if message.interpreted_at is None:
        message.interpreted_at = now
    close_message(session, message, matches, outcome, by=by, now=now)


def _lift_preference(session: Session, match: InboundMatch, *, by: Actor, now: datetime) -> None:
    row = session.get(ContactPreference, match.preference_id) if match.preference_id else None
    if row is not None and row.ended_at is None:
        take_back_preference(session, row.customer_id, id_of(row), case_id=match.case_id, by=by, now=now)


def _lift_hold(session: Session, match: InboundMatch, *, by: Actor, now: datetime) -> None:
    first = session.get(CaseHold, match.hold_id) if match.hold_id else None
    if first is None:
        return
    placed_with_it = select(CaseHold).where(
        CaseHold.customer_id == first.customer_id,
        CaseHold.started_at == first.started_at,
        CaseHold.reason == first.reason,
        col(CaseHold.ended_at).is_(None),
    )
    why = "the message was not meant so"
    for hold in session.scalars(placed_with_it.order_by(col(CaseHold.id))).all():
        if open_request_of_hold(session, id_of(hold)) is not None:
            continue  # the customer has asked for help since: it ends with the decision
        end_hold(session, hold, why, by.name or str(by), by=by, now=now)
