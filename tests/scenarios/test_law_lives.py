"""Lives in which the law decides, a paragraph a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.correspondence.models import InboundMessage
from app.casework.holds.events import HoldPlaced, HoldReviewDue
from app.casework.holds.models import CaseHold
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.inbound.interpretation import interpret_due
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.gate.events import ContactRefused
from app.outreach.gate.explain import explain
from app.outreach.outbox.events import ContactSent
from app.policy.answers import Refusals
from tests import builders

TEXAS, NUMBER = "America/Chicago", "+12145550123"
DUE = date(2026, 5, 29)
CEASED = date(2026, 6, 1)


def at_noon(on: date) -> datetime:
    return builders.at(on, 12, zone=TEXAS)


def a_customer_of_an_agency(session: Session) -> int:
    book = builders.portfolio(
        session, pack="us-third-party", collector="third_party", currency="USD", timezone=TEXAS
    )
    card = builders.late_customer(
        session, book, due_on=DUE, minimum=5_000, country="US", region="TX", city="Dallas", postcode="75201",
        timezone=TEXAS, mobile=NUMBER,
    )  # fmt: skip
    return card.customer_id


def texts(engine: Engine, words: str, on: date) -> None:
    with transaction(engine) as session:
        arrived = Arrived("SM1", NUMBER, "+12145550199", words)
        receive(session, arrived, shipped_phrases(), builders.catalog(), now=at_noon(on))
    interpret_due(engine, builders.catalog(), FixedClock(at_noon(on)))


def test_who_refuses_all_contact_hears_nothing_and_a_person_is_asked_again_and_again(
    sqlite_engine: Engine,
) -> None:
    """12 CFR 1006.6(c)(1). Nobody reviews the message for sixty days."""
    engine = sqlite_engine
    sender = builders.RecordingSender()
    with transaction(engine) as session:
        customer_id = a_customer_of_an_agency(session)

    # Three days past due she owes 50.00 and is on the ladder. At noon on 1 June she texts, before anything has left.
    for back in (2, 1):
        on = CEASED - timedelta(days=back)
        builders.close_day(engine, on, now=builders.night_after(on, TEXAS))
    texts(engine, "do not contact me again, I refuse to pay", CEASED)

    # From then on the nights go by and so do the mornings.
    for n in range(60):
        on = CEASED + timedelta(days=n)
        builders.close_day(engine, on, now=builders.night_after(on, TEXAS))
        builders.deliver(engine, builders.at(on + timedelta(days=1), 10, zone=TEXAS), sender)

    # Sixty days later nothing has left on any channel, and no call is waiting to be made.
    assert sender.sent == []
    last = CEASED + timedelta(days=60)
    with transaction(engine) as session:
        assert builders.events(session, ContactSent.KIND, customer_id=customer_id) == []
        assert session.scalars(select(CallTask).where(col(CallTask.done_at).is_(None))).all() == []

        # A person was asked: by the message on 1 June, and by the hold on 1 and 16 July and on 31 July.
        [message] = session.scalars(select(InboundMessage))
        assert message.reviewed_at is None
        asked = builders.events(session, HoldReviewDue.KIND, customer_id=customer_id)
        assert [event["due"] for event in asked] == ["2026-07-01"] * 3
        nights = [datetime.fromisoformat(str(event["at"])).astimezone().date() for event in asked]
        assert len(set(nights)) == 3

        # The case says why: the hold with her message, and the gate's refusals with the law.
        [placed] = builders.events(session, HoldPlaced.KIND, customer_id=customer_id)
        assert placed["kind"] == HoldPlaced.KIND
        [hold] = session.scalars(select(CaseHold))
        assert (hold.kind, hold.ended_at) == (HoldKind.CEASE_CONTACT, None)
        assert "a person has to look" in hold.reason
        refused = builders.events(session, ContactRefused.KIND, customer_id=customer_id)
        assert refused
        for event in refused:
            [reason] = [each for each in event["reasons"] if each["rule"] == "us.cease"]
            assert reason["citation"] == "15 USC 1692c(c); 12 CFR 1006.6(c)(1)-(2)"
            assert reason["figures"]["review_on"] == "2026-07-01"

        # And so it stays: refused on every channel, with no day on which contact begins.
        case = session.scalars(select(CollectionsCase)).one()
        book = get_portfolio(session, builders.BOOK)
        customer = session.get_one(Customer, case.customer_id)
        for channel in Channel:
            answer = explain(session, book, customer, channel, Purpose.REMINDER, at=at_noon(last))
            assert isinstance(answer, Refusals)
            assert "us.cease" in {reason.rule for reason in answer.reasons}
            assert answer.review_on == date(2026, 7, 1)
        assert id_of(customer) == customer_id


def test_who_refuses_all_contact_before_there_is_a_case_is_left_alone_all_the_same(engine: Engine) -> None:
    with transaction(engine) as session:
        customer_id = a_customer_of_an_agency(session)
    texts(engine, "do not contact me again", CEASED - timedelta(days=3))
    sender = builders.RecordingSender()
    for n in range(-3, 8):
        on = CEASED + timedelta(days=n)
        builders.close_day(engine, on, now=builders.night_after(on, TEXAS))
        builders.deliver(engine, builders.at(on + timedelta(days=1), 10, zone=TEXAS), sender)
    assert sender.sent == []
    with transaction(engine) as session:
        assert builders.events(session, ContactSent.KIND, customer_id=customer_id) == []
        assert session.scalars(select(CallTask)).all() == []
