"""Facts of a worklist row beside the case: cards, the last contact, the words of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session

from app.book.ledger.models import Account
from app.book.ledger.queries import worked
from app.casework.cases.events import CallLogged
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import Counts
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.timeline.models import Event
from app.core.timeline.presenting import words
from app.core.vocabulary import Channel
from app.outreach.outbox.events import ContactConsoleOnly, ContactSent

CONTACTS = (CallLogged.KIND, ContactSent.KIND, ContactConsoleOnly.KIND)


@dataclass(frozen=True, slots=True)
class LastContact:
    """The last call with a customer, or the last message where there was no call."""

    at: datetime
    channel: Channel | None
    result: str = ""
    """Result code of a call; '' for a message."""
    label: str = ""
    """The result in words."""
    reached: bool = False
    """The cardholder was spoken to."""
    calls: int = 0
    """Calls ever made."""


def last_contacts(session: Session, customer_ids: Sequence[int]) -> dict[int, LastContact]:
    """By customer: the last call where there was one, otherwise the last message."""
    event = table_of(Event)
    latest = (
        sa.select(
            event.c.customer_id, event.c.kind, sa.func.max(event.c.at).label("at"), sa.func.count().label("n")
        )
        .where(among(session, event.c.customer_id, customer_ids), event.c.kind.in_(CONTACTS))
        .group_by(event.c.customer_id, event.c.kind)
        .subquery("latest")
    )
    same = (event.c.customer_id == latest.c.customer_id, event.c.kind == latest.c.kind)
    query = sa.select(
        event.c.customer_id, event.c.kind, event.c.at, event.c.channel, event.c.data, latest.c.n
    ).join(latest, sa.and_(*same, event.c.at == latest.c.at))
    found: dict[int, LastContact] = {}
    for row in session.connection().execute(query.order_by(event.c.at, event.c.id)):
        if row.kind == CallLogged.KIND:
            data = from_json(row.data)
            result = str(data.get("result", ""))
            spoke = data.get("counts") == Counts.CONVERSATION or result in shipped_conversations()
            label = str(data.get("label") or words(result))
            found[row.customer_id] = LastContact(row.at, Channel.CALL, result, label, spoke, row.n)
        elif row.customer_id not in found or not found[row.customer_id].calls:
            found[row.customer_id] = LastContact(row.at, row.channel)
    return found


def card_endings(session: Session, customer_ids: Sequence[int]) -> dict[int, list[str]]:
    """By customer, the last four digits of the cards that are worked."""
    account = table_of(Account)
    query = sa.select(account.c.customer_id, account.c.card_last4).where(
        among(session, account.c.customer_id, customer_ids), worked()
    )
    found: dict[int, list[str]] = {}
    for customer_id, last4 in session.connection().execute(query.order_by(account.c.id)):
        found.setdefault(customer_id, []).append(last4)
    return found


def waiting_words(session: Session, case_ids: Sequence[int]) -> dict[int, str]:
    """By case, the beginning of its oldest message without a decision."""
    message, match = table_of(InboundMessage), table_of(InboundMatch)
    query = (
        sa.select(match.c.case_id, message.c.body)
        .join(message, message.c.id == match.c.message_id)
        .where(message.c.reviewed_at.is_(None), among(session, match.c.case_id, case_ids))
    )
    found: dict[int, str] = {}
    for case_id, body in session.connection().execute(query.order_by(message.c.received_at, message.c.id)):
        found.setdefault(case_id, " ".join(body.split())[:60])
    return found
