"""What the gate is told comes from every place where it is known, and what decided is kept."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import TypeAdapter
from sqlalchemy.engine import Engine
from sqlalchemy.orm import configure_mappers
from sqlmodel import Session, col, select

from app.actions.holds import place_hold
from app.book.delinquency.models import AccountState, Pause
from app.book.ledger.models import Customer, Portfolio
from app.book.ledger.rules import CollectorKind
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.rules import Kind
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.legal.checklists.loading import load_case_file
from app.outreach.gate.consent import opt_out_of_all
from app.outreach.gate.explain import explain, may_sue
from app.outreach.gate.facts import gather_facts
from app.outreach.gate.models import Consent, PolicyPackVersion
from app.outreach.gate.pack_versions import keep_pack, pack_by_label, tighten_portfolio
from app.outreach.gate.preferences import end_preference, set_preference
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.composition import pack_of, packs_for
from app.policy.facts import Contact, ContactResult, Facts, Notice, PastContact, PreferenceKind
from app.policy.packfile import BadPack
from app.policy.review import review
from tests import builders as make

WEDNESDAY = datetime(2026, 10, 7, 16, 0, tzinfo=UTC)
"""Noon in New York, 18:00 in Amsterdam and Oslo."""


def american(session: Session, **changes: object) -> tuple[Portfolio, Customer]:
    book = make.portfolio(
        session, "CARDS-US", pack="us-third-party", collector=CollectorKind.THIRD_PARTY, currency="USD"
    )
    given = {"country": "US", "region": "NY", "city": "New York", "postcode": "10001", "timezone": ""}
    return book, make.customer(session, book, **(given | {"mobile": "+12125552000"} | changes))


def facts_of(session: Session, book: Portfolio, who: Customer, now: datetime = WEDNESDAY) -> Facts:
    return gather_facts(session, [who], packs_for(book, who), now=now)[id_of(who)]


def test_a_new_yorkers_zone_and_packs_come_from_the_address(engine: Engine) -> None:
    with transaction(engine) as session:
        book, anna = american(session)
        assert facts_of(session, book, anna).timezones == ("America/New_York",)
        by_sms = explain(session, book, anna, Channel.SMS, Purpose.REMINDER, at=WEDNESDAY)
        by_call = explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
    assert isinstance(by_sms, Refusals)
    assert [reason.rule for reason in by_sms.reasons] == ["us-nyc.electronic_optin"]
    assert isinstance(by_call, Clearance)
    assert by_call.pack.count("+") == 2


def test_an_old_number_and_what_she_tells_narrow_the_hours(engine: Engine) -> None:
    """12 CFR 1006.6(b)(1): where data about the place conflict, only hours that suit all of them."""
    nine = datetime(2026, 10, 7, 13, 0, tzinfo=UTC)
    with transaction(engine) as session:
        book, anna = american(session, mobile="+13105552000")
        assert set(facts_of(session, book, anna).timezones) == {"America/New_York", "America/Los_Angeles"}
        answer = explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=nine)
        assert isinstance(answer, WaitUntil)
        assert answer.at == datetime(2026, 10, 7, 15, 0, tzinfo=UTC)  # 08:00 in Los Angeles

        told = {"kind": PreferenceKind.TIMEZONE, "source": "call", "by": "user:kim", "now": WEDNESDAY}
        set_preference(session, anna, timezone="America/Chicago", **told)
        set_preference(session, anna, timezone="Pacific/Honolulu", **told)
        zones = facts_of(session, book, anna).timezones
    assert zones[0] == "Pacific/Honolulu"
    assert "America/Chicago" not in zones


def test_what_does_not_suit_is_kept_obeyed_and_taken_back(engine: Engine) -> None:
    with transaction(engine) as session:
        book, anna = american(session)
        told = set_preference(
            session,
            anna,
            PreferenceKind.TIME,
            weekdays=(0, 1, 2, 3, 4),
            end_minute=17 * 60,
            until=date(2026, 10, 9),
            source="works shifts",
            by=Actor.user("kim"),
            now=WEDNESDAY,
        )
        stopped = explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
        assert isinstance(stopped, WaitUntil)
        assert [reason.rule for reason in stopped.reasons] == ["us.inconvenient"]
        assert stopped.at == datetime(2026, 10, 7, 21, 0, tzinfo=UTC)
        monday = WEDNESDAY + timedelta(days=5)
        lapsed = explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=monday)
        assert isinstance(lapsed, Clearance)

        end_preference(session, told, by=Actor.user("kim"), now=WEDNESDAY)
        assert isinstance(
            explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY), Clearance
        )
        with pytest.raises(Conflict):
            end_preference(session, told, by=Actor.user("kim"), now=WEDNESDAY)
        query = select(Event.kind).where(Event.customer_id == anna.id).order_by(col(Event.id))
        kinds = session.scalars(query).all()
    assert kinds == [Kind.PREFERENCE_SET, Kind.PREFERENCE_ENDED]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": PreferenceKind.TIME, "start_minute": 600, "end_minute": 600}, "start_minute"),
        ({"kind": PreferenceKind.TIME, "weekdays": (7,)}, "weekdays"),
        ({"kind": PreferenceKind.WORKPLACE}, "address"),
        ({"kind": PreferenceKind.PLACE, "address": "4111 1111 1111 1111"}, "address"),
        ({"kind": PreferenceKind.TIMEZONE, "timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_wrong_preference_names_its_field(sqlite_engine: Engine, wrong: dict, field: str) -> None:
    with transaction(sqlite_engine) as session:
        _, anna = american(session)
        with pytest.raises(Invalid) as refused:
            set_preference(session, anna, source="", by=Actor.user("kim"), now=WEDNESDAY, **wrong)
        assert refused.value.field == field


def test_a_no_to_everything_closes_every_channel(engine: Engine) -> None:
    with transaction(engine) as session:
        book, anna = american(session)
        opt_out_of_all(session, anna, source="said so on the phone", by=Actor.user("kim"), now=WEDNESDAY)
        rows = session.scalars(select(Consent).where(Consent.customer_id == anna.id)).all()
        assert {row.channel: row.allowed for row in rows} == dict.fromkeys(Channel, False)
        for channel in Channel:
            assert isinstance(explain(session, book, anna, channel, Purpose.REMINDER, at=WEDNESDAY), Refusals)


def test_a_norwegian_demand_waits_for_the_warning_that_was_sent(engine: Engine) -> None:
    """Inkassoloven ss 9 to 11: 14 days after the warning, then 14 more before the court."""
    with transaction(engine) as session:
        book = make.portfolio(session, "KORT", pack="no", currency="NOK", timezone="Europe/Oslo")
        kari = make.customer(session, book, country="NO", timezone="", mobile="+4790000000", city="Oslo")
        for letter, days_ago in (("first_reminder", 40), ("inkassovarsel", 14)):
            sent_letter(session, book, kari, letter, days_ago)
        facts = facts_of(session, book, kari)
        assert facts.notices == (Notice("inkassovarsel", WEDNESDAY - timedelta(days=14)),)
        demand = Contact(Channel.POST, Purpose.NOTICE, "Storgata 1", "betalingsoppfordring")
        assert isinstance(review(demand, facts, packs_for(book, kari), WEDNESDAY), Clearance)
        early = facts_of(session, book, kari, WEDNESDAY - timedelta(days=1))
        assert isinstance(
            review(demand, early, packs_for(book, kari), WEDNESDAY - timedelta(days=1)), WaitUntil
        )
        barred = may_sue(session, book, kari, at=WEDNESDAY)
    assert [reason.rule for reason in barred] == ["no.betalingsoppfordring"]


def test_a_notice_that_came_back_opens_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        book = make.portfolio(session, "KORT", pack="no", currency="NOK", timezone="Europe/Oslo")
        kari = make.customer(session, book, country="NO", timezone="", mobile="+4790000000", city="Oslo")

        notice = sent_letter(session, book, kari, "inkassovarsel", 28)
        for status in (OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED, OutboxStatus.FAILED):
            notice.status = status
            session.flush()
            assert facts_of(session, book, kari).notices == ()
        notice.status, notice.simulated = OutboxStatus.SENT, True
        session.flush()
        assert facts_of(session, book, kari).notices == (), "it was printed to the console"
        # A report that turned out wrong, and another letter: both were given.
        notice.status, notice.simulated = OutboxStatus.DELIVERED, False
        sent_letter(session, book, kari, "inkassovarsel", 20)
        assert [(WEDNESDAY - each.at).days for each in facts_of(session, book, kari).notices] == [28, 20]


def sent_letter(
    session: Session, book: Portfolio, customer: Customer, letter: str, days_ago: int
) -> OutboxMessage:
    """A letter of the customer's case that was posted so many days ago."""
    case = session.scalar(select(CollectionsCase).where(CollectionsCase.customer_id == customer.id))
    if case is None:
        case = CollectionsCase(
            portfolio_id=id_of(book), customer_id=id_of(customer), opened_on=WEDNESDAY.date()
        )
        session.add(case)
        session.flush()
    at = WEDNESDAY - timedelta(days=days_ago)
    return make.queued_message(
        session, case, on=at.date(), step=f"{letter}-{days_ago}", channel=Channel.POST, letter=letter,
        status=OutboxStatus.SENT, sent_at=at,
    )  # fmt: skip


