"""Receive messages from customers: on record, and their refusals and holds obeyed, in one transaction. Each verb
locks the message first and then the customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.correspondence.events import MessageReceived
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.questions.rules import QuestionSource
from app.casework.questions.service import ask_about
from app.casework.recognition.cues import Subject
from app.core.actor import CUSTOMER, SYSTEM, Actor
from app.core.card_numbers import mask_card_numbers
from app.core.clock import local_date
from app.core.database.bulk import upsert
from app.core.database.engine import storable
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.labels import INTENT_LABELS
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.inbound.effects import ask_for_call, note_unwanted_time, obey_refusals, place_holds
from app.inbound.messages import close_message, lock_matches, or_a_person, reading_of, record_match, source_of
from app.inbound.phrases.rules import Phrasebook
from app.inbound.rules import (
    PROVIDER_WORDS,
    Arrived,
    InboundSource,
    Intent,
    Reading,
    languages_of,
    read,
)
from app.outreach.gate.suppression import suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, redact_links
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.facts import Suppression

log = structlog.get_logger("desk.inbound")

MOST_QUOTABLE = 40
"""Messages of ours in which a quote is looked for, the latest first."""
SHORTEST_QUOTE = 12
"""Characters: a shorter message quotes nothing."""
LONGEST_BODY = 4000
"""Characters kept; an SMS of ten segments has 1,600."""


def receive(
    session: Session, arrived: Arrived, book: Phrasebook, letters: LetterCatalog, *, now: datetime
) -> InboundMessage | None:
    """Record an SMS for every customer who has the number, and end the channels that it refuses. None if it is
    known."""
    body = storable(arrived.body)[:LONGEST_BODY]
    sender = storable(arrived.sender)[:40]
    owners = select(Customer).where(Customer.mobile == sender).order_by(col(Customer.id))
    customers = session.scalars(owners).all() if sender else []
    provider_said = storable(arrived.opt_out_type)
    meant = _understood(
        body,
        book,
        provider_said=provider_said.upper(),
        languages=_languages(customers) if customers else None,
        ours=_written_to(session, customers, body),
        names=[customer.full_name for customer in customers],
    )
    message = _store(
        session,
        InboundMessage(
            source=InboundSource.SMS,
            provider_ref=storable(arrived.provider_ref)[:120],
            sender=sender,
            recipient=storable(arrived.recipient)[:40],
            body=mask_card_numbers(body),
            masked=mask_card_numbers(body) != body,
            media=arrived.media,
            provider_said=provider_said[:10],
            received_at=arrived.at or now,
        ),
        meant,
    )
    if message is None:
        return None
    lock_customers(session, [id_of(customer) for customer in customers])
    for customer in customers:
        match = _match(session, message, customer, by=CUSTOMER, now=now)
        with or_a_person(session, message, now=now):
            obey_refusals(session, match, message, customer, now=now)
        with or_a_person(session, message, now=now):
            place_holds(session, match, message, letters, alone=len(customers) == 1, now=now)
        with or_a_person(session, message, now=now):
            note_unwanted_time(session, match, message, customer, now=now)
        with or_a_person(session, message, now=now):
            _ask_about(session, match, message, customer, now=now)
    if not customers and Channel.SMS in meant.refused and message.sender.startswith("+"):
        # The number has no customer yet; a later owner has refused already.
        suppress(
            session,
            Channel.SMS,
            message.sender,
            Suppression.MANUAL,
            detail=source_of(message),
            by=CUSTOMER,
            now=now,
        )
    return message


def receive_from_page(
    session: Session,
    customer: Customer,
    channel: Channel,
    intent: Intent | None,
    text: str,
    ref: str,
    letters: LetterCatalog,
    *,
    now: datetime,
) -> InboundMessage | None:
    """Record a request from the preferences page, for a person to look at like a message; the page was
    opened by a link in a message on `channel`. Without an `intent` a person reads what the words say. None if `ref` is
    known: the same form sent twice."""
    body = storable(text).strip()[:LONGEST_BODY]
    page = InboundMessage(
        source=InboundSource.PAGE,
        provider_ref=f"page:{storable(ref)}"[:120],
        recipient=channel.value,
        body=mask_card_numbers(body),
        masked=mask_card_numbers(body) != body,
        received_at=now,
    )
    message = _store(session, page, Reading((intent,) if intent else ()))
    if message is None:
        return None
    lock_customers(session, [id_of(customer)])
    match = _match(session, message, customer, by=CUSTOMER, now=now)
    with or_a_person(session, message, now=now):
        obey_refusals(session, match, message, customer, now=now)
    with or_a_person(session, message, now=now):
        place_holds(session, match, message, letters, alone=True, now=now)  # before the page says so
    with or_a_person(session, message, now=now):
        note_unwanted_time(session, match, message, customer, now=now)
    with or_a_person(session, message, now=now):
        _ask_about(session, match, message, customer, now=now)
    message.interpreted_at = now
    with or_a_person(session, message, now=now):
        if intent is Intent.CALL_ME and ask_for_call(session, match, message, now=now) and not body:
            close_message(session, message, [match], ReviewOutcome.AUTOMATIC, by=SYSTEM, now=now)
    return message


def attach(
    session: Session,
    message: InboundMessage,
    customer: Customer,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> InboundMatch:
    """A person says whose message it is that came from an unknown number; its refusals count for the customer from now,
    and a dispute is acknowledged. Conflict if it has an owner, or was dealt with."""
    if message.reviewed_at is not None:
        raise Conflict("This message was dealt with already.")
    if lock_matches(session, message):
        raise Conflict("This message has a customer already.")
    lock_customers(session, [id_of(customer)])
    match = _match(session, message, customer, by=by, now=now)
    obey_refusals(session, match, message, customer, now=now)
    place_holds(session, match, message, letters, alone=True, now=now)
    note_unwanted_time(session, match, message, customer, now=now)
    _ask_about(session, match, message, customer, now=now)
    return match


def _ask_about(
    session: Session, match: InboundMatch, message: InboundMessage, customer: Customer, *, now: datetime
) -> None:
    """Have a person say whether it is a complaint, where its words have a cue of one, and whether it is what it was
    read as. Of a customer without any case there is nothing to put on record here."""
    if match.case_id is None:
        return
    case = session.get_one(CollectionsCase, match.case_id)
    languages = languages_of(customer.language, customer.country)
    reading = reading_of(message)
    because = message.matched or ", ".join(INTENT_LABELS[each] for each in reading.intents)
    zone = session.get_one(Portfolio, case.portfolio_id).timezone
    ask_about(
        session, case, QuestionSource.MESSAGE, message.body, by_cues=(Subject.COMPLAINT,),
        named={SUBJECTS[each]: because for each in reading.intents if each in SUBJECTS},
        received_on=local_date(message.received_at, zone), message_id=id_of(message), languages=languages,
        by=CUSTOMER, now=now,
    )  # fmt: skip


SUBJECTS: Mapping[Intent, Subject] = {
    Intent.HARDSHIP: Subject.HARDSHIP,
    Intent.SUPPORT_NEED: Subject.SUPPORT_NEED,
    Intent.MAYBE_DISPUTE: Subject.DISPUTE,
}
"""Readings that a person takes up in the form of a room. A clear dispute is on record already."""


def _understood(
    body: str,
    book: Phrasebook,
    *,
    provider_said: str,
    languages: frozenset[str] | None,
    ours: Sequence[str],
    names: Sequence[str],
) -> Reading:
    """Read what the message means. One that cannot be read is on record all the same, for a person; and as it may be a
    refusal, SMS rests until they have decided."""
    try:
        return read(body, book, provider_said=provider_said, languages=languages, ours=ours, names=names)
    except Exception as error:  # noqa: BLE001 - the provider would send it again and again
        log.error("message_not_understood", error=type(error).__name__)
        said = PROVIDER_WORDS.get(provider_said)
        return Reading((said or Intent.MAYBE_STOP,), (provider_said.lower() if said else "unreadable",))


def _languages(customers: Sequence[Customer]) -> frozenset[str]:
    return frozenset().union(*(languages_of(each.language, each.country) for each in customers))


def _written_to(session: Session, customers: Sequence[Customer], body: str) -> list[str]:
    """Our recent messages to the number that a message this long can quote."""
    if len(body) < SHORTEST_QUOTE or not customers:
        return []
    query = (
        select(col(OutboxMessage.text))
        .where(
            col(OutboxMessage.customer_id).in_([customer.id for customer in customers]),
            OutboxMessage.destination == Destination.SMS,
        )
        .order_by(col(OutboxMessage.id).desc())
        .limit(MOST_QUOTABLE)
    )
    return list(session.scalars(query))


def _store(session: Session, message: InboundMessage, meant: Reading) -> InboundMessage | None:
    """Store the row; None where the provider's id is known: it is a repetition."""
    message.intents = ",".join(meant.intents)
    # A quoted word of theirs can be among these, and with it any words they wrote beside it.
    message.matched = mask_card_numbers(" | ".join(meant.matched))[:600]
    message.keyword = meant.keyword
    values = message.model_dump(exclude={"id"})
    insert = upsert(session, InboundMessage).values(**values).on_conflict_do_nothing()
    number = session.execute(insert.returning(sa.literal_column("id"))).scalar()
    return session.get_one(InboundMessage, number) if number is not None else None


def _match(
    session: Session, message: InboundMessage, customer: Customer, *, by: Actor, now: datetime
) -> InboundMatch:
    """Record that the message may be from this customer, on their timeline and case."""
    newest = (
        select(CollectionsCase.id)
        .where(CollectionsCase.customer_id == customer.id)
        .order_by(col(CollectionsCase.status) == CaseStatus.CLOSED, col(CollectionsCase.id).desc())
        .limit(1)
    )
    match = InboundMatch(
        message_id=id_of(message),
        customer_id=id_of(customer),
        case_id=session.scalar(newest),
        created_at=now,
        by=by,
    )
    session.add(match)
    session.flush()
    received = MessageReceived(
        id_of(message),
        message.source,
        message.sender,
        redact_links(message.body),  # what they quote may hold the link to their page
        reading_of(message).intents,
    )
    record_match(session, match, received, message, by=by, now=now, at=message.received_at)
    return match
