"""Facts come from every place where they are known: address, phone, feed, preferences, letters, holds, ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.holds import place_hold
from app.book.delinquency.models import AccountState, Pause
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.documents.service import add_document
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.legal.checklists.loading import load_case_file
from app.outreach.gate.consent import opt_out_of_all
from app.outreach.gate.explain import explain, may_sue
from app.outreach.gate.preferences import set_preference
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact, Facts, Notice, PreferenceKind
from app.policy.review import review
from tests import builders as make
from tests.outreach.gate.people import WEDNESDAY, american, facts_of


def test_a_new_yorkers_zone_and_packs_come_from_the_address(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio, anna = american(session)
        assert facts_of(session, portfolio, anna).timezones == ("America/New_York",)
        by_sms = explain(session, portfolio, anna, Channel.SMS, Purpose.REMINDER, at=WEDNESDAY)
        by_call = explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
    assert isinstance(by_sms, Refusals)
    assert [reason.rule for reason in by_sms.reasons] == ["us-nyc.electronic_optin"]
    assert isinstance(by_call, Clearance)
    packs = [each.partition("@")[0] for each in by_call.pack.split("+")]
    assert packs == ["us-third-party", "us-ny-third-party", "us-ny", "us-nyc"]


def test_an_old_number_and_what_she_tells_narrow_the_hours(engine: Engine) -> None:
    """12 CFR 1006.6(b)(1): where data about the place conflict, only hours that suit all of them."""
    nine = datetime(2026, 10, 7, 13, 0, tzinfo=UTC)
    with transaction(engine) as session:
        portfolio, anna = american(session, mobile="+13105552000")
        assert set(facts_of(session, portfolio, anna).timezones) == {
            "America/New_York",
            "America/Los_Angeles",
        }
        answer = explain(session, portfolio, anna, Channel.CALL, Purpose.REMINDER, at=nine)
        assert isinstance(answer, WaitUntil)
        assert answer.at == datetime(2026, 10, 7, 15, 0, tzinfo=UTC)  # 08:00 in Los Angeles

        told = {"kind": PreferenceKind.TIMEZONE, "source": "call", "by": "user:kim", "now": WEDNESDAY}
        set_preference(session, anna, timezone="America/Chicago", **told)
        set_preference(session, anna, timezone="Pacific/Honolulu", **told)
        zones = facts_of(session, portfolio, anna).timezones
    assert zones[0] == "Pacific/Honolulu"
    assert "America/Chicago" not in zones


def test_a_norwegian_demand_waits_for_the_warning_that_was_sent(engine: Engine) -> None:
    """Inkassoloven ss 9 to 11: the last day of the warning, then 14 days before the court."""
    with transaction(engine) as session:
        portfolio = make.portfolio(session, "KORT", pack="no", currency="NOK", timezone="Europe/Oslo")
        kari = make.customer(session, portfolio, country="NO", timezone="", mobile="+4790000000", city="Oslo")
        for letter, days_ago in (("first_reminder", 40), ("inkassovarsel", 14)):
            sent_letter(
                session, portfolio, kari, letter, days_ago, answer_by=WEDNESDAY.date() - timedelta(days=1)
            )
        facts = facts_of(session, portfolio, kari)
        [warning] = facts.notices
        assert warning == Notice(
            "inkassovarsel", WEDNESDAY - timedelta(days=14), WEDNESDAY.date() - timedelta(days=1)
        )
        demand = Contact(Channel.POST, Purpose.NOTICE, "Storgata 1", "betalingsoppfordring")
        assert isinstance(review(demand, facts, packs_for(portfolio, kari), WEDNESDAY), Clearance)
        early = facts_of(session, portfolio, kari, WEDNESDAY - timedelta(days=1))
        assert isinstance(
            review(demand, early, packs_for(portfolio, kari), WEDNESDAY - timedelta(days=1)), WaitUntil
        )
        barred = may_sue(session, portfolio, kari, at=WEDNESDAY)
    assert [reason.rule for reason in barred] == ["no.betalingsoppfordring"]


def test_a_notice_that_came_back_opens_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = make.portfolio(session, "KORT", pack="no", currency="NOK", timezone="Europe/Oslo")
        kari = make.customer(session, portfolio, country="NO", timezone="", mobile="+4790000000", city="Oslo")

        notice = sent_letter(session, portfolio, kari, "inkassovarsel", 28)
        for status in (OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED, OutboxStatus.FAILED):
            notice.status = status
            session.flush()
            assert facts_of(session, portfolio, kari).notices == ()
        notice.status, notice.console_only = OutboxStatus.SENT, True
        session.flush()
        assert facts_of(session, portfolio, kari).notices == (), "it was printed to the console"
        # A report that turned out wrong, and another letter: both were given.
        notice.status, notice.console_only = OutboxStatus.DELIVERED, False
        sent_letter(session, portfolio, kari, "inkassovarsel", 20)
        assert [(WEDNESDAY - each.at).days for each in facts_of(session, portfolio, kari).notices] == [28, 20]


def sent_letter(
    session: Session,
    portfolio: Portfolio,
    customer: Customer,
    letter: str,
    days_ago: int,
    **changes: object,
) -> OutboxMessage:
    """A letter of the customer's case that was posted so many days ago."""
    case = session.scalar(select(CollectionsCase).where(CollectionsCase.customer_id == customer.id))
    if case is None:
        case = CollectionsCase(
            portfolio_id=id_of(portfolio), customer_id=id_of(customer), opened_on=WEDNESDAY.date()
        )
        session.add(case)
        session.flush()
    at = WEDNESDAY - timedelta(days=days_ago)
    return make.queued_message(
        session, case, on=at.date(), step=f"{letter}-{days_ago}", channel=Channel.POST, letter=letter,
        status=OutboxStatus.SENT, sent_at=at, **changes,
    )  # fmt: skip


