"""Letters about debts too old to be sued for: worded by place and by each card's dates, and true as they leave."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.on_demand import write_on_demand
from app.policy.answers import Answer, Clearance, Refusals
from tests import builders

ON = date(2026, 6, 3)  # a Wednesday
PACIFIC = "America/Los_Angeles"
KIM = Actor.user("kim")
PLACES: dict[str, dict[str, Any]] = {
    "CA": {
        "country": "US", "region": "CA", "city": "Los Angeles", "postcode": "90001", "timezone": PACIFIC,
        "mobile": "+12135550123",
    },
    "MA": {
        "country": "US", "region": "MA", "city": "Boston", "postcode": "02108", "timezone": "America/New_York",
        "mobile": "+16175550123",
    },
    "GB": {
        "country": "GB", "region": "", "city": "Gloucester", "postcode": "GL1 1AA", "timezone": "Europe/London",
        "mobile": "+447700900123",
    },
}  # fmt: skip


def catalog() -> LetterCatalog:
    return dataclasses.replace(
        builders.catalog(), register_number="R-77", sender_address="1 Quay Street, Boston MA 02110"
    )


def a_case(session: Session, place: str, due_on: date, language: str = "en", **more: Any) -> CollectionsCase:
    """A customer of an agency whose card has been behind since that day, with no payment after it."""
    home = PLACES[place]
    british = home["country"] == "GB"
    book = builders.portfolio(
        session, pack="uk" if british else "us-third-party", currency="GBP" if british else "USD",
        timezone=home["timezone"], collector=CollectorKind.THIRD_PARTY, agency="Northgate Recoveries",
        contact_phone="+1 212 555 0100", **more,
    )  # fmt: skip
    card = builders.late_customer(session, book, due_on=due_on, language=language, **home)
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=due_on,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case


def send(session: Session, case: CollectionsCase, letter: str, channel: Channel, on: date = ON) -> Answer:
    book = get_portfolio(session, builders.BOOK)
    [answer] = write_on_demand(
        session, book, case, letter, [channel], catalog(), on=on, by=KIM, now=builders.at(on, 12, zone=book.timezone)
    )  # fmt: skip
    return answer


UNPAID = "may report it to the credit reporting agencies as unpaid"


@pytest.mark.parametrize(
    ("due_on", "says", "not_says"),
    [
        (ON - timedelta(days=1_400), "", "you can be sued"),  # not four years
        (date(2022, 6, 4), "", "you can be sued"),  # four years tomorrow
        (date(2022, 6, 3), f"Northgate Recoveries {UNPAID}", "will not report"),
        (date(2018, 12, 6), UNPAID, "will not report"),  # seven years and 179 days
        (date(2018, 12, 5), "and we will not report it to any credit reporting agency.", UNPAID),
    ],
)
def test_a_californian_reads_the_notice_that_the_age_of_the_debt_asks_for(
    engine: Engine, due_on: date, says: str, not_says: str
) -> None:
    """Cal. Civ. Code 1788.14(d): four years, Code Civ. Proc. 337; 15 USC 1681c(a), (c)(1)."""
    with transaction(engine) as session:
        case = a_case(session, "CA", due_on)
        assert isinstance(send(session, case, "first_reminder", Channel.POST), Clearance)
    [letter] = builders.messages(engine)
    assert says in letter.text
    assert not_says not in letter.text
    if says:
        assert "! The law limits how long you can be sued on a debt." in letter.text
        assert '"time_barred":[{"cards":"","text":"The law limits' in letter.context
    else:
        assert "time_barred" not in letter.context


@pytest.mark.parametrize(
    ("language", "channel", "before"),
    [
        ("zh", Channel.EMAIL, "我們不會因此對您提起訴訟。當地法律規定須以英文告知：「WE ARE REQUIRED"),
        ("nb", Channel.POST, "på engelsk: «WE ARE REQUIRED"),
        ("en", Channel.EMAIL, "\nWE ARE REQUIRED"),
    ],
)
def test_the_words_of_the_law_stand_whole_beside_those_of_the_reader(
    engine: Engine, language: str, channel: Channel, before: str
) -> None:
    """940 CMR 7.07(24): 700 characters, and not one less."""
    with transaction(engine) as session:
        case = a_case(session, "MA", date(2020, 6, 3), language)
        assert isinstance(send(session, case, "first_reminder", channel), Clearance)
        sms = send(session, case, "first_reminder", Channel.SMS)
        assert isinstance(sms, Refusals)
        assert {reason.rule for reason in sms.reasons} >= {"us-ma.time_barred_notice"}
    [letter] = builders.messages(engine)
    assert before in letter.text
    assert "OR AFFECT YOUR CREDIT SCORE OR RATING." in letter.text
    if channel is Channel.EMAIL:
        assert "OR AFFECT YOUR CREDIT SCORE OR RATING." in letter.html


def test_no_letter_threatens_with_a_court(engine: Engine) -> None:
    """12 CFR 1006.26(b)."""
    with transaction(engine) as session:
        case = a_case(session, "MA", date(2020, 6, 3))
        refused = send(session, case, "final_notice", Channel.POST)
        assert isinstance(refused, Refusals)
        assert {"us.time_barred", "us-ma.time_barred_notice"} <= {reason.rule for reason in refused.reasons}


def test_of_two_cards_each_is_told_of_by_its_own_age(engine: Engine) -> None:
    """One card is 7 years and 180 days old, one just over four years, one of last month."""
    with transaction(engine) as session:
        case = a_case(session, "CA", date(2018, 12, 5))
        book = get_portfolio(session, builders.BOOK)
        for last4, due_on in (("2222", date(2022, 6, 3)), ("3333", date(2026, 5, 4))):
            holder = session.get_one(Customer, case.customer_id)
            card = builders.account(session, holder, reference=f"A-{last4}", card_last4=last4)
            builders.entry(session, card, EntryKind.OPENING_BALANCE, 20_000, due_on - timedelta(days=50))
            builders.statement(session, card, due_on - timedelta(days=20), due_on, 1_000, balance=20_000)
            fold_accounts(session, book, [id_of(card)], through=ON)
        case.past_due_minor = 7_000
        session.flush()
        assert isinstance(send(session, case, "first_reminder", Channel.EMAIL), Clearance)
    [letter] = builders.messages(engine)
    [first, second] = [line for line in letter.text.splitlines() if line.startswith("About the card ending")]
    assert first.endswith("credit reporting agency.")
    assert second.startswith("About the card ending 2222: The law limits how long")
    assert second.endswith("law permits this reporting.")
    assert "3333" not in first + second


def test_a_letter_that_leaves_when_the_debt_has_become_too_old_is_withheld(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, "CA", date(2022, 6, 4))
        assert isinstance(send(session, case, "first_reminder", Channel.EMAIL), Clearance)
    sender = builders.RecordingSender()
    builders.deliver(engine, builders.at(ON + timedelta(days=1), 10, zone=PACIFIC), sender)
    [letter] = builders.messages(engine)
    assert (sender.sent, letter.status) == ([], OutboxStatus.WITHHELD)


def test_a_letter_worded_for_an_old_debt_leaves_as_it_was_worded(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, "CA", date(2022, 6, 3))
        assert isinstance(send(session, case, "first_reminder", Channel.EMAIL), Clearance)
    sender = builders.RecordingSender()
    builders.deliver(engine, builders.at(ON, 13, zone=PACIFIC), sender)
    assert len(sender.sent) == 1


def test_england_asks_for_an_old_debt_where_it_was_in_contact_before(engine: Engine) -> None:
    """CONC 7.15.4R: a reminder of 1 June 2026 left while the six years ran; they end on 3 June."""
    with transaction(engine) as session:
        case = a_case(session, "GB", date(2020, 6, 3))
        refused = send(session, case, "first_reminder", Channel.EMAIL)
        assert isinstance(refused, Refusals)
        assert {reason.rule for reason in refused.reasons} == {"uk.limitation"}
        before = date(2026, 6, 1)
        assert isinstance(send(session, case, "first_reminder", Channel.EMAIL, before), Clearance)
    builders.deliver(
        engine, builders.at(date(2026, 6, 1), 13, zone="Europe/London"), builders.RecordingSender()
    )
    with transaction(engine) as session:
        case = session.get_one(CollectionsCase, 1)
        again = send(session, case, "first_reminder", Channel.POST)
        assert isinstance(again, Clearance), again
    letter: OutboxMessage = builders.messages(engine)[-1]
    assert (
        "! This debt is so old that the time in which a court can be asked to enforce it may be over."
        in letter.text
    )
