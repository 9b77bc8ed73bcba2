"""What customers choose themselves, on the page behind the link in every message. Each choice is an event, and the gate
obeys it from the same transaction on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Customer
from app.core.actor import CUSTOMER
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.rules import Kind
from app.core.timeline.service import NewEvent, customer_stream, record
from app.core.vocabulary import Channel
from app.inbound.models import InboundMatch, InboundMessage
from app.inbound.rules import InboundSource
from app.inbound.service import consent_of, open_case_of, refuse
from app.outreach.gate.consent import set_consent
from app.outreach.gate.models import ContactPreference
from app.outreach.gate.preferences import end_preference, open_preferences, set_preference
from app.policy.facts import PreferenceKind

PAGE = "preferences page"
"""The source of what was chosen there; only that can be taken back there."""
MOST_CHANGES = 60
"""Events an hour that the page may cause for one customer, refusals not counted."""
MOST_REQUESTS = 5
"""Requests a day that one customer's page may put before a person."""


def allowed_channels(session: Session, customer: Customer) -> list[Channel]:
    """Those the customer has not refused."""
    found = []
    for channel in Channel:
        known = consent_of(session, customer, channel)
        if known is None or known.allowed:
            found.append(channel)
    return found


def stop(
    session: Session, customer: Customer, channels: Collection[Channel], *, source: str, now: datetime
) -> None:
    """No more by these channels."""
    case_id = open_case_of(session, customer)
    for channel in Channel:
        if channel in channels:
            refuse(session, customer, channel, source=source, case_id=case_id, now=now)


def choose_channels(
    session: Session, customer: Customer, wanted: Collection[Channel], *, now: datetime
) -> None:
    """These channels and no others. What was never refused gains no consent by being left ticked."""
    allowed = allowed_channels(session, customer)
    stop(session, customer, [c for c in allowed if c not in wanted], source=PAGE, now=now)
    case_id = open_case_of(session, customer)
    for channel in Channel:
        if channel in wanted and channel not in allowed:
            set_consent(
                session, customer, channel, allowed=True, source=PAGE, case_id=case_id, by=CUSTOMER, now=now
            )


def quiet_times(session: Session, customer: Customer) -> list[ContactPreference]:
    """What was chosen on the page: one span, or the two halves of one that goes over midnight."""
    told = open_preferences(session, id_of(customer))
    return [row for row in told if row.kind is PreferenceKind.TIME and row.source == PAGE]


def choose_quiet_time(
    session: Session, customer: Customer, start: int, end: int, weekdays: Sequence[int], *, now: datetime
) -> None:
    """No contact from `start` to `end`, minutes after local midnight, in the place of what was chosen there before; a
    span that ends before it begins goes over midnight. Invalid where both are the same."""
    if start == end or not (0 <= start < 1440 and 0 <= end < 1440):
        raise Invalid("give two different times of day", "start")
    forget_quiet_time(session, customer, now=now)
    spans = [(start, end)] if start < end else [(start, 1440), *([(0, end)] if end else [])]
    for first, last in spans:
        set_preference(
            session, customer, PreferenceKind.TIME, weekdays=weekdays, start_minute=first, end_minute=last,
            source=PAGE, case_id=open_case_of(session, customer), by=CUSTOMER, now=now,
        )  # fmt: skip


def forget_quiet_time(session: Session, customer: Customer, *, now: datetime) -> None:
    """Take back what was chosen on the page; what an agent wrote down stays."""
    for row in quiet_times(session, customer):
        end_preference(session, row, case_id=open_case_of(session, customer), by=CUSTOMER, now=now)


def choose_language(session: Session, customer: Customer, language: str, *, now: datetime) -> None:
    """Be written to in another language; feeds leave it alone from now on."""
    before = customer.language
    if language == before:
        return
    customer.language, customer.language_chosen = language, True
    assert customer.id is not None
    event = NewEvent(
        customer_stream(customer.id),
        Kind.LANGUAGE_CHANGED,
        {"from": before, "to": language},
        customer_id=customer.id,
        case_id=open_case_of(session, customer),
    )
    record(session, event, by=CUSTOMER, now=now)


# --- enough is enough -------------------------------------------------------------------------------------------


def changes_too_often(session: Session, customer: Customer, *, now: datetime) -> bool:
    """Whether a program is at the link. Refusing must always work and is never asked this."""
    query = sa.select(sa.func.count()).where(
        col(Event.customer_id) == customer.id,
        col(Event.by) == CUSTOMER,
        col(Event.at) > now - timedelta(hours=1),
    )
    return (session.scalar(query) or 0) >= MOST_CHANGES


def asks_too_often(session: Session, customer: Customer, *, now: datetime) -> bool:
    """Whether the page has put enough before a person for a day."""
    query = (
        sa.select(sa.func.count())
        .select_from(InboundMatch)
        .join(InboundMessage, col(InboundMessage.id) == InboundMatch.message_id)
        .where(
            col(InboundMatch.customer_id) == customer.id,
            col(InboundMessage.source) == InboundSource.PAGE,
            col(InboundMessage.received_at) > now - timedelta(days=1),
        )
    )
    return (session.scalar(query) or 0) >= MOST_REQUESTS
