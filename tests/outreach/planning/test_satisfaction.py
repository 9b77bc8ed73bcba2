"""A question about satisfaction: whom it reaches, who is never asked, its one reminder, and two workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.calls import CallReport, log_call
from app.actions.holds import end_hold, place_hold
from app.actions.people.satisfaction import answer_survey, decline_surveys
from app.actions.preferences import refuse_channels
from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import NEVER_AFTER, AskedAfter
from app.casework.support_needs.catalog import support_needs
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.legal.referrals.events import ReferralNominated
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.satisfaction.asking import ask_customers
from app.outreach.planning.satisfaction.barred import CRISIS, REFERRED, barred
from app.outreach.planning.satisfaction.closing import closed_of_nights, reminders_due
from tests import builders

MONDAY = date(2026, 3, 16)
PAID_ON = MONDAY + timedelta(days=1)
CALLED_ON = PAID_ON
ANN = Actor.user("ann")
LETTER = "satisfaction_question"


def case_of(engine: Engine, *, share: int = 100, channel: str = "email") -> tuple[Account, CollectionsCase]:
    """A late customer with a case, in a portfolio that asks a share of its customers."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        book.survey_share_percent, book.survey_channel = share, channel
        card = builders.late_customer(session, book, due_on=MONDAY - timedelta(days=4), balance=5_000)
    builders.close_day(engine, MONDAY)
    builders.deliver(engine, builders.at(PAID_ON, 9))
    case = builders.open_case(engine, card.customer_id)
    assert case is not None
    return card, case


def pay_all(engine: Engine, card: Account) -> None:
    with transaction(engine) as session:
        builders.payment(session, card, 5_000, PAID_ON)


def questions(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == LETTER]


def surveys(engine: Engine) -> list[Survey]:
    with transaction(engine) as session:
        return list(session.scalars(select(Survey).order_by(Survey.id)))  # type: ignore[arg-type]


def live_on(engine: Engine, first: date, days: int, sender: builders.RecordingSender) -> None:
    """Close these days, and deliver at noon after each."""
    for n in range(days):
        on = first + timedelta(days=n)
        builders.close_day(engine, on)
        builders.deliver(engine, builders.at(on + timedelta(days=1)), sender)


def test_who_paid_is_asked_once_reminded_once_and_not_after_the_answer(engine: Engine) -> None:
    card, case = case_of(engine)
    pay_all(engine, card)
    sender = builders.RecordingSender()
    live_on(engine, PAID_ON, 4, sender)
    [survey] = surveys(engine)
    assert (survey.after, survey.reason, survey.case_id) == (AskedAfter.CASE, "paid", id_of(case))
    assert survey.asked_on == PAID_ON + timedelta(days=1), "the day before has the letter that all is paid"
    [row] = questions(engine)
    assert row.purpose is Purpose.CONFIRMATION, "no rule takes it for a letter that asks for money"
    assert row.status is OutboxStatus.SENT
    assert f"/u/{case.id}.ask.1w0." in row.text
    for debt in ("CN¥", "50.00", "past due", "pay", "owe", "overdue", "Gold card"):
        assert debt not in row.text.replace("payment", ""), debt

    # Five days without an answer: once more, by the same channel, and then never again.
    live_on(engine, PAID_ON + timedelta(days=4), 9, sender)
    first, again = questions(engine)
    assert builders.step_of(engine, again).step == DeskStep.SATISFACTION_AGAIN
    assert again.business_date == first.business_date + timedelta(days=5)
    assert "A few days ago we asked you one question" in again.text
    assert [each.letter for each in sender.sent].count(LETTER) == 2
    live_on(engine, PAID_ON + timedelta(days=13), 8, sender)
    assert len(questions(engine)) == 2


def test_who_answered_before_the_reminder_left_gets_none(engine: Engine) -> None:
    card, _ = case_of(engine)
    pay_all(engine, card)
    sender = builders.RecordingSender()
    live_on(engine, PAID_ON, 6, sender)
    builders.close_day(engine, PAID_ON + timedelta(days=6))  # the reminder is queued
    [survey] = surveys(engine)
    with transaction(engine) as session:
        kept = answer_survey(
            session,
            session.get_one(Survey, survey.id),
            "5",
            "",
            now=builders.at(PAID_ON + timedelta(days=7), 9),
        )
        assert not kept.may_be_complaint
    builders.deliver(engine, builders.at(PAID_ON + timedelta(days=7)), sender)
    _, again = questions(engine)
    assert again.status is OutboxStatus.WITHHELD
    assert "was answered" in again.error


@pytest.mark.parametrize("kind", sorted(NEVER_AFTER))
def test_after_such_a_hold_nobody_is_asked_even_when_it_ended(sqlite_engine: Engine, kind: HoldKind) -> None:
    engine = sqlite_engine
    card, case = case_of(engine)
    told = {"by": ANN, "now": builders.at(MONDAY + timedelta(days=1), 9)}
    with transaction(engine) as session:
        mine = session.get_one(CollectionsCase, case.id)
        placed = place_hold(
            session, mine, kind, "as they said", MONDAY + timedelta(days=90), builders.catalog(), **told
        )
        if kind is not HoldKind.COMPLAINT:  # that ends with its complaint, which stays on record
            end_hold(session, placed.hold, "it is over", "Mei Lin Chen", **told)
    pay_all(engine, card)
    live_on(engine, PAID_ON, 2, builders.RecordingSender())
    assert surveys(engine) == []
    assert questions(engine) == []