def test_a_notice_on_file_has_the_last_day_that_a_person_read_in_it(engine: Engine) -> None:
    """A demand given outside the desk is the betalingsoppfordring of the Act."""
    with transaction(engine) as session:
        portfolio = make.portfolio(session, "KORT", pack="no", currency="NOK", timezone="Europe/Oslo")
        kari = make.customer(session, portfolio, country="NO", timezone="", mobile="+4790000000", city="Oslo")
        case = CollectionsCase(
            portfolio_id=id_of(portfolio), customer_id=id_of(kari), opened_on=WEDNESDAY.date()
        )
        session.add(case)
        session.flush()
        dated, last = WEDNESDAY.date() - timedelta(days=20), WEDNESDAY.date()
        for kind, until in (("payment_demand", last), ("inkassovarsel", None)):
            add_document(
                session, case, DocumentKind(kind), "n.txt", kind.encode(), dated_on=dated, answer_by=until,
                by=Actor.user("ann"), now=WEDNESDAY,
            )  # fmt: skip
        notices = {each.letter: each.answer_by for each in facts_of(session, portfolio, kari).notices}
        assert notices == {"betalingsoppfordring": last, "inkassovarsel": None}
        barred = may_sue(session, portfolio, kari, at=WEDNESDAY)
        assert [reason.rule for reason in barred] == ["no.betalingsoppfordring"]
        assert may_sue(session, portfolio, kari, at=WEDNESDAY + timedelta(days=1)) == ()


def test_an_old_debt_is_found_and_its_last_payment_counts(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio, anna = american(session, region="CA", city="Los Angeles", postcode="90001", mobile="")
        old, paid = (make.account(session, anna) for _ in range(2))
        for each in (old, paid):
            state = AccountState(
                account_id=id_of(each),
                portfolio_id=id_of(portfolio),
                folded_through=date(2026, 10, 6),
                balance_minor=50_000,
                past_due_minor=50_000,
                oldest_due_on=date(2023, 1, 10),
            )
            session.add(state)
        session.flush()
        make.payment(session, paid, 1000, date(2025, 5, 1))
        both = facts_of(session, portfolio, anna)
        assert (both.due_since, both.paid_or_due_since) == (date(2023, 1, 10), date(2023, 1, 10))
        assert [reason.rule for reason in may_sue(session, portfolio, anna, at=WEDNESDAY)] == [
            "house.validation_before_suit",
            "us.time_barred",
        ]
        case = open_case(session, anna)
        [barred] = load_case_file(session, case, bundle_id="B-1", now=WEDNESDAY).time_barred
        assert barred.startswith("time-barred since 2026-01-10")
        assert "12 CFR 1006.26(b)" in barred
        make.payment(session, old, 1000, date(2024, 5, 1))
        assert facts_of(session, portfolio, anna).paid_or_due_since == date(2024, 5, 1)
        left = [reason.rule for reason in may_sue(session, portfolio, anna, at=WEDNESDAY)]
        assert left == ["house.validation_before_suit"]


def open_case(session: Session, who: Customer) -> CollectionsCase:
    case = CollectionsCase(portfolio_id=who.portfolio_id, customer_id=id_of(who), opened_on=date(2026, 3, 1))
    session.add(case)
    session.flush()
    return case


def test_a_breathing_space_rests_the_days_of_a_customer_in_britain_whatever_the_portfolio(
    engine: Engine,
) -> None:
    """SI 2020/1311 regs 7, 11 bind by the customer's place, not by the portfolio's pack."""
    with transaction(engine) as session:
        portfolio = make.portfolio(session)
        anna = make.customer(session, portfolio, country="GB", timezone="Europe/London")
        make.account(session, anna)
        case = open_case(session, anna)
        until = date(2026, 5, 1)
        place_hold(
            session,
            case,
            HoldKind.BREATHING_SPACE,
            "adviser's letter",
            until,
            make.catalog(),
            by=Actor.user("kim"),
            now=make.NOW,
        )
        assert len(session.scalars(select(Pause)).all()) == 1


def test_facts_survive_the_way_through_json(engine: Engine) -> None:
    adapter = TypeAdapter(Facts)
    with transaction(engine) as session:
        portfolio, anna = american(session)
        set_preference(
            session, anna, PreferenceKind.TIME, weekdays=(6,), source="", by=Actor.user("kim"), now=WEDNESDAY
        )
        opt_out_of_all(session, anna, source="", by=Actor.user("kim"), now=WEDNESDAY)
        facts = facts_of(session, portfolio, anna)
    assert adapter.validate_json(adapter.dump_json(facts, exclude_defaults=True)) == facts
