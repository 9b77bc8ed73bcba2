"""Duties: letters owed within some days of an event; made once, written, met, overdue."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.actions.holds import place_hold
from app.book.delinquency.models import AccountState
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.ledger.service import post_mirror
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.documents.rules import DocumentKind
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import accept
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel, HoldKind
from app.operations.day.closing import run_days
from app.outreach.duties.events import DutyArose, DutyEnded, DutyOverdue
from app.outreach.duties.making import make_duties
from app.outreach.duties.models import Duty
from app.outreach.duties.queries import duty_counts, owed_letters
from app.outreach.duties.settling import open_duties, settle_duties
from app.outreach.duties.writing import owed_letters_in_batches, write_owed
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import RESTATED, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.models import StrategyTask
from app.policy.kinds.duty import DutyRule
from app.policy.overrides import check
from app.policy.packfile import BadPack, shipped_packs
from tests import builders
from tests.agreements import make_offer, monthly

TEXAS = "America/Chicago"
ON = date(2026, 6, 1)
DUE = ON - timedelta(days=4)
RULES = {
    rule.id: rule for pack in shipped_packs().values() for rule in pack.rules if isinstance(rule, DutyRule)
}


def catalog() -> LetterCatalog:
    return dataclasses.replace(builders.catalog(), sender_address="P.O. Box 1, Austin, TX 78701")


def a_case(
    session: Session, region: str = "TX", postcode: str = "75201", *, country: str = "US", **changes: object
) -> CollectionsCase:
    given = {
        "pack": "us-third-party", "collector": CollectorKind.THIRD_PARTY, "currency": "USD", "timezone": TEXAS,
        "agency": "Meridian Recovery",
    }  # fmt: skip
    named = select(Portfolio).where(Portfolio.code == builders.BOOK)
    book = session.scalar(named) or builders.portfolio(session, **{**given, **changes})
    card = builders.late_customer(
        session, book, due_on=DUE, country=country, region=region, city="Dallas", postcode=postcode, timezone=TEXAS,
        mobile="",
    )  # fmt: skip
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=DUE, next_contact_on=ON,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case


def night(engine: Engine, n: int) -> dict[str, int]:
    """The duties of the night after day `ON` + n."""
    on = ON + timedelta(days=n)
    now = builders.night_after(on, TEXAS)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        counts = {"made": make_duties(session, book, now=now), **settle_duties(session, book, on, now=now)}
        written = sum(
            write_owed(session, book, ids, catalog(), on=on, now=now)
            for ids in owed_letters_in_batches(session, book, catalog())
        )
        return {**counts, "written": written}


def sent(session: Session, case: CollectionsCase, letter: str, day: date) -> None:
    """A message that left at noon of a day, with its event."""
    at = builders.at(day, 12, zone=TEXAS)
    row = builders.queued_message(
        session, case, on=day, step=letter, channel=Channel.EMAIL, letter=letter, status=OutboxStatus.SENT, sent_at=at
    )  # fmt: skip
    left = ContactSent(message_id=id_of(row), letter=letter, to=row.address)
    event = about_customer(case.customer_id, left, case_id=case.id, channel=Channel.EMAIL)
    record(session, event, by=SYSTEM, now=at)


# --- days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "arose_on", "due_on"),
    [
        ("us.validation_duty", "2026-06-01", "2026-06-06"),  # 12 CFR 1006.34(a)(1): within five days
        ("us-ny.settlement_duty", "2026-06-01", "2026-06-08"),  # 23 NYCRR 1.5(a): five business days
        ("us-ny.settlement_duty", "2026-06-26", "2026-07-06"),  # Independence Day is kept on Friday 3 July
        ("us-ny.substantiation_duty", "2026-06-01", "2026-07-31"),  # 23 NYCRR 1.4: sixty days
        ("uk.complaint_duty", "2026-05-22", "2026-06-01"),  # the Spring bank holiday is Monday 25 May
    ],
)
def test_the_last_day_of_a_duty(rule: str, arose_on: str, due_on: str) -> None:
    country = "GB" if rule.startswith("uk") else "US"
    assert RULES[rule].due_on(date.fromisoformat(arose_on), country) == date.fromisoformat(due_on)


def test_a_portfolio_may_owe_sooner_and_not_later() -> None:
    rules = list(RULES.values())
    assert check('[[rules]]\nid = "us.validation_duty"\ndays = 3\n', rules) == ["us.validation_duty"]
    for looser in ("days = 6", "business_days = true", 'letters = ["first_reminder"]', 'event = "dispute"'):
        with pytest.raises(BadPack):
            check(f'[[rules]]\nid = "us.validation_duty"\n{looser}\n', rules)


# --- the validation notice ------------------------------------------------------------------------------------


def test_the_first_message_brings_the_validation_notice_within_five_days(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
    assert night(engine, 0) == {"made": 0, "written": 0}, "nothing has left yet, so nothing is owed"
    with transaction(engine) as session:
        sent(session, session.get_one(CollectionsCase, case.id), "first_reminder", ON + timedelta(days=1))

    assert night(engine, 1) == {"made": 1, "written": 1}
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.arose_on, duty.due_on) == (date(2026, 6, 2), date(2026, 6, 7))
        [notice] = [
            row for row in session.scalars(select(OutboxMessage)) if row.letter == "validation_notice"
        ]
        assert notice.status is OutboxStatus.QUEUED
        assert notice.destination.value == "post", "paper needs no consent to electronic delivery"
        [arose] = builders.events(session, DutyArose.KIND)
        assert (arose["citation"], arose["due"]) == ("12 CFR 1006.34(a)(1); 15 USC 1692g(a)", "2026-06-07")

    assert night(engine, 2) == {"made": 0, "written": 0}, "it is on its way: neither made nor written twice"
    with transaction(engine) as session:
        [notice] = [
            row for row in session.scalars(select(OutboxMessage)) if row.letter == "validation_notice"
        ]
        notice.status, notice.sent_at = OutboxStatus.SENT, builders.at(date(2026, 6, 4), 12, zone=TEXAS)
    assert night(engine, 3) == {"made": 0, "duties_met": 1, "written": 0}
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.met_on, duty.ended_why) == (date(2026, 6, 4), "it left on 2026-06-04")
        [ended] = builders.events(session, DutyEnded.KIND)
        assert ended["met"] is True
    assert night(engine, 4) == {"made": 0, "written": 0}


@pytest.mark.parametrize(("n", "overdue"), [(5, 0), (6, 1)])
def test_a_letter_that_does_not_leave_is_overdue_the_day_after(engine: Engine, n: int, overdue: int) -> None:
    """Owed by 7 June: not overdue in the night that begins that day, overdue in the one that ends it."""
    with transaction(engine) as session:
        case = a_case(session)
        sent(session, case, "first_reminder", ON + timedelta(days=1))
    night(engine, 1)
    with transaction(engine) as session:
        for row in session.scalars(select(OutboxMessage)):
            if row.letter == "validation_notice":
                row.status = OutboxStatus.WITHHELD
    assert night(engine, n).get("duties_overdue", 0) == overdue
    assert "duties_overdue" not in night(engine, n), "it is said once"
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        today = ON + timedelta(days=n + 1)
        assert duty_counts(session, id_of(book), today).overdue == overdue
        [owed] = owed_letters(session, id_of(book))
        assert owed.is_overdue(today) is bool(overdue)
        assert len(builders.events(session, DutyOverdue.KIND)) == overdue


def test_a_notice_given_before_or_outside_the_desk_is_enough(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        sent(session, case, "first_reminder", ON + timedelta(days=1))
        add_document(
            session, case, DocumentKind.VALIDATION_NOTICE, "n.txt", b"given by the creditor's lawyer",
            dated_on=date(2026, 5, 20), by=Actor.user("ann"), now=builders.at(ON, zone=TEXAS),
        )  # fmt: skip
    assert night(engine, 1) == {"made": 1, "duties_met": 1, "written": 0}


def test_a_closed_case_owes_no_letter_any_more(engine: Engine) -> None:
    """12 CFR 1006.34(a)(1): unless the consumer has paid before."""
    with transaction(engine) as session:
        case = a_case(session)
        sent(session, case, "first_reminder", ON + timedelta(days=1))
    with transaction(engine) as session:
        session.get_one(CollectionsCase, case.id).status = CaseStatus.CLOSED
    assert night(engine, 1) == {"made": 1, "written": 0}
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.met_on, duty.ended_why) == (None, "the case is closed")


@pytest.mark.parametrize("days", [8, 400])
def test_a_first_contact_of_before_brings_no_flood_of_letters(engine: Engine, days: int) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        sent(session, case, "first_reminder", ON - timedelta(days=days))
        sent(session, case, "second_reminder", ON)  # lately, but not the first
    assert night(engine, 0) == {"made": 0, "written": 0}


# --- other events ---------------------------------------------------------------------------------------------


def test_a_letter_that_leaves_while_the_night_runs_is_not_written_twice(engine: Engine) -> None:
    """A worker sends it after the night looked for letters that left, and before it writes what is owed."""
    with transaction(engine) as session:
        case = a_case(session)
        sent(session, case, "first_reminder", ON + timedelta(days=1))
    assert night(engine, 1) == {"made": 1, "written": 1}
    now = builders.night_after(ON + timedelta(days=2), TEXAS)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert settle_duties(session, book, ON + timedelta(days=2), now=now) == {}
        [notice] = session.scalars(select(OutboxMessage).where(OutboxMessage.letter == "validation_notice"))
        notice.status, notice.sent_at = OutboxStatus.SENT, now
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        [duty] = open_duties(session, book)
        assert not write_owed(session, book, [id_of(duty)], catalog(), on=ON + timedelta(days=2), now=now)
    assert builders.count(engine, OutboxMessage) == 2


def test_a_letter_that_wants_a_look_at_the_case_is_a_persons_work_once(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, region="NY", postcode="12207")
        place_hold(
            session, case, HoldKind.DISPUTE, "not mine", ON + timedelta(days=30), builders.catalog(),
            by=Actor.user("ann"), now=builders.at(ON, zone=TEXAS),
        )  # fmt: skip
    assert night(engine, 0)["made"] == 1
    night(engine, 1)
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.rule, duty.verified, duty.due_on) == (
            "us-ny.substantiation_duty",
            False,
            ON + timedelta(days=60),
        )
        [task] = [each for each in session.scalars(select(StrategyTask)) if each.step == "owed-letter"]
        assert task.text.startswith("Send by 2026-07-31: debt verification (23 NYCRR 1.4).")
        add_document(
            session, session.get_one(CollectionsCase, duty.case_id), DocumentKind.VERIFICATION, "v.txt", b"proof",
            dated_on=ON + timedelta(days=2), by=Actor.user("ann"), now=builders.at(ON + timedelta(days=2), 20),
        )  # fmt: skip
    assert night(engine, 2)["duties_met"] == 1


def test_a_creditor_that_collects_itself_owes_no_validation_notice(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(
            session, pack="us-first-party", collector=CollectorKind.FIRST_PARTY, agency="", charge_off_days=0
        )
        sent(session, case, "first_reminder", ON)
        assert builders.events(session, ContactSent.KIND)
    assert night(engine, 0) == {"made": 0, "written": 0}


# --- two payments behind ----------------------------------------------------------------------------------------


def behind(engine: Engine, account_id: int, *due_on: str) -> None:
    """The unpaid dues of an account, as the fold leaves them."""
    with transaction(engine) as session:
        state = session.get_one(AccountState, account_id)
        state.dues = json.dumps([[day, 5_000] for day in due_on])
        state.oldest_due_on = date.fromisoformat(due_on[0]) if due_on else None


def test_a_notice_of_arrears_is_owed_for_each_two_payments_that_were_missed(engine: Engine) -> None:
    """Consumer Credit Act 1974 s.86C: no notice about a payment that one was about before."""
    with transaction(engine) as session:
        case = a_case(
            session, "", "EC1A 1BB", pack="uk", currency="GBP", timezone="Europe/London", country="GB"
        )
        [card] = session.scalars(select(Account.id).where(Account.customer_id == case.customer_id))
    may, june, july, august = "2026-05-01", "2026-05-31", "2026-06-30", "2026-07-30"
    behind(engine, card, june)
    assert night(engine, 0)["made"] == 0, "one payment"
    behind(engine, card, may, june)
    assert night(engine, 0)["made"] == 1
    assert night(engine, 1)["made"] == 0, "made once"
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.rule, duty.letter) == ("uk.arrears_notice_duty", "arrears_notice")
        assert (duty.arose_on, duty.due_on) == (date(2026, 6, 1), date(2026, 6, 29))
    behind(engine, card, may, june, july)
    assert night(engine, 30)["made"] == 0, "the third follows a payment that the notice was about"
    behind(engine, card, may, june, july, august)
    assert night(engine, 60)["made"] == 1
    with transaction(engine) as session:
        assert [duty.arose_on for duty in session.scalars(select(Duty).order_by(Duty.id))] == [
            date(2026, 6, 1), date(2026, 7, 31),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("pack", "country", "dues"),
    [
        ("uk", "GB", ("2026-03-01", "2026-04-01")),  # of before the desk knew the duty
        ("nl", "NL", ("2026-05-01", "2026-05-31")),  # no pack there wants such a notice
    ],
)
def test_payments_missed_long_ago_or_elsewhere_start_nothing(
    engine: Engine, pack: str, country: str, dues: tuple[str, ...]
) -> None:
    with transaction(engine) as session:
        case = a_case(session, "", "1011 AB", pack=pack, currency="EUR", country=country)
        [card] = session.scalars(select(Account.id).where(Account.customer_id == case.customer_id))
    behind(engine, card, *dues)
    assert night(engine, 0)["made"] == 0


# --- paid before it leaves ---------------------------------------------------------------------------------------

NOON = 12
LONDON = "Europe/London"


def close(engine: Engine, n: int) -> None:
    """Close day `ON` + n in the night after it."""
    on = ON + timedelta(days=n)
    run_days(engine, builders.BOOK, on, catalog(), now=builders.night_after(on, LONDON))


def noticed(engine: Engine) -> Account:
    """A card two payments of 50.00 behind, whose notice of arrears was written in the night before 2 June."""
    with transaction(engine) as session:
        book = builders.portfolio(session, pack="uk", currency="GBP", timezone=LONDON)
        card = builders.late_customer(
            session, book, due_on=date(2026, 5, 1), country="GB", timezone=LONDON, city="London", postcode="EC1A 1BB"
        )  # fmt: skip
        builders.statement(session, card, date(2026, 5, 11), date(2026, 5, 31), 5_000)
    close(engine, -1)
    close(engine, 0)
    [notice] = notices(engine)
    assert notice.status is OutboxStatus.QUEUED
    assert "£100.00" in notice.text
    return card


def notices(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == "arrears_notice"]


def the_duty(engine: Engine) -> Duty:
    with reading(engine) as session:
        return session.scalars(select(Duty)).one()


def paid(engine: Engine, card: Account, amount: int) -> int:
    with transaction(engine) as session:
        at = builders.at(ON + timedelta(days=1), 7, zone=LONDON)
        return id_of(builders.payment(session, card, amount, ON + timedelta(days=1), now=at))


def test_a_notice_of_arrears_does_not_leave_once_all_is_paid(engine: Engine) -> None:
    card = noticed(engine)
    entry = paid(engine, card, 10_000)
    assert builders.deliver(engine, builders.at(ON + timedelta(days=1), NOON, zone=LONDON)).sent == []
    [notice] = notices(engine)
    assert (notice.status, notice.error) == (OutboxStatus.WITHHELD, "nothing is past due and owed")
    assert the_duty(engine).ended_on is None
    close(engine, 1)
    assert (the_duty(engine).met_on, the_duty(engine).ended_on) == (None, ON + timedelta(days=2))
    assert len(notices(engine)) == 1

    with transaction(engine) as session:  # the bank takes the payment back
        back_on = ON + timedelta(days=3)
        post_mirror(
            session, card, session.get_one(Entry, entry), "no funds", back_on, by=Actor.user("ann"),
            now=builders.at(back_on, 7, zone=LONDON),
        )  # fmt: skip
    close(engine, 3)
    assert the_duty(engine).ended_on is None, "owed again"
    assert [row.status for row in notices(engine)] == [OutboxStatus.WITHHELD, OutboxStatus.QUEUED]
    sent = builders.deliver(engine, builders.at(ON + timedelta(days=4), NOON, zone=LONDON)).sent
    assert "arrears_notice" in [each.letter for each in sent]
    close(engine, 4)
    assert the_duty(engine).met_on == ON + timedelta(days=4)


def test_a_notice_of_arrears_is_written_again_with_what_is_past_due_now(engine: Engine) -> None:
    card = noticed(engine)
    paid(engine, card, 3_000)
    noon = builders.at(ON + timedelta(days=1), NOON, zone=LONDON)
    builders.deliver(engine, noon)
    [notice] = notices(engine)
    assert (notice.status, notice.error) == (OutboxStatus.WITHHELD, RESTATED)
    assert fall_back_due(engine, catalog(), clock=FixedClock(noon)) == 0, "the night writes what is owed"
    close(engine, 1)
    assert the_duty(engine).ended_on is None
    _, again = notices(engine)
    assert "£70.00" in again.text
    sent = builders.deliver(engine, builders.at(ON + timedelta(days=2), NOON, zone=LONDON)).sent
    assert "arrears_notice" in [each.letter for each in sent]
    close(engine, 2)
    assert the_duty(engine).met_on == ON + timedelta(days=2)
    with reading(engine) as session:
        assert [
            task.text for task in session.scalars(select(StrategyTask)) if task.step == "owed-letter"
        ] == []


def test_two_duties_of_one_customer_bring_one_letter(engine: Engine) -> None:
    """New York City wants the validation notice too: the notice that left for the one fulfils the other."""
    with transaction(engine) as session:
        case = a_case(session, region="NY", postcode="10001")
        session.get_one(Customer, case.customer_id).city = "New York"
        other = a_case(session)
        for each in (case, other):
            sent(session, each, "first_reminder", date(2026, 9, 2))
    n = (date(2026, 9, 2) - ON).days
    assert night(engine, n) == {"made": 4, "written": 3}, "beside the disclosures of New York State"
    with transaction(engine) as session:
        notices = session.scalars(
            select(OutboxMessage.customer_id).where(OutboxMessage.letter == "validation_notice")
        )
        assert sorted(notices) == sorted([case.customer_id, other.customer_id])
        assert session.scalars(select(StrategyTask)).all() == []
    assert night(engine, n + 1) == {"made": 0, "written": 0}
    with transaction(engine) as session:
        for notice in session.scalars(
            select(OutboxMessage).where(OutboxMessage.letter == "validation_notice")
        ):
            notice.status, notice.sent_at = OutboxStatus.SENT, builders.at(date(2026, 9, 5), 12, zone=TEXAS)
    assert night(engine, n + 2) == {"made": 0, "duties_met": 3, "written": 0}


@pytest.mark.parametrize("charged_off", [False, True])
def test_the_disclosures_of_new_york_come_within_five_days(engine: Engine, charged_off: bool) -> None:
    """23 NYCRR 1.2(a); of a charged-off debt 1.2(b) wants an account since then, which a person writes."""
    with transaction(engine) as session:
        case = a_case(session, region="NY", postcode="12207")
        sent(session, case, "first_reminder", ON + timedelta(days=1))
        if charged_off:
            [card] = session.scalars(select(Account).where(Account.customer_id == case.customer_id))
            card.status = AccountStatus.CHARGED_OFF
    night(engine, 1)
    with transaction(engine) as session:
        rows = [row for row in session.scalars(select(OutboxMessage)) if row.letter == "ny_disclosures"]
        [duty] = [each for each in session.scalars(select(Duty)) if each.letter == "ny_disclosures"]
        assert duty.due_on == ON + timedelta(days=6)
        tasks = [task.text for task in session.scalars(select(StrategyTask))]
        if charged_off:
            assert rows == []
            assert any("was charged off" in text for text in tasks)
        else:
            [row] = rows
            assert row.destination.value == "post"
            assert "Ninety percent of your wages or salary earned in the last sixty days." in row.text
            assert tasks == []


def test_who_pays_by_agreement_gets_an_account_each_quarter(engine: Engine) -> None:
    """23 NYCRR 1.5: three months after it was agreed, and six; no more once it is over."""
    with transaction(engine) as session:
        case = a_case(session, region="NY", postcode="12207")
        now = builders.at(ON, 12, zone=TEXAS)
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        builders.entry(session, card, EntryKind.PURCHASE, 95_000, DUE - timedelta(days=10))
        fold_accounts(session, get_portfolio(session, builders.BOOK), [id_of(card)], through=ON)
        terms = monthly(60_000, 0, 12, ON + timedelta(days=20))
        plan = make_offer(session, case, terms, by="user:ann", today=ON, now=now)
        accept(session, plan, by=Actor.user("ann"), today=ON, now=now)
        plan_id = id_of(plan)
    quarter = (date(2026, 9, 1) - ON).days
    assert night(engine, quarter - 2)["made"] == 0
    assert night(engine, quarter) == {"made": 1, "written": 1}
    assert night(engine, quarter + 1) == {"made": 0, "written": 0}
    with transaction(engine) as session:
        [duty] = session.scalars(select(Duty))
        assert (duty.rule, duty.arose_on) == ("us-ny.quarterly_duty", date(2026, 9, 1))
        [statement] = [
            row for row in session.scalars(select(OutboxMessage)) if row.letter == "plan_statement"
        ]
        assert "what you have paid, and what you owe" in statement.text
        statement.status, statement.sent_at = OutboxStatus.SENT, builders.at(date(2026, 9, 3), 12, zone=TEXAS)
    assert night(engine, quarter + 2)["duties_met"] == 1
    second = (date(2026, 12, 1) - ON).days
    assert night(engine, second)["made"] == 1
    with transaction(engine) as session:
        session.get_one(Plan, plan_id).status = PlanStatus.CANCELLED
    assert night(engine, second + 91)["made"] == 0
