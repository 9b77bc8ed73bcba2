"""Search: a customer is found by everything a caller can say, on both databases, at once after a change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.assignment import hand_over_case
from app.book.customers.contact_points import NewPoint, add_point
from app.book.customers.rules import PointKind, PointType
from app.book.customers.service import change_contact
from app.book.ledger.models import Account, Customer
from app.book.names.service import index_all
from app.casework.cases.events import CallLogged, NoteAdded
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.parties.contacts import record_contact
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.service import start_party
from app.casework.parties.told import NewParty
from app.casework.search.hits import Hit, find, find_callers
from app.casework.search.rules import Way, read_search
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.core.staff import service as staff
from app.core.staff.rules import Role
from app.core.timeline.service import about_customer, record
from app.core.timeline.words import index_events
from app.core.vocabulary import Channel
from tests import builders

ON = date(2026, 3, 2)
MEI = Actor.user("mei")
Search = Callable[[str], list[Hit]]


@pytest.fixture
def search(engine: Engine) -> Search:
    def run(text: str) -> list[Hit]:
        with reading(engine) as session:
            return find(session, read_search(text), limit=10)[0]

    return run


def a_case(engine: Engine, name: str, **changes: object) -> CollectionsCase:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON, **changes)
        change_contact(
            session,
            session.get_one(Customer, case.customer_id),
            {"full_name": name},
            "told",
            by=MEI,
            now=builders.NOW,
        )
        return case


def note(engine: Engine, case: CollectionsCase, text: str) -> None:
    with transaction(engine) as session:
        told = about_customer(case.customer_id, NoteAdded(text), case_id=id_of(case))
        record(session, told, by=MEI, now=builders.NOW)


def refs(hits: list[Hit]) -> list[str]:
    return [hit.reference for hit in hits]


def test_a_customer_is_found_by_each_thing_a_caller_says(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Renée O'Brien-Østby")
    with transaction(engine) as session:
        customer = session.get_one(Customer, case.customer_id)
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        customer.mobile, customer.email, card.card_last4 = "+8613800138042", "Renee@example.org", "5294"
        reference, owner = card.reference, customer.reference
        builders.payment(session, card, 100, ON, reference="Pay-77")
    a_case(engine, "Somebody Else")
    ways = {
        "renee": Way.NAME, "OBRIEN": Way.NAME, "ostby ren": Way.NAME, "østby": Way.NAME,
        "+86 138 0013 8042": Way.PHONE, "013800138042": Way.PHONE, "8042": Way.PHONE,
        "5294": Way.CARD, "renee@EXAMPLE.org": Way.EMAIL, case.reference.lower(): Way.CASE,
        reference.lower(): Way.ACCOUNT, owner.lower(): Way.CUSTOMER, "Pay-77": Way.PAYMENT,
    }  # fmt: skip
    for typed, way in ways.items():
        hits = search(typed)
        assert refs(hits) == [case.reference], typed
        assert way in [each.way for each in hits[0].matched], typed


def test_one_character_of_a_chinese_name_is_enough(engine: Engine, search: Search) -> None:
    case = a_case(engine, "陳志明")
    for typed in ("陳", "志明", "明", "陳志明"):
        assert refs(search(typed)) == [case.reference], typed
    assert search("志陳") == []


def test_words_of_notes_and_calls_are_found_newest_first(engine: Engine, search: Search) -> None:
    first, second = a_case(engine, "Anna One"), a_case(engine, "Ben Two")
    note(engine, first, "Lost her job in spring; will ring back")
    with transaction(engine) as session:
        call = CallLogged(result="no_answer", note="lost the card", number="")  # type: ignore[arg-type]
        record(
            session, about_customer(second.customer_id, call, case_id=id_of(second)), by=MEI, now=builders.NOW
        )
    assert refs(search("lost")) == [second.reference, first.reference]
    assert refs(search("lost spri")) == [first.reference]
    assert search("spring lost card") == []
    assert search("lost")[1].matched[0].detail.startswith("Lost her job")
    note(engine, second, "她說下星期付款")
    assert refs(search("星期")) == [second.reference]


def test_closed_cases_are_found_and_marked_and_the_open_one_comes_first(
    engine: Engine, search: Search
) -> None:
    over = {"status": CaseStatus.CLOSED, "outcome": CaseOutcome.CURED, "closed_on": ON}
    closed = a_case(engine, "Carla Smith", **over)
    opened = a_case(engine, "Zora Smith", owner="ben")
    hits = search("smith")
    assert [(hit.reference, hit.is_closed) for hit in hits] == [
        (opened.reference, False),
        (closed.reference, True),
    ]


def test_a_new_name_is_found_at_once_and_the_former_one_still(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Anna Before")
    with transaction(engine) as session:
        customer = session.get_one(Customer, case.customer_id)
        change_contact(session, customer, {"full_name": "Anna After"}, "married", by=MEI, now=builders.NOW)
    assert refs(search("after")) == [case.reference]
    assert refs(search("before")) == [case.reference], "a caller may give the name they had"


def test_a_second_number_is_found_too(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Anna One")
    with transaction(engine) as session:
        another_number(session, session.get_one(Customer, case.customer_id), "+862155501234")
    assert refs(search("5550 1234")) == [case.reference]
    with reading(engine) as session:
        assert refs(find_callers(session, "862155501234", limit=5)[0]) == [case.reference]


def test_an_attorney_leads_to_the_customer_by_name_and_by_number(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Anna One")
    with transaction(engine) as session:
        session.add(
            ThirdParty(
                customer_id=case.customer_id, kind=PartyKind.ATTORNEY, name="Lena Advocate",
                organisation="Harbour Law", phone="+862155501234", may_be_told=MayBeTold.NOTHING,
                created_at=builders.NOW, by="user:mei",
            )
        )  # fmt: skip
    for typed in ("harbour", "advocate lena", "5550 1234"):
        [hit] = search(typed)
        assert hit.matched[0].way is Way.THIRD_PARTY, typed


def test_both_indexes_are_built_anew_from_the_rows(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Anna One")
    note(engine, case, "speaks Frisian")
    with transaction(engine) as session:
        assert index_all(session) == 1
        assert index_events(session) == 1
    assert refs(search("anna")) == refs(search("frisian")) == [case.reference]


def test_a_frequent_name_costs_no_more_than_a_page(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        for n in range(30):
            builders.account(session, builders.customer(session, book, full_name=f"Kim Smith {n}"))
    with reading(engine) as session:
        hits, more = find(session, read_search("smi"), limit=10)
    assert (len(hits), more) == (10, True)


def another_number(session: Session, customer: Customer, number: str) -> None:
    new = NewPoint(PointKind.PHONE, PointType.WORK, number)
    add_point(session, customer, new, by=MEI, now=builders.NOW)


@pytest.mark.parametrize("typed", ["0912 345 678", "+886 912-345-678", "(0912)345678", "٩١٢٣٤٥٦٧٨", "345678"])
def test_a_number_in_a_note_is_found_in_any_spelling(engine: Engine, search: Search, typed: str) -> None:
    case, other = a_case(engine, "Anna One"), a_case(engine, "Ben Two")
    note(engine, case, "Her brother, 0912-345-678, may be rung on 2026-03-04")
    note(engine, other, "rang 0912 345 679 twice")
    assert refs(search(typed)) == [case.reference]
    with reading(engine) as session:
        assert find_callers(session, "912345678", limit=5)[0] == [], "a screen pop opens who is on file"


def test_notes_of_a_hand_over_and_of_a_third_party_are_found(engine: Engine, search: Search) -> None:
    case = a_case(engine, "Anna One")
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, case.id)
        lena = NewParty(
            PartyKind.ATTORNEY,
            "Lena Advocate",
            phone="021 5550 1234",
            reference="2026/114",
            note="Tuesdays only",
        )
        party = start_party(session, case, lena, by=MEI, now=builders.NOW)
        said = "Her clerk took the figures down"
        record_contact(
            session, case, party, Channel.CALL, said, inbound=True, today=ON, by=MEI, now=builders.NOW
        )
        staff.add_user(session, "ben", "Ben", Role.AGENT, "four blue kettles", by=MEI, now=builders.NOW)
        hand_over_case(session, case, "ben", "Speaks Frisian", by=MEI, role=Role.MANAGER, now=builders.NOW)
    for typed in ("frisian", "tuesdays", "clerk", "2026/114", "021 5550 1234", "02155501234", "5550-1234"):
        assert refs(search(typed)) == [case.reference], typed
