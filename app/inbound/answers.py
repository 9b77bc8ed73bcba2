"""Answer a customer's SMS in an agent's own words: through the gate and the outbox, like any message."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.messages import cancel_case_message
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import contact_id, next_occurrence
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.correspondence.models import InboundAnswer, InboundMatch, InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.queries import last_event
from app.core.timeline.words import index_words
from app.core.vocabulary import Channel
from app.inbound.messages import reading_of
from app.inbound.review import review
from app.inbound.rules import InboundSource, choices
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.events import ContactCleared
from app.outreach.letters.letter import RenderedLetter
from app.outreach.letters.rendering import render
from app.outreach.outbox.models import OutboxMessage, message_reference
from app.outreach.outbox.rules import ANSWER_LETTER, purpose_of_answer
from app.outreach.outbox.waiting import can_be_undone, wait_for_undo
from app.outreach.planning.letterhead import LetterCatalog, Letterhead
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.outreach.planning.wording import letter_context
from app.policy.answers import Answer, Clearance

ANSWERABLE_FOR = timedelta(days=7)
"""After that it is no answer any more, but a message of our own."""
MOST_ANSWERS = 3
"""Answers to one message: a customer who does not react is left alone."""
LONGEST_ANSWER = 400
"""Characters of our people's own words."""


def answerable(session: Session, customer: Customer, *, now: datetime) -> InboundMessage | None:
    """Their latest SMS that can still be answered: it came lately, from the number on file."""
    query = (
        select(InboundMessage)
        .join(InboundMatch, col(InboundMatch.message_id) == InboundMessage.id)
        .where(
            InboundMatch.customer_id == customer.id,
            InboundMessage.source == InboundSource.SMS,
            InboundMessage.sender == customer.mobile,
            col(InboundMessage.received_at) > now - ANSWERABLE_FOR,
        )
        .order_by(col(InboundMessage.received_at).desc(), col(InboundMessage.id).desc())
        .limit(1)
    )
    return session.scalar(query)


def word_answer(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    text: str,
    catalog: LetterCatalog,
    *,
    now: datetime,
) -> RenderedLetter:
    """The SMS as it would be sent, whole; nothing is asked, locked or written. Invalid as for `answer_sms`."""
    words = _checked(text)
    today = local_date(now, portfolio.timezone)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, lock=False, as_of=today)
    letter = catalog.letters[ANSWER_LETTER]
    context = letter_context(
        session, Letterhead.of(portfolio), catalog, contact_case, letter, Channel.SMS, None, now=now
    )
    context = dataclasses.replace(context, answer=words)
    return render(
        letter,
        Channel.SMS,
        letter.language_for(contact_case.customer.language, contact_case.customer.country),
        context,
    )


