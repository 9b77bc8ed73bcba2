"""Lives in which a customer moves, or a number turns out to be somebody else's. A paragraph a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.calls import log_call
from app.actions.people.contact_data import confirm_point
from app.actions.people.person import change_person
from app.actions.results.report import CallReport
from app.book.customers.queries import points_of
from app.book.customers.rules import PointKind
from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CallTask, CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.outreach.duties.models import Duty
from app.outreach.gate.events import ContactWithheld
from app.outreach.gate.explain import explain
from app.policy.answers import Answer, WaitUntil
from app.policy.composition import packs_for
from tests import builders

ANN = Actor.user("ann")
CHICAGO, NEW_YORK = "America/Chicago", "America/New_York"
DUE, ON = date(2026, 3, 1), date(2026, 3, 16)
NUMBER = "+12145550123"
CATALOG = builders.catalog()


def a_texan(session: Session) -> None:
    book = builders.portfolio(
        session, pack="us-third-party", collector="third_party", currency="USD", timezone=CHICAGO
    )
    builders.late_customer(
        session, book, due_on=DUE, country="US", region="TX", city="Dallas", postcode="75201",
        address_line1="1 Main Street", timezone=CHICAGO, mobile=NUMBER,
    )  # fmt: skip


def asked(session: Session, channel: Channel, at: datetime, purpose: Purpose = Purpose.REMINDER) -> Answer:
    customer = session.scalars(select(Customer)).one()
    return explain(session, get_portfolio(session, builders.BOOK), customer, channel, purpose, at=at)


def rules_of(answer: Answer) -> set[str]:
    return {reason.rule for reason in getattr(answer, "reasons", ())}


def night(engine: Engine, on: date) -> None:
    builders.close_day(engine, on, now=builders.night_after(on, CHICAGO))


def test_a_customer_who_moves_to_another_state_has_its_law_from_that_day(engine: Engine) -> None:
    with transaction(engine) as session:
        a_texan(session)
    night(engine, ON)

    # In Texas the packs of the United States and of Texas hold, by her clock: at 21:30 of New York it is 20:30 there.
    evening = builders.at(ON, 20, 30, zone=CHICAGO)
    with transaction(engine) as session:
        customer, book = session.scalars(select(Customer)).one(), get_portfolio(session, builders.BOOK)
        assert {label.partition("@")[0] for label in packs_for(book, customer).parts} >= {
            "us-third-party",
            "us-tx-third-party",
        }
        assert not {rule for rule in rules_of(asked(session, Channel.CALL, evening)) if "hours" in rule}
        duties = {duty.letter for duty in session.scalars(select(Duty))}
        assert "ny_disclosures" not in duties

        # A text is queued for the next morning; it leaves in New York as well, and is the first contact.
        case = session.scalars(select(CollectionsCase)).one()
        builders.queued_message(session, case, on=ON, step="third-sms")

        # She calls: she lives in New York City now.
        moved = {
            "address_line1": "5 Court Street", "city": "New York", "region": "NY", "postcode": "10001",
            "timezone": NEW_YORK,
        }  # fmt: skip
        change_person(
            session, customer, moved, "told on the phone", by=ANN, now=builders.at(ON + timedelta(days=1), 8)
        )

    # From that moment it is the law of the state and of the city, and her evening ends an hour earlier.
    with transaction(engine) as session:
        customer, book = session.scalars(select(Customer)).one(), get_portfolio(session, builders.BOOK)
        parts = {label.partition("@")[0] for label in packs_for(book, customer).parts}
        assert parts >= {"us-third-party", "us-ny", "us-ny-third-party", "us-nyc"}
        assert not {each for each in parts if each.startswith("us-tx")}
        late = asked(session, Channel.CALL, evening + timedelta(days=1))
        assert {rule for rule in rules_of(late) if "hours" in rule}

    # The night had planned an e-mail under the law of Texas. It is judged again as it leaves: New York wants consent.
    builders.deliver(engine, builders.at(ON + timedelta(days=1), 10, zone=CHICAGO))
    with transaction(engine) as session:
        [withheld] = builders.events(session, ContactWithheld.KIND)
        assert withheld["channel"] is Channel.EMAIL
        assert "us-ny.email_consent" in {reason["rule"] for reason in withheld["reasons"]}
        assert "us-tx" not in withheld["pack"]

    # What New York owes her after the first contact is owed from the next night on.
    night(engine, ON + timedelta(days=1))
    with transaction(engine) as session:
        assert "ny_disclosures" in {duty.letter for duty in session.scalars(select(Duty))}

    # The old address stays in the history.
    with transaction(engine) as session:
        customer = session.scalars(select(Customer)).one()
        ended = [
            point
            for point in points_of(session, customer)
            if point.kind is PointKind.ADDRESS and point.ended_at
        ]
        assert "Dallas" in ended[0].value
        assert ended[0].end_reason == "told on the phone"


def test_a_number_that_was_somebody_elses_is_struck_until_it_is_confirmed(engine: Engine) -> None:
    with transaction(engine) as session:
        a_texan(session)
    night(engine, ON)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        builders.queued_message(session, case, on=ON, step="third-sms")
        link_before = session.scalars(select(Customer)).one().link_number
        call = CallReport("wrong_number", "a stranger has had this number for a year", number=NUMBER)
        log_call(
            session,
            case,
            call,
            CATALOG,
            is_sure=True,
            by=ANN,
            now=builders.at(ON + timedelta(days=1), 9, zone=CHICAGO),
        )

    # The same morning nothing leaves for that number, links that were sent there only stop messages, no call is open.
    sender = builders.deliver(engine, builders.at(ON + timedelta(days=1), 10, zone=CHICAGO))
    assert NUMBER not in {each.to for each in sender.sent}
    for n in range(1, 15):
        night(engine, ON + timedelta(days=n))
        sender = builders.deliver(engine, builders.at(ON + timedelta(days=n + 1), 10, zone=CHICAGO))
        assert NUMBER not in {each.to for each in sender.sent}
    later = builders.at(ON + timedelta(days=15), 12, zone=CHICAGO)
    with transaction(engine) as session:
        assert session.scalars(select(Customer)).one().link_number > link_before
        for channel in (Channel.SMS, Channel.CALL):
            for purpose in (Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE):
                answer = asked(session, channel, later, purpose)
                assert rules_of(answer), (channel, purpose)
                assert not isinstance(answer, WaitUntil)
        assert [task for task in session.scalars(select(CallTask)) if task.done_at is None] == []

        # She writes that it is hers again, and an agent confirms it: it may be used where the rules permit.
        customer = session.scalars(select(Customer)).one()
        [point] = [
            each
            for each in points_of(session, customer)
            if each.kind is PointKind.PHONE and each.ended_at is None
        ]
        confirm_point(session, customer, point.key, "she wrote from her e-mail", today=ON, by=ANN, now=later)
        assert "desk.suppressed" not in rules_of(asked(session, Channel.SMS, later))
        assert not {rule for rule in rules_of(asked(session, Channel.CALL, later)) if "place" in rule}