def test_an_old_debt_is_found_and_its_last_payment_counts(engine: Engine) -> None:
    with transaction(engine) as session:
        book, anna = american(session, region="CA", city="Los Angeles", postcode="90001", mobile="")
        old, paid = (make.account(session, anna) for _ in range(2))
        for each in (old, paid):
            state = AccountState(
                account_id=id_of(each),
                portfolio_id=id_of(book),
                folded_through=date(2026, 10, 6),
                balance_minor=50_000,
                past_due_minor=50_000,
                oldest_due_on=date(2023, 1, 10),
            )
            session.add(state)
        session.flush()
        make.payment(session, paid, 1000, date(2025, 5, 1))
        both = facts_of(session, book, anna)
        assert (both.due_since, both.paid_or_due_since) == (date(2023, 1, 10), date(2023, 1, 10))
        assert [reason.rule for reason in may_sue(session, book, anna, at=WEDNESDAY)] == ["us.time_barred"]
        case = open_case(session, anna)
        [barred] = load_case_file(session, case, bundle_id="B-1", now=WEDNESDAY).time_barred
        assert barred.startswith("time-barred since 2026-01-10")
        assert "12 CFR 1006.26(b)" in barred
        make.payment(session, old, 1000, date(2024, 5, 1))
        assert facts_of(session, book, anna).paid_or_due_since == date(2024, 5, 1)
        assert may_sue(session, book, anna, at=WEDNESDAY) == ()


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
        book = make.portfolio(session)
        anna = make.customer(session, book, country="GB", timezone="Europe/London")
        make.account(session, anna)
        case = open_case(session, anna)
        until = date(2026, 5, 1)
        place_hold(
            session,
            case,
            HoldKind.BREATHING_SPACE,
            "adviser's letter",
            until,
            make.stationery(),
            by=Actor.user("kim"),
            now=make.NOW,
        )
        assert len(session.scalars(select(Pause)).all()) == 1


