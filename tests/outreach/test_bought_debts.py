"""Debts that were bought: the notice of the assignment is owed, and where the law says so everything waits for it."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.book.delinquency.service import fold_accounts
from app.book.portfolios.service import get_portfolio, set_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.duties.making import make_duties
from app.outreach.duties.models import Duty
from app.outreach.duties.settling import settle_duties
from app.outreach.duties.writing import owed_letters_in_batches, write_owed
from app.outreach.gate.explain import may_sue
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Clearance
from app.policy.facts import Contact, Facts, Notice
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests import builders
from tests.policy.contacts import AMSTERDAM, LONDON, SHANGHAI, local, pack_at, rule_ids

ON = date(2026, 6, 1)  # a Monday
SOLD = date(2026, 3, 31)
PLACES: dict[str, dict[str, Any]] = {
    "GB": {"pack": "uk", "currency": "GBP", "timezone": LONDON, "city": "Gloucester", "postcode": "GL1 1AA",
           "language": "en", "mobile": "+447700900123"},
    "NL": {"pack": "nl", "currency": "EUR", "timezone": AMSTERDAM, "city": "Utrecht", "postcode": "3511 AB",
           "language": "nl", "mobile": "+31612345678"},
    "CN": {"pack": "cn", "currency": "CNY", "timezone": SHANGHAI, "city": "上海", "postcode": "200000",
           "language": "zh-Hans", "mobile": "+8613812345678"},
    "ID": {"pack": "id", "currency": "IDR", "timezone": "Asia/Jakarta", "city": "Jakarta", "postcode": "10110",
           "language": "id", "mobile": "+628123456789"},
    "NO": {"pack": "no", "currency": "NOK", "timezone": "Europe/Oslo", "city": "Oslo", "postcode": "0155",
           "language": "nb", "mobile": "+4790000000"},
    "TW": {"pack": "tw", "currency": "TWD", "timezone": "Asia/Taipei", "city": "台北市", "postcode": "110",
           "language": "zh", "mobile": "+886912345678"},
}  # fmt: skip
SAYS = {
    "GB": "Old Quay Bank assigned to Harbour Bank, on 31 March 2026, its rights",
    "NL": "Old Quay Bank heeft op 31 maart 2026 de vordering op uw creditcard overgedragen.",
    "CN": "Old Quay Bank已于 2026年3月31日将对您下列信用卡的债权转让给Harbour Bank",
    "ID": "Pada 31 Maret 2026, Old Quay Bank telah mengalihkan kepada Harbour Bank hak tagih",
    "NO": "Old Quay Bank overdro 31. mars 2026 kravet",
    "TW": "Old Quay Bank已於2026年3月31日將對您下列信用卡之債權讓與Harbour Bank",
}


def catalog() -> LetterCatalog:
    return dataclasses.replace(
        builders.catalog(), register_number="R-77", sender_address="1 Quay Street, London"
    )


def a_case(session: Session, country: str, *, bought: bool = True) -> CollectionsCase:
    given = PLACES[country]
    sold: dict[str, Any] = {"original_creditor": "Old Quay Bank", "assigned_on": SOLD} if bought else {}
    book = builders.portfolio(
        session, pack=given["pack"], currency=given["currency"], timezone=given["timezone"], creditor="Harbour Bank",
        contact_phone="+44 20 5550 0100", **sold,
    )  # fmt: skip
    theirs = {name: given[name] for name in given if name not in ("pack", "currency")}
    due_on = ON - timedelta(days=20)
    card = builders.late_customer(session, book, due_on=due_on, country=country, region="", **theirs)
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=due_on,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case


def night(engine: Engine, country: str, on: date) -> dict[str, int]:
    now = builders.night_after(on, PLACES[country]["timezone"])
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        counts = {"made": make_duties(session, book, now=now), **settle_duties(session, book, on, now=now)}
        counts["written"] = sum(
            write_owed(session, book, ids, catalog(), on=on, now=now)
            for ids in owed_letters_in_batches(session, book, catalog())
        )
    return counts


@pytest.mark.parametrize("country", sorted(PLACES))
def test_the_notice_is_written_once_in_the_words_of_each_place(engine: Engine, country: str) -> None:
    with transaction(engine) as session:
        a_case(session, country)
    assert night(engine, country, ON) == {"made": 1, "written": 1}
    [letter] = builders.messages(engine)
    assert (letter.letter, letter.destination.value) == ("assignment_notice", "post")
    assert SAYS[country] in letter.text
    # It leaves, and is owed no more, also in a year.
    with transaction(engine) as session:
        [row] = session.scalars(select(OutboxMessage))
        row.status, row.sent_at = OutboxStatus.SENT, builders.at(ON + timedelta(days=1), 12)
    assert night(engine, country, ON + timedelta(days=2)) == {"made": 0, "duties_met": 1, "written": 0}
    assert night(engine, country, ON + timedelta(days=400)) == {"made": 0, "written": 0}


def test_a_notice_that_came_back_is_owed_again(engine: Engine) -> None:
    with transaction(engine) as session:
        a_case(session, "GB")
    night(engine, "GB", ON)
    with transaction(engine) as session:
        [row] = session.scalars(select(OutboxMessage))
        row.status, row.sent_at = OutboxStatus.SENT, builders.at(ON + timedelta(days=1), 12)
    night(engine, "GB", ON + timedelta(days=2))
    with transaction(engine) as session:
        [row] = session.scalars(select(OutboxMessage))
        row.status = OutboxStatus.UNDELIVERED
    assert night(engine, "GB", ON + timedelta(days=3)) == {"made": 1, "written": 1}


def test_of_debts_of_the_creditors_own_nothing_is_told(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, "GB", bought=False)
    assert night(engine, "GB", ON) == {"made": 0, "written": 0}
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, id_of(case))
        book = get_portfolio(session, builders.BOOK)
        customer = builders.customers_of(session, book)[0]
        assert "uk.assignment_before_suit" not in {
            r.rule for r in may_sue(session, book, customer, at=builders.at(ON))
        }


def test_the_duty_is_late_after_its_last_day(engine: Engine) -> None:
    """Fourteen days in the United Kingdom: on the 15th of June it is in time, on the 16th late."""
    with transaction(engine) as session:
        a_case(session, "GB")
    night(engine, "GB", ON)
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.rule, duty.due_on) == ("uk.assignment_duty", date(2026, 6, 16))
    assert "duties_overdue" not in night(engine, "GB", date(2026, 6, 15))
    assert night(engine, "GB", date(2026, 6, 16))["duties_overdue"] == 1


@pytest.mark.parametrize(
    ("country", "zone", "rule"),
    [("NL", AMSTERDAM, "nl.assignment_first"), ("CN", SHANGHAI, "cn.assignment_first")],
)
def test_reminders_wait_for_the_notice_where_the_law_says_so(country: str, zone: str, rule: str) -> None:
    """Directive (EU) 2021/2167 art 10(2): in advance of the first collection; Civil Code of China art 546."""
    stacked = [
        shipped_packs()[f"{country.lower()}-bought"],
        pack_at(country.lower(), country, collector="first_party"),
    ]
    contact = Contact(Channel.POST, Purpose.REMINDER, "a", "first_reminder")
    sent = Notice("assignment_notice", local("2026-06-02 12:00", zone))
    for notices, at, passes in (
        ((), "2026-06-03 10:00", False),
        ((sent,), "2026-06-02 18:00", False),
        ((sent,), "2026-06-03 10:00", True),
    ):
        facts = Facts((zone,), notices=notices)
        answers = [review(contact, facts, pack, local(at, zone)) for pack in stacked]
        assert all(isinstance(answer, Clearance) for answer in answers) is passes
        if not passes:
            assert rule_ids(answers[0]) == [rule]


def test_a_suit_in_britain_waits_for_the_notice(engine: Engine) -> None:
    """Law of Property Act 1925 s.136(1): express notice in writing; the seller's own is a document on file."""
    with transaction(engine) as session:
        case = a_case(session, "GB")
        book = get_portfolio(session, builders.BOOK)
        [customer] = builders.customers_of(session, book)
        found = {reason.rule for reason in may_sue(session, book, customer, at=builders.at(ON))}
        assert "uk.assignment_before_suit" in found
        add_document(
            session, case, DocumentKind.ASSIGNMENT_NOTICE, "n.txt", b"notice", dated_on=date(2026, 4, 7),
            by=Actor.user("ann"), now=builders.at(ON),
        )  # fmt: skip
        found = {reason.rule for reason in may_sue(session, book, customer, at=builders.at(ON))}
        assert "uk.assignment_before_suit" not in found
    assert night(engine, "GB", ON) == {"made": 0, "written": 0}


def test_seller_and_day_are_told_together(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        kim: dict[str, Any] = {"refold": lambda *_: None, "by": Actor.user("kim"), "now": builders.at(ON)}
        for given, field in (
            ({"assigned-on": "2026-03-31"}, "original-creditor"),
            ({"original-creditor": "B"}, "assigned-on"),
        ):
            with pytest.raises(Invalid) as refused:
                set_portfolio(session, book, given, **kim)
            assert refused.value.field == field
        for text in ("31.3.2026", "2026-02-30", "soon"):
            with pytest.raises(Invalid, match="a date, such as 2026-03-31"):
                set_portfolio(session, book, {"assigned-on": text, "original-creditor": "B"}, **kim)
        became = set_portfolio(session, book, {"assigned-on": "2026-03-31", "original-creditor": "B"}, **kim)
        assert became == {"assigned-on": "2026-03-31", "original-creditor": "B"}
        assert (
            set_portfolio(session, book, {"assigned-on": "", "original-creditor": ""}, **kim)["assigned-on"]
            == ""
        )
