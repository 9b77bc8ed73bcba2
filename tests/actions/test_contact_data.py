"""Several numbers and addresses: one is used, a bad one is closed at once, and nothing that was known is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeVar

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.calls import CallReport, log_call
from app.actions.people.contact_data import (
    add_point,
    confirm_point,
    correct_point,
    make_main,
    mark_bad,
    remove_point,
)
from app.actions.preferences import take_back_preference
from app.book.customers.contact_points import NewPoint
from app.book.customers.events import (
    ContactPointAdded,
    ContactPointChanged,
    ContactPointEnded,
    CustomerChanged,
    LinksReplaced,
)
from app.book.customers.models import ContactPoint
from app.book.customers.queries import phones_of, points_of
from app.book.customers.rules import PointKind, PointState, PointType
from app.book.ledger.models import ContactCorrection, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.results.rules import CallResult
from app.core.actor import CUSTOMER, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.payload import Payload
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.outreach.gate.preferences import open_preferences, rest_address
from app.policy.answers import Clearance, Refusals
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import review
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
MEI = Actor.user("mei")
P = TypeVar("P", bound=Payload)
SECOND = "+861391234567"


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def anna(session: Session) -> Customer:
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON)
    return session.get_one(Customer, case.customer_id)


def a_phone(
    session: Session, customer: Customer, typed: str = "139 1234 567", **changes: object
) -> ContactPoint:
    given = {"kind": PointKind.PHONE, "type": PointType.HOME, "value": typed, "note": "told on the phone"}
    return add_point(session, customer, NewPoint(**{**given, **changes}), by=MEI, now=NOW)  # type: ignore[arg-type]


def case_of(session: Session, customer: Customer) -> CollectionsCase:
    return session.scalars(select(CollectionsCase).where(CollectionsCase.customer_id == customer.id)).one()


def told_last(session: Session, payload: type[P]) -> P:
    """The last event of a kind."""
    query = select(Event).where(Event.kind == payload.KIND).order_by(col(Event.id).desc())
    return payload.from_json(session.scalars(query).first().data)  # type: ignore[union-attr]


def verdict(session: Session, customer: Customer, channel: Channel, address: str = "") -> type:
    portfolio = session.get_one(Portfolio, customer.portfolio_id)
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=NOW)[id_of(customer)]
    asked = Contact(channel, Purpose.REMINDER, address or address_of(customer, channel))
    return type(review(asked, facts, pack, NOW))


def test_a_second_number_stands_beside_the_main_one(session: Session, anna: Customer) -> None:
    main = anna.mobile
    row = a_phone(session, anna)
    assert [(p.value, p.is_main) for p in phones_of(session, id_of(anna))] == [(main, True), (SECOND, False)]
    assert (row.state, row.by, row.noted_on) == (PointState.USABLE, MEI, ON)
    told = told_last(session, ContactPointAdded)
    assert (told.value, told.note) == (SECOND, "told on the phone")
    with pytest.raises(Conflict, match="on file"):
        a_phone(session, anna, "+86 139 1234 567")
    with pytest.raises(Conflict, match="on file"):
        a_phone(session, anna, main)


def test_a_customer_without_a_number_gets_the_first_as_main(session: Session, anna: Customer) -> None:
    remove_point(session, anna, "phone", "the line is cut", by=MEI, now=NOW)
    assert anna.mobile == ""
    assert verdict(session, anna, Channel.CALL) is Refusals
    a_phone(session, anna)
    assert anna.mobile == SECOND
    assert [p.is_main for p in phones_of(session, id_of(anna))] == [True]
    ended = [p for p in points_of(session, anna) if p.ended_at]
    assert [(p.kind, p.end_reason) for p in ended] == [(PointKind.PHONE, "the line is cut")]
    assert told_last(session, ContactPointEnded).reason == "the line is cut"


def test_a_bad_number_is_closed_at_once_and_opened_by_a_person(session: Session, anna: Customer) -> None:
    assert verdict(session, anna, Channel.CALL) is Clearance
    mark_bad(session, anna, "phone", "her neighbour answers", by=MEI, now=NOW)
    assert [verdict(session, anna, c) for c in (Channel.CALL, Channel.SMS)] == [Refusals, Refusals]
    assert verdict(session, anna, Channel.EMAIL) is Clearance
    told = told_last(session, ContactPointChanged)
    assert (told.from_, told.to) == ({"state": "usable"}, {"state": "bad"})
    with pytest.raises(Conflict, match="bad already"):
        mark_bad(session, anna, "phone", "again", by=MEI, now=NOW)
    row = session.scalars(select(ContactPoint)).one()
    confirm_point(session, anna, str(row.id), "she answered it", today=ON, by=MEI, now=NOW)
    assert verdict(session, anna, Channel.CALL) is Clearance


def test_links_are_replaced_only_where_they_were_sent(session: Session, anna: Customer) -> None:
    a_phone(session, anna)
    second = phones_of(session, id_of(anna))[1]
    mark_bad(session, anna, second.key, "out of service", by=MEI, now=NOW)
    assert anna.link_number == 0, "no link was ever sent there"
    builders.queued_message(session, case_of(session, anna), on=ON)
    mark_bad(session, anna, "phone", "another person has it", by=MEI, now=NOW)
    assert anna.link_number == 1
    assert told_last(session, LinksReplaced) == LinksReplaced()


def test_a_bad_address_takes_no_letter(session: Session, anna: Customer) -> None:
    assert verdict(session, anna, Channel.POST) is Clearance
    mark_bad(session, anna, "address", "mail came back", by=MEI, now=NOW)
    assert verdict(session, anna, Channel.POST) is Refusals
    confirm_point(session, anna, "address", "she lives there", today=ON, by=MEI, now=NOW)
    assert verdict(session, anna, Channel.POST) is Clearance


def test_another_main_number_leaves_the_old_one_on_file(session: Session, anna: Customer) -> None:
    old = anna.mobile
    row = a_phone(session, anna)
    make_main(session, anna, str(row.id), "she prefers it", by=MEI, now=NOW)
    assert anna.mobile == SECOND
    assert [(p.value, p.is_main) for p in phones_of(session, id_of(anna))] == [(SECOND, True), (old, False)]
    assert session.get_one(ContactCorrection, (id_of(anna), "mobile")).fed == old
    assert dict(told_last(session, CustomerChanged).to) == {"mobile": SECOND}
    with pytest.raises(Conflict, match="main one already"):
        make_main(session, anna, str(row.id), "again", by=MEI, now=NOW)


def test_a_bad_number_does_not_become_main(session: Session, anna: Customer) -> None:
    row = a_phone(session, anna)
    mark_bad(session, anna, str(row.id), "out of service", by=MEI, now=NOW)
    with pytest.raises(Conflict, match="Confirm it first"):
        make_main(session, anna, str(row.id), "why not", by=MEI, now=NOW)
    assert anna.mobile != SECOND


def test_a_correction_keeps_the_wrong_value_in_the_history(session: Session, anna: Customer) -> None:
    old = anna.mobile
    correct_point(session, anna, "phone", {"value": "139 1234 567"}, "a digit was wrong", by=MEI, now=NOW)
    assert anna.mobile == SECOND
    now_and_before = [
        (p.value, p.is_main, p.end_reason) for p in points_of(session, anna) if p.kind == "phone"
    ]
    assert now_and_before == [(SECOND, True, ""), (old, False, "a digit was wrong")]
    with pytest.raises(Invalid) as refused:
        correct_point(session, anna, "phone", {"value": "nonsense"}, "why", by=MEI, now=NOW)
    assert refused.value.field == "value"


def test_a_work_number_obeys_the_rules_about_work(session: Session, anna: Customer) -> None:
    row = a_phone(session, anna, type=PointType.WORK)
    assert row.employer
    for box in (False, None):  # a form whose box was left empty
        correct_point(
            session, anna, str(row.id), {}, "at work", type_=PointType.WORK, employer=box, by=MEI, now=NOW
        )
        assert row.employer
    assert verdict(session, anna, Channel.CALL, SECOND) is Refusals
    assert verdict(session, anna, Channel.CALL) is Clearance
    correct_point(
        session,
        anna,
        str(row.id),
        {},
        "her own mobile",
        type_=PointType.MOBILE,
        employer=False,
        by=MEI,
        now=NOW,
    )
    assert verdict(session, anna, Channel.CALL, SECOND) is Clearance


def test_a_call_names_the_number_that_was_called(session: Session, anna: Customer) -> None:
    row = a_phone(session, anna)
    case = case_of(session, anna)
    main = anna.mobile
    wrong = CallReport(CallResult.WRONG_NUMBER, number="139 1234 567")
    log_call(session, case, wrong, builders.catalog(), by=MEI, now=NOW)
    assert told_last(session, CallLogged).number == SECOND
    assert row.state is PointState.BAD
    assert verdict(session, anna, Channel.CALL, SECOND) is Refusals
    assert verdict(session, anna, Channel.CALL, main) is Clearance, "the main number is another one"
    unknown = CallReport(CallResult.NO_ANSWER, number="+86 139 0000 000")
    with pytest.raises(Invalid) as refused:
        log_call(session, case, unknown, builders.catalog(), by=MEI, now=NOW)
    assert refused.value.field == "number"


def test_ending_the_preference_opens_the_number_again(session: Session, anna: Customer) -> None:
    case = case_of(session, anna)
    log_call(session, case, CallReport(CallResult.WRONG_NUMBER), builders.catalog(), by=MEI, now=NOW)
    row = session.scalars(select(ContactPoint)).one()
    assert (row.value, row.state) == (anna.mobile, PointState.BAD)
    [told] = open_preferences(session, id_of(anna))
    take_back_preference(session, id_of(anna), id_of(told), reason="it is hers", by=MEI, now=NOW)
    assert row.state is PointState.USABLE
    assert verdict(session, anna, Channel.CALL) is Clearance


def test_ending_the_preference_leaves_closed_what_another_person_closed(
    session: Session, anna: Customer
) -> None:
    """A reader of a message lifts what it closed, and does not know what a colleague had heard before."""
    mark_bad(session, anna, "phone", "a shop answers", by=MEI, now=NOW)
    told = rest_address(session, anna, anna.mobile, source="their page", by=CUSTOMER, now=NOW)
    assert told is not None
    take_back_preference(session, id_of(anna), id_of(told), reason="pressed by mistake", by=MEI, now=NOW)
    assert session.scalars(select(ContactPoint)).one().state is PointState.BAD
    assert verdict(session, anna, Channel.CALL) is Refusals


def test_the_point_of_another_customer_is_not_found(session: Session, anna: Customer) -> None:
    other = builders.customer(session, session.get_one(Portfolio, anna.portfolio_id))
    row = a_phone(session, other)
    for key in (str(row.id), "999", "fax"):
        with pytest.raises(NotFound):
            mark_bad(session, anna, key, "why", by=MEI, now=NOW)
