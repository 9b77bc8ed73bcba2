"""Messages from customers: recorded and their refusals obeyed in one transaction, the rest read by a job, then by a
person. Each verb locks the message first and then the customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from app.actions.holds import PlacedHold, end_hold, place_hold
from app.actions.preferences import change_consent, refuse_channel, replace_links
from app.book.ledger.models import Customer, Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.correspondence.events import MessageReceived
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds_of
from app.casework.holds.rules import REVIEW_DAYS
from app.core.actor import CUSTOMER, SYSTEM, Actor
from app.core.bulk import upsert
from app.core.card_numbers import mask_card_numbers
from app.core.clock import Clock, local_date
from app.core.db import reading, retrying, storable, transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, lock_customers, record
from app.core.vocabulary import Channel
from app.inbound.call_requests import task_to_call
from app.inbound.events import MessageReviewed
from app.inbound.models import InboundMatch, InboundMessage
from app.inbound.rules import (
    PROVIDER_WORDS,
    Arrived,
    InboundSource,
    Intent,
    Phrasebook,
    Reading,
    ReviewOutcome,
    choices,
    languages_of,
    read,
)
from app.outreach.gate.consent import consent_of
from app.outreach.gate.facts import address_of
from app.outreach.gate.models import ContactPreference
from app.outreach.gate.preferences import end_preference, rest_address, set_preference
from app.outreach.gate.suppression import suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, redact_links
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.on_demand import answer_for_help
from app.policy.answers import Clearance
from app.policy.facts import PreferenceKind, Suppression

log = structlog.get_logger("desk.inbound")


"""Who did it, on the timeline: the customer, by a message or on their page."""
MOST_QUOTABLE = 40
"""Messages of ours in which a quote is looked for, the latest first."""
SHORTEST_QUOTE = 12
"""Characters: a shorter message quotes nothing."""
LONGEST_BODY = 4000
"""Characters kept; an SMS of ten segments has 1,600."""


# --- reception ------------------------------------------------------------------------------------------------


def receive(
    session: Session, arrived: Arrived, book: Phrasebook, letters: LetterCatalog, *, now: datetime
) -> InboundMessage | None:
    """Put an SMS on record for everybody who has the number, and end at once what it refuses. None if it is known."""
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
        with _or_a_person(session, message, now=now):
            _obey(session, match, message, customer, now=now)
        with _or_a_person(session, message, now=now):
            _hold(session, match, message, letters, alone=len(customers) == 1, now=now)
    if not customers and Channel.SMS in meant.refused and message.sender.startswith("+"):
        # Nobody's yet; should it become somebody's, they have refused already.
        suppress(
            session,
            Channel.SMS,
            message.sender,
            Suppression.MANUAL,
            detail=_source(message),
            by=CUSTOMER,
            now=now,
        )
    return message


@contextmanager
def _or_a_person(session: Session, message: InboundMessage, *, now: datetime) -> Iterator[None]:
    """What the message asks for is done whole or not at all; where it breaks, the message is on record nevertheless,
    and is a person's from here on."""
    try:
        with session.begin_nested():
            yield
    except OperationalError:  # the database's trouble, not the message's
        raise
    except Exception as error:  # noqa: BLE001 - the provider would send it again and again
        log.error("message_not_obeyed", message=message.id, error=type(error).__name__)
        message.interpreted_at = now


