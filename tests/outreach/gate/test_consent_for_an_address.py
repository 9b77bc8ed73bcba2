"""A consent is given for a number or address; an opt-out is the person's."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.preferences import allowed_channels, change_consent, choose_channels, lapsed_channels
from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.settings import get_settings
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.consent import ConsentTerms, fingerprint
from app.outreach.gate.events import ConsentChanged
from app.outreach.gate.explain import explain
from app.outreach.gate.facts import gather_facts
from app.outreach.gate.models import Consent
from app.policy.answers import Clearance
from app.policy.facts import Contact, Facts
from app.policy.packfile import shipped_packs
from app.policy.rules import Question
from tests import builders

ON = date(2026, 10, 7)
NOW = builders.at(ON, 12, zone="America/New_York")
ANN = {"by": Actor.user("ann"), "now": NOW}


def new_yorker(session: Session) -> Customer:
    """Where electronic contact needs consent (6 RCNY 5-77)."""
    builders.portfolio(
        session,
        pack="us-first-party",
        currency="USD",
        timezone="America/New_York",
        contact_phone="+12125550100",
    )
    case: CollectionsCase = builders.delinquent_case(session, due_on=date(2026, 9, 20), on=ON)
    customer = session.get_one(Customer, case.customer_id)
    customer.country, customer.region, customer.postcode = "US", "NY", "10001"
    customer.timezone, customer.mobile, customer.email = (
        "America/New_York",
        "+12125550111",
        "Anna@example.org",
    )
    session.flush()
    return customer


def permitted(session: Session, customer: Customer, channel: Channel) -> bool:
    book = get_portfolio(session, builders.BOOK)
    return isinstance(explain(session, book, customer, channel, Purpose.REMINDER, at=NOW), Clearance)


@pytest.mark.parametrize(
    ("channel", "field", "value", "still"),
    [
        (Channel.SMS, "mobile", "+12125550111", True),
        (Channel.SMS, "mobile", "+12125550222", False),  # reassigned, or another person's
        (Channel.SMS, "email", "other@example.org", True),
        (Channel.EMAIL, "email", "anna@example.org", True),  # the same address
        (Channel.EMAIL, "email", "other@example.org", False),
    ],
)
def test_a_consent_ends_with_the_address_it_was_given_for(
    engine: Engine, channel: Channel, field: str, value: str, still: bool
) -> None:
    """47 CFR 64.1200(a): the consent of the called party; 12 CFR 1006.6(d)(5)."""
    with transaction(engine) as session:
        customer = new_yorker(session)
        assert not permitted(session, customer, channel)
        change_consent(session, customer, channel, allowed=True, source="form", **ANN)
        assert permitted(session, customer, channel)
        setattr(customer, field, value)
        session.flush()
        assert permitted(session, customer, channel) is still
        change_consent(session, customer, channel, allowed=True, source="form, again", **ANN)
        assert permitted(session, customer, channel), "given for the new one"


def test_an_opt_out_stays_whatever_the_number_is(engine: Engine) -> None:
    with transaction(engine) as session:
        customer = new_yorker(session)
        change_consent(session, customer, Channel.SMS, allowed=False, source="STOP", **ANN)
        customer.mobile = "+12125550222"
        session.flush()
        facts = gather_facts(session, [customer], shipped_packs()["us-first-party"], now=NOW)
        assert facts[customer.id].consent == {Channel.SMS: False}  # type: ignore[index]


def test_a_consent_of_before_stays_bound_to_no_number_and_none_can_be_read(engine: Engine) -> None:
    with transaction(engine) as session:
        customer = new_yorker(session)
        change_consent(session, customer, Channel.SMS, allowed=True, source="form", **ANN)
        row = session.scalars(select(Consent)).one()
        assert len(row.given_for) == 32
        assert "5550111" not in row.given_for
        row.given_for = ""
        customer.mobile = "+12125550222"
        session.flush()
        assert permitted(session, customer, Channel.SMS)


def test_a_number_cannot_be_found_by_trying_all_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the installation's secret there is nothing to compare a number with."""
    customer = Customer(full_name="Ann", mobile="+12125550111", email="Anna@example.org")
    seen = []
    for secret in ("s" * 40, "t" * 40):
        monkeypatch.setenv("DESK_SECRET_KEY", secret)
        get_settings.cache_clear()
        seen += [fingerprint(customer, Channel.SMS), fingerprint(customer, Channel.EMAIL)]
    monkeypatch.undo()
    get_settings.cache_clear()
    assert len({*seen}) == 4
    for address in (customer.mobile, customer.email.lower()):
        for tried in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
            assert not any(tried(address.encode()).hexdigest().startswith(each) for each in seen)


