"""A customer who may not be called in the evening, and a breathing space from its first to its last day."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.holds import place_hold
from app.actions.people.support_needs import record_need
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.casework.support_needs.rules import Basis, ToldBy
from app.casework.support_needs.service import NewNeed
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from tests import builders

MEI = Actor.user("mei")
DUE = date(2026, 3, 10)
LATE = DUE + timedelta(days=3)


def a_british_case(engine: Engine) -> int:
    """A customer in London who is three days late, on the night that opens the case."""
    with transaction(engine) as session:
        book = builders.portfolio(session, pack="uk", timezone="Europe/London", currency="GBP")
        where = {"country": "GB", "timezone": "Europe/London", "postcode": "SW1A 1AA", "city": "London"}
        builders.late_customer(session, book, due_on=DUE, **where)
    builders.close_day(engine, LATE)
    with transaction(engine) as session:
        return id_of(session.scalars(select(CollectionsCase)).one())


def sent_to(engine: Engine) -> list[str]:
    return [message.letter for message in builders.messages(engine)]


def case_of(session: Session) -> CollectionsCase:
    return session.scalars(select(CollectionsCase)).one()


def test_a_breathing_space_begins_suppresses_ends_and_returns_the_case(engine: Engine) -> None:
    """SI 2020/1311: sixty days from the day after it is registered, without contact, interest or fees."""
    a_british_case(engine)
    begun = LATE + timedelta(days=1)
    with transaction(engine) as session:
        case, until = case_of(session), begun + timedelta(days=7)
        kind, now = HoldKind.BREATHING_SPACE, builders.at(begun, zone="Europe/London")
        hold = place_hold(session, case, kind, "registered", until, builders.catalog(), by=MEI, now=now).hold
        assert hold.until == begun + timedelta(days=61), "nobody enters an earlier end"
        ends = hold.until
    before = sent_to(engine)
    builders.close_day(engine, begun)
    builders.close_day(engine, ends - timedelta(days=2))
    assert sent_to(engine) == before, "not a word for sixty days"
    with transaction(engine) as session:
        assert session.scalars(select(CaseHold)).one().ended_at is None
    builders.close_day(engine, ends - timedelta(days=1))
    with transaction(engine) as session:
        assert session.scalars(select(CaseHold)).one().ended_at is not None
        case = case_of(session)
        assert case.next_contact_on is not None, "the case is back in the queue"
    builders.close_day(engine, ends + timedelta(days=20))
    assert len(sent_to(engine)) > len(before), "and is worked again"


def test_an_address_that_is_withheld_is_written_to_no_more(engine: Engine) -> None:
    """Economic abuse: the old address gets nothing any more, and no night puts it back."""
    a_british_case(engine)
    with transaction(engine) as session:
        customer = session.scalars(select(Customer)).one()
        customer.email, customer.mobile = "", ""
    told = LATE + timedelta(days=1)
    with transaction(engine) as session:
        new = NewNeed("safe_contact", Basis.CONSENT, ToldBy.CUSTOMER)
        now = builders.at(told, zone="Europe/London")
        record_need(session, case_of(session), new, builders.catalog(), places=["address"], by=MEI, now=now)
    before = sent_to(engine)
    builders.close_day(engine, told + timedelta(days=40))
    assert sent_to(engine) == before
    with transaction(engine) as session:
        customer = session.scalars(select(Customer)).one()
        assert (customer.address_line1, customer.city, customer.postcode) == ("", "", "SW1A")
        assert session.scalars(select(Portfolio)).one().pack == "uk"