# --------------------------------------------------------------------------------- packs kept, and tightened


def test_a_pack_that_decides_is_kept_once_and_decides_the_same_later(engine: Engine) -> None:
    tight = '[[rules]]\nid = "us.calls_7in7"\nmost = 2\n'
    with transaction(engine) as session:
        book, anna = american(session)
        tighten_portfolio(session, book, tight, by=Actor.user("lee"), now=WEDNESDAY)
        pack = packs_for(book, anna)
        keep_pack(session, pack, now=WEDNESDAY)
    with transaction(engine) as session:
        keep_pack(session, pack, now=WEDNESDAY + timedelta(days=1))
        kept = session.scalars(select(PolicyPackVersion)).all()
        assert [(row.label, row.first_used_at) for row in kept] == [(pack.label, WEDNESDAY)]
        again = pack_by_label(session, pack.label)
        calls = tuple(
            PastContact(WEDNESDAY - timedelta(hours=n), Channel.CALL, ContactResult.PLACED) for n in (2, 1)
        )
        facts = Facts(("America/New_York",), history=calls)
        call = Contact(Channel.CALL, Purpose.REMINDER, "+12125552000")
        assert review(call, facts, again, WEDNESDAY) == review(call, facts, pack, WEDNESDAY)
        assert isinstance(review(call, facts, again, WEDNESDAY), WaitUntil)
        assert pack_by_label(session, "uk@2026.3").label == "uk@2026.3"
        with pytest.raises(NotFound, match="uk@1999"):
            pack_by_label(session, "uk@1999")