@pytest.mark.parametrize(
    ("channel", "field", "value"),
    [(Channel.SMS, "mobile", "+12125550999"), (Channel.EMAIL, "email", "new@example.org")],
)
def test_a_consent_without_a_number_on_file_is_for_no_later_one(
    engine: Engine, channel: Channel, field: str, value: str
) -> None:
    with transaction(engine) as session:
        customer = new_yorker(session)
        setattr(customer, field, "")
        session.flush()
        change_consent(session, customer, channel, allowed=True, source="form", **ANN)
        setattr(customer, field, value)
        session.flush()
        assert not permitted(session, customer, channel)
        assert channel not in allowed_channels(session, customer, now=NOW)
        change_consent(session, customer, channel, allowed=True, source="form, again", **ANN)
        assert permitted(session, customer, channel)


def test_a_tick_on_the_page_is_a_consent_for_the_new_number(engine: Engine) -> None:
    with transaction(engine) as session:
        customer = new_yorker(session)
        change_consent(session, customer, Channel.SMS, allowed=True, source="form", **ANN)
        assert Channel.SMS in allowed_channels(session, customer, now=NOW)
        customer.mobile = "+12125550222"
        session.flush()
        assert (
            allowed_channels(session, customer, now=NOW),
            lapsed_channels(session, customer, now=NOW),
        ) == (
            [each for each in Channel if each is not Channel.SMS],
            [Channel.SMS],
        )
        choose_channels(session, customer, list(Channel), now=NOW)
        assert permitted(session, customer, Channel.SMS)
        assert allowed_channels(session, customer, now=NOW) == list(Channel)


@pytest.mark.parametrize(("day", "still"), [(date(2026, 11, 30), True), (date(2026, 12, 1), False)])
def test_a_consent_holds_through_its_last_day(engine: Engine, day: date, still: bool) -> None:
    """In the customer's own zone: the day is over at midnight in New York."""
    with transaction(engine) as session:
        customer = new_yorker(session)
        change_consent(
            session, customer, Channel.SMS, allowed=True, source="form",
            terms=ConsentTerms("her son, by power of attorney", date(2026, 11, 30)), **ANN,
        )  # fmt: skip
        book = get_portfolio(session, builders.BOOK)
        at = builders.at(day, 10, zone="America/New_York")
        answer = explain(session, book, customer, Channel.SMS, Purpose.REMINDER, at=at)
        assert isinstance(answer, Clearance) is still
        midnight = builders.at(date(2026, 12, 1), 0, zone="America/New_York")
        assert lapsed_channels(session, customer, now=midnight - timedelta(minutes=1)) == []
        assert lapsed_channels(session, customer, now=midnight) == [Channel.SMS]
        [told] = builders.events(session, ConsentChanged.KIND)
        assert (told["given_by"], told["until"]) == ("her son, by power of attorney", "2026-11-30")


@pytest.mark.parametrize(
    ("channel", "allowed", "terms", "why"),
    [
        (Channel.EMAIL, False, ConsentTerms("her son"), "A refusal has no terms"),
        (Channel.EMAIL, True, ConsentTerms(until=ON - timedelta(days=1)), "today or later"),
        (Channel.SMS, True, ConsentTerms(electronic_notices=True), "on paper or by e-mail"),
    ],
)
def test_terms_that_cannot_be_are_refused(
    engine: Engine, channel: Channel, allowed: bool, terms: ConsentTerms, why: str
) -> None:
    with transaction(engine) as session:
        customer = new_yorker(session)
        with pytest.raises(Invalid, match=why):
            change_consent(session, customer, channel, allowed=allowed, source="form", terms=terms, **ANN)
        assert session.scalars(select(Consent)).all() == []


@pytest.mark.parametrize(("notices", "clear"), [(True, True), (False, False)])
def test_a_notice_by_email_wants_a_consent_to_notices(notices: bool, clear: bool) -> None:
    """12 CFR 1006.42(b)(1), 15 USC 7001(c): a yes to e-mails is none to notices instead of paper."""
    [rule] = [each for each in shipped_packs()["us-third-party"].rules if each.id == "us.esign"]
    facts = Facts(
        ("America/New_York",), {Channel.EMAIL: True},
        electronic_notices=frozenset({Channel.EMAIL} if notices else ()),
    )  # fmt: skip
    contact = Contact(Channel.EMAIL, Purpose.NOTICE, "a@example.org", "validation_notice", (), "en")
    asked = Question(contact, facts, NOW, ())
    assert (not rule.objections(asked)) is clear