def _understood(
    body: str,
    book: Phrasebook,
    *,
    provider_said: str,
    languages: frozenset[str] | None,
    ours: Sequence[str],
    names: Sequence[str],
) -> Reading:
    """What the message means. One that breaks the reading is on record all the same, for a person; and as it may be a
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
    """What we wrote lately to the number, as far as a message this long can quote it."""
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


def receive_from_page(
    session: Session,
    customer: Customer,
    channel: Channel,
    intent: Intent,
    text: str,
    ref: str,
    letters: LetterCatalog,
    *,
    now: datetime,
) -> InboundMessage | None:
    """What the customer asked for on their preferences page, for a person to look at like a message; the page was
    opened by a link in a message on `channel`. None if `ref` is known: the same form sent twice."""
    body = storable(text).strip()[:LONGEST_BODY]
    page = InboundMessage(
        source=InboundSource.PAGE,
        provider_ref=f"page:{storable(ref)}"[:120],
        recipient=channel.value,
        body=mask_card_numbers(body),
        masked=mask_card_numbers(body) != body,
        received_at=now,
    )
    message = _store(session, page, Reading((intent,)))
    if message is None:
        return None
    lock_customers(session, [id_of(customer)])
    match = _match(session, message, customer, by=CUSTOMER, now=now)
    with _or_a_person(session, message, now=now):
        _obey(session, match, message, customer, now=now)
    with _or_a_person(session, message, now=now):
        _hold(session, match, message, letters, alone=True, now=now)  # before the page says so
    message.interpreted_at = now
    with _or_a_person(session, message, now=now):
        if intent is Intent.CALL_ME and _to_call(session, match, message, now=now) and not body:
            _close(session, message, [match], ReviewOutcome.AUTOMATIC, by=SYSTEM, now=now)
    return message


def _store(session: Session, message: InboundMessage, meant: Reading) -> InboundMessage | None:
    """The row, unless the provider's id is there already: then somebody is repeating themselves."""
    message.intents = ",".join(meant.intents)
    # A quoted word of theirs can be among these, and with it whatever they wrote beside it.
    message.matched = mask_card_numbers(" | ".join(meant.matched))[:600]
    message.keyword = meant.keyword
    values = message.model_dump(exclude={"id"})
    insert = upsert(session, InboundMessage).values(**values).on_conflict_do_nothing()
    number = session.execute(insert.returning(sa.literal_column("id"))).scalar()
    return session.get_one(InboundMessage, number) if number is not None else None


def _match(
    session: Session, message: InboundMessage, customer: Customer, *, by: Actor, now: datetime
) -> InboundMatch:
    """Say that it may be from this customer: on their timeline, and in their case where they have one."""
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
    _record(session, match, received, message, by=by, now=now, at=message.received_at)
    return match


def reading_of(message: InboundMessage) -> Reading:
    """What it was taken to mean when it came."""
    intents = tuple(Intent(name) for name in message.intents.split(",") if name)
    return Reading(intents, tuple(filter(None, message.matched.split(" | "))), message.keyword)