def answer_sms(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    text: str,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Queue these words as an answer to the customer's latest SMS, where the gate clears it; its answer is on record.
    None if the same words answer that message already: the form was sent twice.

    Their message is dealt with then, except for effects that still rest. Invalid for words that cannot be sent;
    Conflict where there is nothing to answer, or enough was said.
    """
    words = _checked(text)
    [contact_case] = load_contact_cases(session, portfolio, [id_of(case)], now=now, as_of=on)
    customer = session.get_one(Customer, case.customer_id)
    message = answerable(session, customer, now=now)
    if message is None:
        raise Conflict(
            "The customer has not written by SMS from the number on file in the last 7 days. Call them instead."
        )
    digest = hashlib.sha256(words.encode()).hexdigest()
    said = _said_to(session, message)
    if digest in said:
        return None
    if len(said) >= MOST_ANSWERS:
        raise Conflict(
            f"{MOST_ANSWERS} answers went to the customer's last SMS. Wait until they write again, or call."
        )
    step = CaseStep(id_of(case), DeskStep.ANSWER, next_occurrence(session, id_of(case), DeskStep.ANSWER))
    outgoing = LetterRequest(
        contact_case,
        ANSWER_LETTER,
        purpose_of_answer(contact_case.facts.holds),
        (Channel.SMS,),
        step,
        figures={"answer": words},
        about={"answers": str(message.id)},
    )
    [[answer]] = request_letters(session, portfolio, [outgoing], catalog, on=on, by=by, now=now)
    wait_for_undo(session, id_of(case), by=by, now=now)
    if isinstance(answer, Clearance):
        contact = contact_id(session, step, Channel.SMS)
        session.add(InboundAnswer(contact_id=contact, message_id=id_of(message), words_sha256=digest))
        cleared = last_event(session, case.customer_id, ContactCleared)
        if (
            cleared is not None
        ):  # the words are in the message; a search finds them by the event that cleared it
            index_words(session, [(id_of(cleared), words)])
        _deal_with(session, customer, by=by, now=now)
    return answer


def _said_to(session: Session, message: InboundMessage) -> set[str]:
    """Digests of the answers to a message."""
    query = select(InboundAnswer.words_sha256).where(InboundAnswer.message_id == message.id)
    return set(session.scalars(query))


def _checked(text: str) -> str:
    return clean_text(text, "text", at_most=LONGEST_ANSWER, one_line=True, empty="Write what to answer.")


def _deal_with(session: Session, customer: Customer, *, by: Actor, now: datetime) -> None:
    """Mark as dealt with the customer's SMS that waited for nothing but an answer. An SMS that a person is deciding
    about this moment is left to them; so is one that may be another person's."""
    waiting = (
        select(InboundMessage)
        .where(
            col(InboundMessage.id).in_(
                select(InboundMatch.message_id).where(InboundMatch.customer_id == customer.id)
            ),
            InboundMessage.source == InboundSource.SMS,
            col(InboundMessage.reviewed_at).is_(None),
            col(InboundMessage.interpreted_at).is_not(None),
        )
        .order_by(col(InboundMessage.id))
        .with_for_update(skip_locked=True)
    )
    for message in session.scalars(waiting).all():
        whose = session.scalars(select(InboundMatch).where(InboundMatch.message_id == message.id)).all()
        if len(whose) == 1 and _waits_only_for_an_answer(message, whose):
            review(session, message, ReviewOutcome.DONE, by=by, now=now)


def _waits_only_for_an_answer(message: InboundMessage, whose: Sequence[InboundMatch]) -> bool:
    kept_back = any(match.preference_id or match.hold_id for match in whose)
    fitting = choices(reading_of(message).intents, kept_back=kept_back, known=True)
    return ReviewOutcome.DONE in {choice.outcome for choice in fitting}


# --- recall ------------------------------------------------------------------------------------------------


def recall_message(
    session: Session, case: CollectionsCase, message_id: int, reason: str, *, by: Actor, now: datetime
) -> OutboxMessage:
    """Withhold a queued message for a reason, with who and why on record. Conflict once it is on its way."""
    row = cancel_case_message(session, case, message_id, reason, by=by, now=now)
    _wait_again(session, row)
    return row


def undo_message(
    session: Session, case: CollectionsCase, message_id: int, *, by: Actor, now: datetime
) -> OutboxMessage:
    """Take back a message that was sent by hand in the last seconds, without a reason. Conflict when they are over."""
    row = session.get(OutboxMessage, message_id)
    if row is None or row.customer_id != case.customer_id:
        raise NotFound(
            f"Case {case.reference} has no message {message_reference(message_id)}. Choose one of its timeline."
        )
    contact = session.get(PlannedContact, row.contact_id) if row.contact_id else None
    if contact is None or not can_be_undone(contact.step, row.created_at, now):
        raise Conflict("The ten seconds are over. Cancel the message with a reason while it is still queued.")
    return recall_message(session, case, message_id, "undone right after it was sent", by=by, now=now)


def _wait_again(session: Session, row: OutboxMessage) -> None:
    """Messages of the customer that this answer had dealt with wait for an answer again."""
    answered = session.get(InboundAnswer, row.contact_id) if row.contact_id else None
    if answered is None:
        return
    session.delete(answered)
    theirs = select(InboundMatch.message_id).where(InboundMatch.customer_id == row.customer_id)
    session.execute(
        sa.update(InboundMessage)
        .where(col(InboundMessage.id).in_(theirs), col(InboundMessage.reviewed_at) == row.created_at)
        .values(reviewed_at=None, reviewed_by="", outcome=None)
    )