def decline_before(session: Session, customer: Customer) -> None:
    case = session.scalars(select(CollectionsCase)).one()
    earlier = Survey(
        portfolio_id=customer.portfolio_id, customer_id=id_of(customer), case_id=id_of(case), occurrence=1,
        after=AskedAfter.CALL, channel=Channel.EMAIL, language="en", asked_on=date(2025, 1, 1),
        closes_on=date(2025, 2, 1), asked_at=builders.at(date(2025, 1, 1)),
    )  # fmt: skip
    session.add(earlier)
    session.flush()
    decline_surveys(session, earlier, now=builders.at(MONDAY))


def refuse_sms(session: Session, customer: Customer) -> None:
    refuse_channels(session, customer, [Channel.SMS], source="page", now=builders.at(MONDAY))


def debts_stand(session: Session, customer: Customer) -> None:
    case = session.scalars(select(CollectionsCase)).one()
    place_hold(
        session, case, HoldKind.DISPUTE, "not mine", MONDAY + timedelta(days=60), builders.catalog(), by=ANN,
        now=builders.at(MONDAY + timedelta(days=1), 9),
    )  # fmt: skip


@pytest.mark.parametrize("what", [decline_before, refuse_sms, debts_stand])
def test_who_refused_or_waits_for_us_is_not_asked(
    sqlite_engine: Engine, what: Callable[[Session, Customer], None]
) -> None:
    engine = sqlite_engine
    card, _ = case_of(engine)
    with transaction(engine) as session:
        what(session, session.get_one(Customer, card.customer_id))
    pay_all(engine, card)
    live_on(engine, PAID_ON, 2, builders.RecordingSender())
    assert questions(engine) == []


def test_a_complaint_between_the_night_and_the_morning_withholds_the_question(engine: Engine) -> None:
    card, case = case_of(engine)
    with transaction(engine) as session:
        log_call(
            session, session.get_one(CollectionsCase, case.id), CallReport("right_party"), builders.catalog(),
            by=ANN, now=builders.at(CALLED_ON, 10),
        )  # fmt: skip
    builders.close_day(engine, CALLED_ON)
    [row] = questions(engine)
    [survey] = surveys(engine)
    assert (survey.after, survey.reason, survey.agent) == (AskedAfter.CALL, "right_party", "ann")
    morning = CALLED_ON + timedelta(days=1)
    with transaction(engine) as session:
        place_hold(
            session, session.get_one(CollectionsCase, case.id), HoldKind.COMPLAINT, "was rude",
            MONDAY + timedelta(days=60), builders.catalog(), by=ANN, now=builders.at(morning, 9),
        )  # fmt: skip
    sender = builders.deliver(engine, builders.at(morning))
    assert LETTER not in [each.letter for each in sender.sent]
    [row] = questions(engine)
    assert row.status is OutboxStatus.WITHHELD
    assert "complaint" in row.error
    assert card.customer_id == row.customer_id


def test_two_workers_ask_once_and_the_next_question_is_months_away(engine: Engine) -> None:
    card, case = case_of(engine)
    told = {"by": ANN}
    with transaction(engine) as session:
        log_call(
            session, session.get_one(CollectionsCase, case.id), CallReport("right_party"), builders.catalog(),
            **told, now=builders.at(CALLED_ON, 10),
        )  # fmt: skip
    now = builders.night_after(CALLED_ON)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        found = closed_of_nights(session, book, CALLED_ON)
    assert [each.after for each in found] == [AskedAfter.CALL]
    for expected in (1, 0):  # the second worker found the same before the first wrote
        with transaction(engine) as session:
            book = get_portfolio(session, builders.BOOK)
            assert ask_customers(session, book, found, builders.catalog(), on=CALLED_ON, now=now) == expected
    pay_all(engine, card)
    live_on(engine, PAID_ON, 3, builders.RecordingSender())
    assert len(questions(engine)) == 1, "the case was paid a day later, within the days between two questions"
    with transaction(engine) as session:
        assert reminders_due(session, get_portfolio(session, builders.BOOK), CALLED_ON) == []


def test_a_question_that_the_gate_refuses_is_on_record_and_not_asked_again(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    card, _ = case_of(engine)
    with transaction(engine) as session:
        customer = session.get_one(Customer, card.customer_id)
        customer.email = customer.mobile = ""
    pay_all(engine, card)
    live_on(engine, PAID_ON, 3, builders.RecordingSender())
    [survey] = surveys(engine)
    assert survey.contact_id is None
    with transaction(engine) as session:
        refused = builders.events(session, ContactRefused.KIND, customer_id=card.customer_id)
    told = [each for each in refused if each.get("letter") == LETTER]
    assert len(told) == 1
    assert told[0]["purpose"] == "reminder", "judged by the strictest purpose"


def test_none_is_asked_where_the_share_is_none(sqlite_engine: Engine) -> None:
    card, _ = case_of(sqlite_engine, share=0)
    pay_all(sqlite_engine, card)
    live_on(sqlite_engine, PAID_ON, 2, builders.RecordingSender())
    assert surveys(sqlite_engine) == []


def test_names_that_this_package_may_not_import_are_those_of_their_owners(sqlite_engine: Engine) -> None:
    assert REFERRED == ReferralNominated.KIND
    assert set(CRISIS) <= set(support_needs())
    with transaction(sqlite_engine) as session:
        assert barred(session, []) == {}