def _record(
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


# --- what is obeyed at once -----------------------------------------------------------------------------------


def _obey(
    session: Session, match: InboundMatch, message: InboundMessage, customer: Customer, *, now: datetime
) -> None:
    """End the channels that are refused. What may be refused, and an address that may be somebody else's, rests."""
    meant = reading_of(message)
    for channel in meant.refused:
        refuse_channel(
            session,
            customer,
            channel,
            source=_source(message),
            case_id=match.case_id,
            by=CUSTOMER,
            now=now,
        )
    wrong = Intent.WRONG_NUMBER in meant.intents
    if not wrong and Intent.MAYBE_STOP not in meant.intents:
        return
    source = f"waits for a person: {_source(message)}"[:120]
    if wrong:
        address = _wrong_address(message, customer)
        rests = rest_address(
            session, customer, address, source=source, case_id=match.case_id, by=CUSTOMER, now=now
        )
        match.preference_id = rests.id if rests else None
    elif customer.mobile:
        match.preference_id = set_preference(
            session, customer, PreferenceKind.PLACE, channel=Channel.SMS, address=customer.mobile,
            source=source, case_id=match.case_id, by=CUSTOMER, now=now,
        ).id  # fmt: skip


def _wrong_address(message: InboundMessage, customer: Customer) -> str:
    """The address at which somebody else says they were reached; '' where it is not the customer's any more."""
    if message.source is InboundSource.PAGE:
        return address_of(customer, Channel(message.recipient))
    return message.sender if message.sender == customer.mobile else ""


def _source(message: InboundMessage) -> str:
    where = "SMS reply" if message.source is InboundSource.SMS else "preferences page"
    return f"{where}: {message.matched or message.intents}"[:100]


# --- the job --------------------------------------------------------------------------------------------------


def interpret_due(
    engine: Engine, stationery: LetterCatalog, clock: Clock, *, at_most: int = 200
) -> dict[str, int]:
    """Act on messages that were recorded since: holds, START, HELP. Returns how many were read and how many of them
    wait for a person. Safe in many processes; each message is a transaction of its own."""
    with reading(engine) as session:
        unread = select(InboundMessage.id).where(col(InboundMessage.interpreted_at).is_(None))
        ids = session.scalars(unread.order_by(col(InboundMessage.id)).limit(at_most)).all()
    counts = {"read": 0, "for_a_person": 0}
    for number in ids:
        try:
            waits = retrying(partial(_interpret_one, engine, number or 0, stationery, clock))
        except OperationalError as error:  # the database's trouble, not the message's: the next tick
            log.error("message_not_read", message=number, error=type(error).__name__)
            continue
        except Exception as error:  # one message must not hold up the others
            log.error("message_not_read", message=number, error=type(error).__name__)
            waits = retrying(partial(_leave_to_person, engine, number or 0, clock))
        counts["read"] += waits is not None
        counts["for_a_person"] += bool(waits)
    return counts if counts["read"] else {}


def _interpret_one(engine: Engine, number: int, stationery: LetterCatalog, clock: Clock) -> bool | None:
    """Whether the message waits for a person now; None if another process has it."""
    with transaction(engine) as session:
        query = select(InboundMessage).where(
            InboundMessage.id == number, col(InboundMessage.interpreted_at).is_(None)
        )
        message = session.scalar(query.with_for_update(skip_locked=True))
        if message is None:
            return None
        interpret(session, message, stationery, now=clock.now())
        return message.reviewed_at is None


def _leave_to_person(engine: Engine, number: int, clock: Clock) -> bool | None:
    """Take a message that cannot be acted on out of the line: it waits for a person, and stands before nobody."""
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
    matches = _lock(session, message)
    meant = reading_of(message)
    settled = bool(matches) and meant.needs_nobody and not message.masked
    for match in matches:
        customer = session.get_one(Customer, match.customer_id)
        if Intent.START in meant.intents:
            settled &= _start(session, match, message, customer, alone=len(matches) == 1, now=now)
        if Intent.CALL_ME in meant.intents and len(matches) == 1:
            _to_call(session, match, message, now=now)
        if (
            Intent.HELP in meant.intents and message.provider_said.upper() != "HELP"
        ):  # the provider has answered
            settled &= answers_help and _help(session, match, letters, now=now)
    message.interpreted_at = now
    if settled:
        _close(session, message, matches, ReviewOutcome.AUTOMATIC, by=SYSTEM, now=now)


def _lock(session: Session, message: InboundMessage) -> Sequence[InboundMatch]:
    """Whose message it is, those customers locked until the transaction ends."""
    query = select(InboundMatch).where(InboundMatch.message_id == message.id)
    matches = session.scalars(query.order_by(col(InboundMatch.customer_id))).all()
    lock_customers(session, [match.customer_id for match in matches])
    return matches


def _hold(
    session: Session,
    match: InboundMatch,
    message: InboundMessage,
    letters: LetterCatalog,
    *,
    alone: bool,
    now: datetime,
) -> None:
    """Place the holds that the message asks for, where none of the kind stands; they stay until a person ends them.
    `alone`: nobody else has the number, so that the words are this customer's and may be acknowledged."""
    meant = reading_of(message)
    if match.case_id is None or match.hold_id is not None or not meant.holds:
        return
    case = session.get_one(CollectionsCase, match.case_id)
    standing = {hold.kind for hold in open_holds_of(session, match.customer_id)}
    reason = f"{_source(message)}; a person has to look"
    until = _today(session, match, now) + timedelta(days=REVIEW_DAYS)
    theirs = alone and Intent.WRONG_NUMBER not in meant.intents
    for kind in meant.holds:
        if kind not in standing:
            place = partial(place_hold, session, case, kind, reason, until, letters, by=CUSTOMER, now=now)
            hold = _placed(session, message, place, acknowledge=theirs, now=now)
            match.hold_id = match.hold_id or hold.id


def _placed(
    session: Session,
    message: InboundMessage,
    place: Callable[..., PlacedHold],
    *,
    acknowledge: bool,
    now: datetime,
) -> CaseHold:
    """The hold stands also where its acknowledgement cannot be written; then a person writes it."""
    with _or_a_person(session, message, now=now):
        return place(acknowledge=acknowledge).hold
    return place(acknowledge=False).hold


def _today(session: Session, match: InboundMatch, now: datetime) -> date:
    customer = session.get_one(Customer, match.customer_id)
    return local_date(now, session.get_one(Portfolio, customer.portfolio_id).timezone)


def _start(
    session: Session,
    match: InboundMatch,
    message: InboundMessage,
    customer: Customer,
    *,
    alone: bool,
    now: datetime,
) -> bool:
    """Take back an SMS opt-out, and nothing else. False where it needs a person: several have the number, and
    only one of them has written; or they refused after they wrote this, which took its time to reach us."""
    known = consent_of(session, customer, Channel.SMS)
    if known is None or known.allowed:
        return True
    alone = alone and known.at <= message.received_at
    if alone:
        change_consent(
            session, customer, Channel.SMS, allowed=True, source=_source(message), case_id=match.case_id,
            by=CUSTOMER, now=now,
        )  # fmt: skip
    return alone


def _to_call(session: Session, match: InboundMatch, message: InboundMessage, *, now: datetime) -> bool:
    """Put the call they ask for on the worklist. False where there is no case to call about, or they may not be
    called: then a person finds another way."""
    if match.case_id is None:
        return False
    case = session.get_one(CollectionsCase, match.case_id)
    return task_to_call(session, case, message.body, by=CUSTOMER, now=now)


def _help(session: Session, match: InboundMatch, stationery: LetterCatalog, *, now: datetime) -> bool:
    """Tell them how to reach us, where the gate permits. False where it does not: then a person answers."""
    if match.case_id is None:
        return False
    case = session.get_one(CollectionsCase, match.case_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = _today(session, match, now)
    answer = answer_for_help(session, portfolio, case, stationery, on=today, by=SYSTEM, now=now)
    return answer is None or isinstance(answer, Clearance)


# --- people ---------------------------------------------------------------------------------------------------


def review(
    session: Session, message: InboundMessage, outcome: ReviewOutcome, *, by: Actor, now: datetime
) -> None:
    """A person has read it and decided. Conflict if somebody has before, or for a decision that does not fit."""
    matches = _lock(session, message)
    if message.reviewed_at is not None:
        raise Conflict("somebody has dealt with this message already")
    kept_back = any(match.preference_id or match.hold_id for match in matches)
    fitting = choices(reading_of(message).intents, kept_back=kept_back, known=bool(matches))
    if outcome not in {choice.outcome for choice in fitting}:
        raise Conflict("this cannot be decided about this message")
    wrong = Intent.WRONG_NUMBER in reading_of(message).intents
    for match in matches:
        customer = session.get_one(Customer, match.customer_id)
        if outcome is ReviewOutcome.STOPPED:
            source = f"read by a person: {_source(message)}"
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
    _close(session, message, matches, outcome, by=by, now=now)


def _lift_preference(session: Session, match: InboundMatch, *, by: Actor, now: datetime) -> None:
    row = session.get(ContactPreference, match.preference_id) if match.preference_id else None
    if row is not None and row.ended_at is None:
        end_preference(session, row, case_id=match.case_id, by=by, now=now)


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
        end_hold(session, hold, by=by, now=now, reason=why)


def _close(
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
        _record(session, match, MessageReviewed(id_of(message), outcome), message, by=by, now=now)


def attach(
    session: Session,
    message: InboundMessage,
    customer: Customer,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> InboundMatch:
    """A person says whose message it is that came from a number nobody has; its refusals count for them from now, and
    a dispute is acknowledged. Conflict if it has an owner, or was dealt with."""
    if message.reviewed_at is not None:
        raise Conflict("somebody has dealt with this message already")
    if _lock(session, message):
        raise Conflict("it is known already whose message this is")
    lock_customers(session, [id_of(customer)])
    match = _match(session, message, customer, by=by, now=now)
    _obey(session, match, message, customer, now=now)
    _hold(session, match, message, letters, alone=True, now=now)
    return match
