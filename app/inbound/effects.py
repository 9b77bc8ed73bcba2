"""Effects of a message: each of its meanings ends in an act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from app.actions.holds import PlacedHold, place_hold
from app.actions.preferences import (
    add_preference,
    change_consent,
    keep_daily_time,
    refuse_channel,
    rest_wrong_address,
)
from app.actions.results.claims import SaidPayment, claim_payment
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.casework.disputes.rules import Receipt, ReceivedAs
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import open_holds_of
from app.casework.holds.rules import CLAIM_DAYS, REVIEW_DAYS
from app.core.actor import CUSTOMER, SYSTEM
from app.core.vocabulary import HOLD_TRAITS, Channel, HoldKind
from app.inbound.call_requests import task_to_call
from app.inbound.messages import or_a_person, reading_of, source_of, today_of
from app.inbound.phrases.wishes import unwanted_time
from app.inbound.rules import HOLDS, PAGE_HOLDS, InboundSource, Intent
from app.outreach.gate.consent import consent_of
from app.outreach.gate.facts import address_of
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.on_demand import answer_for_help
from app.policy.answers import Clearance
from app.policy.facts import PreferenceKind


def obey_refusals(
    session: Session, match: InboundMatch, message: InboundMessage, customer: Customer, *, now: datetime
) -> None:
    """End the channels that are refused. A channel that may be refused rests, and so does an address that may be
    another person's."""
    meant = reading_of(message)
    # Without a case there is no hold to place: then the wish for no contact at all is kept as a no to every channel.
    nowhere = Intent.CEASE in meant.intents and match.case_id is None
    for channel in Channel if nowhere else meant.refused:
        refuse_channel(
            session,
            customer,
            channel,
            source=source_of(message),
            case_id=match.case_id,
            by=CUSTOMER,
            now=now,
        )
    wrong = Intent.WRONG_NUMBER in meant.intents
    if not wrong and Intent.MAYBE_STOP not in meant.intents:
        return
    source = f"waits for a person: {source_of(message)}"[:120]
    if wrong:
        address = _wrong_address(message, customer)
        why = "wrong number, they say"
        rests = rest_wrong_address(
            session, customer, address, why, source=source, case_id=match.case_id, by=CUSTOMER, now=now
        )
        match.preference_id = rests.id if rests else None
    elif customer.mobile:
        match.preference_id = add_preference(
            session, customer, PreferenceKind.PLACE, channel=Channel.SMS, source=source,
            case_id=match.case_id, by=CUSTOMER, now=now,
        ).id  # fmt: skip


def _wrong_address(message: InboundMessage, customer: Customer) -> str:
    """The address at which another person was reached; '' where it is not the customer's any more."""
    if message.source is InboundSource.PAGE:
        return address_of(customer, Channel(message.recipient))
    return message.sender if message.sender == customer.mobile else ""


def note_unwanted_time(
    session: Session, match: InboundMatch, message: InboundMessage, customer: Customer, *, now: datetime
) -> None:
    """Keep a time of day at which they ask for no contact, once however often they say it. A person reads the message
    all the same."""
    told = unwanted_time(message.body)
    if told is None or Intent.WRONG_NUMBER in reading_of(message).intents:
        return
    keep_daily_time(
        session, customer, told.channel, told.start, told.end,
        source=source_of(message), case_id=match.case_id, by=CUSTOMER, now=now,
    )  # fmt: skip


def place_holds(
    session: Session,
    match: InboundMatch,
    message: InboundMessage,
    letters: LetterCatalog,
    *,
    alone: bool,
    now: datetime,
) -> None:
    """Place the holds that the message asks for, where none of the kind stands; they stay until a person ends them.
    `alone`: no other customer has the number, so that the words are this customer's and may be acknowledged."""
    meant = reading_of(message)
    kinds = PAGE_HOLDS if message.source is InboundSource.PAGE else HOLDS
    asked = [kind for intent, kind in kinds.items() if intent in meant.intents]
    if match.case_id is None or match.hold_id is not None or not asked:
        return
    case = session.get_one(CollectionsCase, match.case_id)
    standing = {hold.kind for hold in open_holds_of(session, match.customer_id)}
    reason = f"{source_of(message)}; a person has to look"
    today = today_of(session, match, now)
    theirs = alone and Intent.WRONG_NUMBER not in meant.intents
    # A message may have waited: for its number to be known, or for a person who says whose it is.
    receipt = Receipt(min(today, today_of(session, match, message.received_at)), ReceivedAs.WRITTEN)
    for kind in asked:
        if kind not in standing:
            until = today + timedelta(days=CLAIM_DAYS if HOLD_TRAITS[kind].short else REVIEW_DAYS)
            if kind is HoldKind.PAYMENT_CLAIMED:
                hold = _claim(session, case, message, letters, now=now)
            else:
                place = partial(
                    place_hold, session, case, kind, reason, until, letters, disputed=receipt, by=CUSTOMER, now=now
                )  # fmt: skip
                hold = _placed(session, message, place, acknowledge=theirs, now=now)
            match.hold_id = match.hold_id or hold.id


def _claim(
    session: Session, case: CollectionsCase, message: InboundMessage, letters: LetterCatalog, *, now: datetime
) -> CaseHold:
    """Claim the payment that the customer says was made, as by telephone: a hold, and work to look for it."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    said = SaidPayment(source_of(message), note=message.body)
    placed, _ = claim_payment(session, portfolio, case, said, CLAIM_DAYS, letters, by=CUSTOMER, now=now)
    assert placed is not None  # no hold of this kind stood
    return placed.hold


def _placed(
    session: Session,
    message: InboundMessage,
    place: Callable[..., PlacedHold],
    *,
    acknowledge: bool,
    now: datetime,
) -> CaseHold:
    """The hold stands also where its acknowledgement cannot be written; then a person writes it."""
    with or_a_person(session, message, now=now):
        return place(acknowledge=acknowledge).hold
    return place(acknowledge=False).hold


def start_sms_again(
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
            session, customer, Channel.SMS, allowed=True, source=source_of(message), case_id=match.case_id,
            by=CUSTOMER, now=now,
        )  # fmt: skip
    return alone


def ask_for_call(session: Session, match: InboundMatch, message: InboundMessage, *, now: datetime) -> bool:
    """Put the call that the customer asks for on the worklist. False where there is no case to call about, or they may
    not be called: then a person finds another way."""
    if match.case_id is None:
        return False
    case = session.get_one(CollectionsCase, match.case_id)
    return task_to_call(session, case, message.body, by=CUSTOMER, now=now)


def answer_help(session: Session, match: InboundMatch, catalog: LetterCatalog, *, now: datetime) -> bool:
    """Send the customer our contact details, where the gate permits. False where it does not: then a person answers."""
    if match.case_id is None:
        return False
    case = session.get_one(CollectionsCase, match.case_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = today_of(session, match, now)
    answer = answer_for_help(session, portfolio, case, catalog, on=today, by=SYSTEM, now=now)
    return answer is None or isinstance(answer, Clearance)
