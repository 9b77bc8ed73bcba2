"""Letters that go out with what they speak of: offers, broken plans, holds, ends of cases, and what the law demands."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.holds import end_hold, place_hold
from app.book.delinquency.models import AccountState
from app.book.delinquency.service import fold_accounts
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import accept, cancel
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.gate.events import ContactCleared
from app.outreach.gate.facts import gather_facts
from app.outreach.letters.locales import format_date
from app.outreach.letters.statutory import AnswerTime
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, OutboxStatus
from app.outreach.planning.in_writing.agreements import confirm_plan, offer_in_writing
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.models import DeferredLetter
from app.outreach.planning.on_demand import write_on_demand
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Answer, Clearance, Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import review
from tests import builders
from tests.agreements import make_offer, monthly, offer_settlement, promise_to_pay

ON = date(2026, 3, 16)
"""A Monday."""
DUE = ON - timedelta(days=4)


def offer(engine: Engine) -> tuple[CollectionsCase, int, Mapping[Channel, Answer]]:
    """A case, and a plan of two payments offered to it in writing."""
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        told = {"by": "user:ann", "now": builders.at(ON)}
        plan = make_offer(
            session,
            case,
            monthly(5_000, 0, 2, ON + timedelta(days=7)),
            today=ON,
            **told,
        )
        book = get_portfolio(session, builders.BOOK)
        answers = offer_in_writing(session, book, plan, builders.catalog(), on=ON, **told)
        assert offer_in_writing(session, book, plan, builders.catalog(), on=ON, **told) == {}, "once"
        return case, id_of(plan), answers


def test_an_offer_is_written_once_with_its_payments_and_a_day_to_answer_by(engine: Engine) -> None:
    case, plan, answers = offer(engine)
    assert [type(answer) for answer in answers.values()] == [Clearance]
    [row] = builders.messages(engine)
    assert builders.step_of(engine, row) == CaseStep(id_of(case), DeskStep.OFFER, plan_id=plan)
    assert row.destination is Destination.EMAIL
    assert "1. CN¥25.00 by 23 March 2026" in row.text
    assert "Nothing is agreed yet. Tell us by 23 March 2026" in row.text
    assert json.loads(row.context)["answer_by"] == "23 March 2026", "kept with the message"
    assert "itemization" not in json.loads(row.context), "what it does not speak of is not kept"
    assert [m.letter for m in builders.deliver(engine, builders.at(ON, 13)).sent] == ["plan_offer"]


@pytest.mark.parametrize("what", [accept, cancel])
def test_an_offer_that_is_none_any_more_does_not_go_out(sqlite_engine: Engine, what: object) -> None:
    _, plan_id, _ = offer(sqlite_engine)
    told = {"by": "user:ann", "today": ON, "now": builders.at(ON)}
    with transaction(sqlite_engine) as session:
        plan = session.get_one(Plan, plan_id)
        if what is accept:
            accept(session, plan, **told)
        else:
            cancel(session, plan, "not wanted", **told)
    assert builders.deliver(sqlite_engine, builders.at(ON, 13)).sent == []
    [row] = builders.messages(sqlite_engine)
    assert row.status is OutboxStatus.WITHHELD
    assert "no longer on offer" in row.error


def late(session: Session, book: Portfolio) -> Account:
    return builders.late_customer(session, book, due_on=DUE)


def test_a_broken_plan_is_told_the_same_night_and_no_reminder_goes_with_it(engine: Engine) -> None:
    with transaction(engine) as session:
        quiet = {"remind_days": 0, "remind_today": False, "remind_grace_days": 0}
        book = builders.portfolio(session, grace_days=0)
        book.sqlmodel_update(quiet)
        card = late(session, book)
    builders.close_day(engine, ON)
    case = builders.open_case(engine, card.customer_id)
    assert case is not None
    builders.deliver(engine, builders.at(ON + timedelta(days=1), 12))
    first = ON + timedelta(days=9)  # 13 days past due; the standard ladder's e-mail of day 9 would be due
    with transaction(engine) as session:
        told = {"by": "user:ann", "today": ON + timedelta(days=1), "now": builders.at(ON + timedelta(days=1))}
        plan = make_offer(
            session,
            session.get_one(CollectionsCase, case.id),
            monthly(5_000, 0, 1, first),
            **told,
        )
        accept(session, plan, **told)
    builders.close_day(engine, first)
    builders.close_day(engine, first + timedelta(days=1))
    broken = [row for row in builders.messages(engine) if row.letter == "plan_broken"]
    assert [builders.step_of(engine, row) for row in broken] == [
        CaseStep(id_of(case), DeskStep.BROKEN_PLAN, plan_id=plan.id)
    ]
    assert f"In our agreement {plan.reference} of " in broken[0].text
    assert "you were to pay CN¥50.00 by 25 March 2026." in broken[0].text
    sent = builders.deliver(engine, builders.at(first + timedelta(days=2))).sent
    assert [m.letter for m in sent] == ["plan_broken"], "one written reminder a day, and this is it"


def test_a_settlement_is_offered_in_writing_and_paying_it_ends_the_case_without_another_reminder(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        card = late(session, builders.portfolio(session))
    builders.close_day(engine, ON)
    builders.deliver(engine, builders.at(ON + timedelta(days=1), 12))
    offered, paid_on = ON + timedelta(days=2), ON + timedelta(days=6)
    told = {"by": "user:max", "now": builders.at(offered)}
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan = offer_settlement(session, case, 60_000, offered + timedelta(days=21), today=offered, **told)
        book = get_portfolio(session, builders.BOOK)
        answers = offer_in_writing(session, book, plan, builders.catalog(), on=offered, **told)
        assert [type(answer) for answer in answers.values()] == [Clearance]
    [letter] = builders.deliver(engine, builders.at(offered, 13)).sent
    assert letter.letter == "settlement_offer"
    assert (
        "You owe CN¥1,000.00, as listed below. We can settle that for less: if CN¥600.00 reaches us by 8 April 2026"
        in letter.text
    )
    for amount in (20_000, 40_000):
        with transaction(engine) as session:
            builders.payment(session, session.get_one(Account, card.id), amount, paid_on)
    builders.close_day(engine, paid_on)
    with transaction(engine) as session:
        assert session.get_one(Plan, plan.id).status is PlanStatus.KEPT
        assert session.get_one(Account, card.id).status is AccountStatus.SETTLED
        assert balance_of(session, id_of(card), paid_on) == 0, "the rest is let off"
        case = session.get_one(CollectionsCase, case.id)
        assert (case.status, case.outcome) == (CaseStatus.CLOSED, CaseOutcome.SETTLED)
    builders.close_day(engine, paid_on + timedelta(days=10))
    sent = builders.deliver(engine, builders.at(paid_on + timedelta(days=1), 12)).sent
    assert [m.letter for m in sent] == ["settlement_completed"]
    for proof in ("card ending", "CN¥600.00 paid, the last payment on 22 March 2026"):
        assert proof in sent[0].text, "23 NYCRR 1.5(b): card, amount and day"


def test_a_dispute_is_acknowledged_although_reminders_stop(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        told = {"by": "user:ann", "now": builders.at(ON)}
        for kind in (HoldKind.DISPUTE, HoldKind.VULNERABLE):
            until, letters = ON + timedelta(days=20), builders.catalog()
            placed = place_hold(session, case, kind, "not hers", until, letters, **told)
            told_by = [type(answer) for answer in placed.acknowledgement.values()]
            assert told_by == ([Clearance] if kind is HoldKind.DISPUTE else [])
    [sent] = builders.deliver(engine, builders.at(ON, 13)).sent
    assert sent.letter == "dispute_acknowledged"
    assert "On 16 March 2026 you told us" in sent.text
    assert "You will hear from us by 31 March 2026 at the latest" in sent.text


def test_an_acknowledgement_does_not_go_out_when_its_hold_has_ended(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE, on=ON)
        told = {"by": Actor.user("ann"), "now": builders.at(ON)}
        until, letters = ON + timedelta(days=20), builders.catalog()
        placed = place_hold(session, case, HoldKind.DISPUTE, "not hers", until, letters, **told)
        end_hold(session, placed.hold, "the wrong customer", "Ann Lee", **told)
    assert builders.deliver(engine, builders.at(ON, 13)).sent == []
    [row] = builders.messages(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, "the hold it acknowledges has ended")


@pytest.mark.parametrize("taken_back", [False, True])
def test_who_has_paid_everything_is_told_so_unless_the_payment_comes_back(
    engine: Engine, taken_back: bool
) -> None:
    with transaction(engine) as session:
        card = late(session, builders.portfolio(session))
    builders.close_day(engine, ON)
    builders.deliver(engine, builders.at(ON + timedelta(days=1), 12))
    paid_on = ON + timedelta(days=1)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card.id), 100_000, paid_on)
    builders.close_day(engine, paid_on)
    [row] = [m for m in builders.messages(engine) if m.letter == "paid_in_full"]
    assert builders.step_of(engine, row).step == DeskStep.CLOSED
    if taken_back:
        with transaction(engine) as session:
            builders.entry(session, session.get_one(Account, card.id), EntryKind.PURCHASE, 100, paid_on)
            fold_accounts(session, get_portfolio(session, builders.BOOK), [id_of(card)], through=paid_on)
    sent = builders.deliver(engine, builders.at(paid_on + timedelta(days=1))).sent
    assert [m.letter for m in sent] == ([] if taken_back else ["paid_in_full"])


NO_WEEKENDS = """
[[rules]]
id = "house.no_weekends"
kind = "hours"
channels = ["sms", "email", "post"]
open = [{ weekdays = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", to = "20:00" }]
force = "operator choice"
citation = "house rule: nothing on weekends"
source = "house rule"
verified = true
"""
FRIDAY = ON + timedelta(days=4)


@pytest.mark.parametrize("kept", [True, False])
def test_what_may_not_be_said_on_a_weekend_is_said_on_monday_once_if_it_still_holds(
    engine: Engine, kept: bool
) -> None:
    with transaction(engine) as session:
        late(session, builders.portfolio(session, tightening=NO_WEEKENDS))
    for days in range(4):
        builders.close_day(engine, ON + timedelta(days=days))
    told = {"by": "user:ann", "now": builders.at(FRIDAY, 22)}
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        book, letters = get_portfolio(session, builders.BOOK), builders.catalog()
        plan = promise_to_pay(session, case, 5_000, FRIDAY + timedelta(days=9), today=FRIDAY, **told)
        answers = confirm_plan(session, book, plan, letters, on=FRIDAY, **told)
        assert [type(answer) for answer in answers.values()] == [WaitUntil, WaitUntil]
        until = FRIDAY + timedelta(days=30)
        placed = place_hold(session, case, HoldKind.COMPLAINT, "rude", until, letters, **told)
        assert [type(answer) for answer in placed.acknowledgement.values()] == [WaitUntil]
    for days in (0, 1):
        builders.close_day(engine, FRIDAY + timedelta(days=days))
    assert written(engine) == []
    if not kept:
        saturday = FRIDAY + timedelta(days=1)
        with transaction(engine) as session:
            plan = session.get_one(Plan, plan.id)
            cancel(session, plan, "cannot", by=Actor.user("ann"), today=saturday, now=builders.at(saturday))
    for days in (2, 3):
        builders.close_day(engine, FRIDAY + timedelta(days=days))
    promised = ["promise_confirmation", "promise_confirmation"] if kept else []
    assert written(engine) == ["complaint_acknowledged", *promised]
    sent = builders.deliver(engine, builders.at(FRIDAY + timedelta(days=3), 9)).sent
    assert sorted(m.letter for m in sent) == ["complaint_acknowledged", *promised]
    with transaction(engine) as session:
        assert session.scalars(select(DeferredLetter)).all() == []


def written(engine: Engine) -> list[str]:
    return sorted(row.letter for row in builders.messages(engine) if "reminder" not in row.letter)


# ------------------------------------------------------------------------------------------------- what the law demands


def dutch(session: Session, **changes: object) -> CollectionsCase:
    """A case of a Dutch customer who reads English, in a book in euros."""
    given = {"currency": "EUR", "timezone": "Europe/Amsterdam", "pack": "nl"}
    book = builders.portfolio(session, **{**given, **changes})
    card = builders.late_customer(
        session, book, due_on=DUE, minimum=30_000, country="NL", timezone="Europe/Amsterdam", language="en",
        mobile="", city="Utrecht", postcode="3511 AB",
    )  # fmt: skip
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=30_000,
        balance_minor=100_000, oldest_due_on=DUE, next_contact_on=ON,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case


def by_hand(
    session: Session, case: CollectionsCase, letter: str, catalog: LetterCatalog | None = None
) -> Answer:
    [answer] = write_on_demand(
        session, session.get_one(Portfolio, case.portfolio_id), case, letter, [Channel.POST],
        catalog or builders.catalog(), on=ON, by=Actor.user("ann"), now=builders.at(ON),
    )  # fmt: skip
    return answer


def test_the_dutch_letter_shows_the_costs_and_starts_the_wait_of_its_law(engine: Engine) -> None:
    with transaction(engine) as session:
        case = dutch(session)
        assert isinstance(by_hand(session, case, "fourteen_day_letter"), Clearance)
    [row] = builders.messages(engine)
    assert row.language == "nl", "in the language of the country, whatever the customer reads"
    assert "Die kosten zijn €\u00a045,00. U betaalt dan in totaal €\u00a0345,00." in row.text
    # Not printed, because nobody knows the day of receipt: seven business days for leaving and delivery, and fourteen.
    assert row.answer_by is not None
    assert row.answer_by == AnswerTime(14, 7, "NL").ends(ON)
    assert format_date(row.answer_by, "nl") not in row.text
    builders.deliver(engine, builders.at(ON, 17))  # ten o'clock in Amsterdam
    last = row.answer_by
    assert demand_waits(engine, case, last) == ["nl.fourteen_day_letter"]
    assert demand_waits(engine, case, last + timedelta(days=1)) == []


def demand_waits(engine: Engine, case: CollectionsCase, on: date) -> list[str]:
    """The rules that make the demand for the costs wait at noon in Amsterdam."""
    with transaction(engine) as session:
        book, holder = (
            session.get_one(Portfolio, case.portfolio_id),
            session.get_one(Customer, case.customer_id),
        )
        pack, at = packs_for(book, holder), builders.at(on, 12, zone="Europe/Amsterdam")
        facts = gather_facts(session, [holder], pack, now=at)[id_of(holder)]
        contact = Contact(Channel.POST, Purpose.NOTICE, "Oudegracht 1", "collection_costs_demand")
        answer = review(contact, facts, pack, at)
    return [] if isinstance(answer, Clearance) else [reason.rule for reason in answer.reasons]


def test_a_notice_goes_only_where_its_law_holds_and_with_what_it_must_name(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = dutch(session)
        with pytest.raises(Invalid, match="for NO only"):
            by_hand(session, case, "inkassovarsel")
        with pytest.raises(Invalid, match="Choose one of the list"):
            by_hand(session, case, "dispute_acknowledged")
    american = builders.catalog().letters["validation_notice"]
    assert "another's debts" in american.misfit("US", "first_party", "USD", {"sender_address"})
    assert "sender_address" in american.misfit("US", "third_party", "USD", set())
    assert american.misfit("US", "third_party", "USD", {"sender_address"}) == ""
    assert "EUR only" in builders.catalog().letters["fourteen_day_letter"].misfit("NL", "", "USD", ())


def test_a_dutch_agency_without_a_register_number_writes_nothing(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = dutch(session, collector=CollectorKind.THIRD_PARTY, agency="Meridiaan Incasso")
        refused = by_hand(session, case, "first_reminder")
        assert isinstance(refused, Refusals)
        assert "nl.register" in {reason.rule for reason in refused.reasons}
        known = dataclasses.replace(builders.catalog(), register_number="12345")
        assert isinstance(by_hand(session, case, "first_reminder", known), Clearance)
        row = session.scalars(select(OutboxMessage)).one()
        assert "registration number as a debt collector: 12345" in row.text


def test_an_american_notice_itemizes_the_debt_since_the_last_statement(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(
            session, currency="USD", timezone="America/New_York", pack="us-third-party",
            collector=CollectorKind.THIRD_PARTY, agency="Meridian Recovery",
        )  # fmt: skip
        card = builders.late_customer(
            session, book, due_on=DUE, country="US", timezone="America/New_York", region="", city="Austin",
            postcode="78701", mobile="",
        )  # fmt: skip
        builders.entry(session, card, EntryKind.INTEREST, 1_500, ON - timedelta(days=2))
        builders.entry(session, card, EntryKind.FEE, 2_900, ON - timedelta(days=1))
        builders.payment(session, card, 400, ON - timedelta(days=1))
        fold_accounts(session, book, [id_of(card)], through=ON)
        case = CollectionsCase(
            portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=4_600,
            balance_minor=104_000, oldest_due_on=DUE, next_contact_on=ON,
        )  # fmt: skip
        session.add(case)
        session.flush()
        known = dataclasses.replace(builders.catalog(), sender_address="P.O. Box 1, Austin, TX 78701")
        answer = by_hand(session, case, "validation_notice", known)
        assert isinstance(answer, Clearance), answer
        row = session.scalars(select(OutboxMessage)).one()
        text = row.text
        assert row.answer_by == date(2026, 4, 25), (
            "the day that is printed is the day that later steps wait for"
        )
        assert builders.events(session, ContactCleared.KIND)[0]["letter"] == "validation_notice"
    for row in (
        "| As of February 20, 2026, you owed: | $1,000.00 |",
        "charged this amount in interest: | + $15.00 |",
        "charged this amount in fees: | + $29.00 |",
        "credited this amount toward the debt: | - $4.00 |",
        "|= Total amount of the debt now: | $1,040.00 |",
        "Call or write to us by April 25, 2026, to dispute all or part of the debt.",
    ):
        assert row in text


@pytest.mark.parametrize("told", [104_001, 103_999, 90_000])
def test_an_american_notice_does_not_itemize_what_the_ledger_does_not_hold(
    sqlite_engine: Engine, told: int
) -> None:
    """A creditor's own figure that the ledger does not add up to is for a person, and nothing is put in to close it."""
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(
            session, currency="USD", timezone="America/New_York", pack="us-third-party",
            collector=CollectorKind.THIRD_PARTY, agency="Meridian Recovery",
        )  # fmt: skip
        card = builders.late_customer(
            session, book, due_on=DUE, country="US", timezone="America/New_York", city="Austin", postcode="78701",
            mobile="",
        )  # fmt: skip
        fold_accounts(session, book, [id_of(card)], through=ON)
        session.get_one(AccountState, card.id).balance_minor = told
        case = CollectionsCase(
            portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=4_600,
            balance_minor=told, oldest_due_on=DUE, next_contact_on=ON,
        )  # fmt: skip
        session.add(case)
        session.flush()
        known = dataclasses.replace(builders.catalog(), sender_address="P.O. Box 1, Austin, TX 78701")
        answer = by_hand(session, case, "validation_notice", known)
        assert isinstance(answer, Refusals)
        assert "The ledger of card" in answer.reasons[0].detail
        assert session.scalars(select(OutboxMessage)).all() == []
        [task] = session.scalars(select(StrategyTask)).all()
        assert task.text.startswith("Validation notice (United States) was not sent: The ledger of card")
