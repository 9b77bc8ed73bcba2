"""Interactions on record: a call, letter, e-mail, visit, message or note, each by the event that recorded it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from sqlmodel import Session

from app.casework.cases.events import CallLogged, ContactLogged, NoteAdded
from app.casework.correspondence.events import MessageReceived
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import InboundSource
from app.casework.results.rules import CallField, ContactWay
from app.core.clock import local_date
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.timeline.models import Event


class InteractionWay(StrEnum):
    """The way in which words of a customer, or about them, reached us."""

    CALL = "call"
    EMAIL = "email"
    POST = "post"
    VISIT = "visit"
    SMS = "sms"
    PAGE = "page"
    """The customer's own page."""
    NOTE = "note"


KINDS: Sequence[str] = (CallLogged.KIND, ContactLogged.KIND, MessageReceived.KIND, NoteAdded.KIND)


@dataclass(frozen=True, slots=True)
class Interaction:
    """What was said or written, and when it reached us."""

    event_id: int
    way: InteractionWay
    on: date
    """The local day on which it was received; of a letter that was logged later, the day on which it came."""
    words: str
    """As the customer wrote it, or as a colleague wrote it down; '' = nothing was."""
    message_id: int | None = None


def interaction_of(session: Session, customer_id: int, event_id: int, zone: str) -> Interaction:
    """The interaction of an event of this customer, in the time zone of their portfolio. NotFound for another event."""
    event = session.get(Event, event_id)
    if event is None or event.customer_id != customer_id or event.kind not in KINDS:
        raise NotFound(
            f"This customer has no call, letter or message {event_id}. Choose one from the timeline."
        )
    found = _read(event, zone)
    message = session.get(InboundMessage, found.message_id) if found.message_id is not None else None
    # A message may have waited for the worker that put it on the timeline.
    return replace(found, on=local_date(message.received_at, zone)) if message is not None else found


def received_on(session: Session, customer_id: int, event_id: int, zone: str) -> date:
    """The day an interaction was received: from it the law's clocks run, whenever it was logged. NotFound as above."""
    return interaction_of(session, customer_id, event_id, zone).on


def _read(event: Event, zone: str) -> Interaction:
    number, day = id_of(event), local_date(event.at, zone)
    if event.kind == ContactLogged.KIND:
        contact = ContactLogged.from_json(event.data)
        said = _said((contact.fields or {}).get(CallField.WORDS, ""), contact.note)
        return Interaction(number, _OF_WAYS[contact.way], contact.on, said)
    if event.kind == CallLogged.KIND:
        call = CallLogged.from_json(event.data)
        said = _said((call.fields or {}).get(CallField.WORDS, ""), call.note)
        return Interaction(number, InteractionWay.CALL, day, said)
    if event.kind == MessageReceived.KIND:
        message = MessageReceived.from_json(event.data)
        way = InteractionWay.SMS if message.source is InboundSource.SMS else InteractionWay.PAGE
        return Interaction(number, way, day, message.text, message.message_id)
    return Interaction(number, InteractionWay.NOTE, day, NoteAdded.from_json(event.data).text)


_OF_WAYS = {
    ContactWay.CALL: InteractionWay.CALL,
    ContactWay.EMAIL: InteractionWay.EMAIL,
    ContactWay.POST: InteractionWay.POST,
    ContactWay.VISIT: InteractionWay.VISIT,
}


def _said(*texts: str) -> str:
    return "\n".join(text.strip() for text in texts if text.strip())