def test_a_pack_is_not_taken_for_kept_when_its_transaction_failed(engine: Engine) -> None:
    pack = pack_of(make_book())

    def fail() -> None:
        with transaction(engine) as session:
            keep_pack(session, pack, now=WEDNESDAY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with transaction(engine) as session:
        keep_pack(session, pack, now=WEDNESDAY)
    with transaction(engine) as session:
        assert session.get(PolicyPackVersion, pack.label) is not None


def make_book() -> Portfolio:
    configure_mappers()  # else the first test of a process has a half-made class
    return Portfolio.model_construct(code="B", pack="uk", collector=CollectorKind.FIRST_PARTY, tightening="")


def test_a_portfolio_is_tightened_on_record_and_never_loosened(engine: Engine) -> None:
    with transaction(engine) as session:
        book, anna = american(session)
        loose = '[[rules]]\nid = "us.hours"\nopen = [{ from = "06:00", to = "22:00" }]\n'
        with pytest.raises(BadPack, match=r"us\.hours: open: .* looser .* 12 CFR 1006\.6"):
            tighten_portfolio(session, book, loose, by=Actor.user("lee"), now=WEDNESDAY)
        assert book.tightening == ""

        tight = '[[rules]]\nid = "us.hours"\nopen = [{ from = "13:00", to = "20:00" }]\n'
        assert tighten_portfolio(session, book, tight, by=Actor.user("lee"), now=WEDNESDAY) == ["us.hours"]
        answer = explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY)
        assert isinstance(answer, WaitUntil)
        assert answer.at == datetime(2026, 10, 7, 17, 0, tzinfo=UTC)

        assert tighten_portfolio(session, book, "\n", by=Actor.user("lee"), now=WEDNESDAY) == []
        assert isinstance(
            explain(session, book, anna, Channel.CALL, Purpose.REMINDER, at=WEDNESDAY), Clearance
        )
        query = select(Event).where(Event.kind == Kind.PORTFOLIO_TIGHTENED).order_by(col(Event.id))
        told = [json.loads(event.data)["rules"] for event in session.scalars(query)]
    assert told == [["us.hours"], []]


def test_facts_survive_the_way_through_json(engine: Engine) -> None:
    adapter = TypeAdapter(Facts)
    with transaction(engine) as session:
        book, anna = american(session)
        set_preference(
            session, anna, PreferenceKind.TIME, weekdays=(6,), source="", by=Actor.user("kim"), now=WEDNESDAY
        )
        opt_out_of_all(session, anna, source="", by=Actor.user("kim"), now=WEDNESDAY)
        facts = facts_of(session, book, anna)
    assert adapter.validate_json(adapter.dump_json(facts, exclude_defaults=True)) == facts
