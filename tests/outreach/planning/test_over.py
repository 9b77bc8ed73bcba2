"""An agreement that ends where nothing is past due, or because an earlier payment does not count any more: its customer
and the adviser who made it are told so once, and nothing is asked for."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, HARDSHIP, LETTERS, MEI, ON, PLAN, a_case, the_card
from tests.actions.test_agreements import assess as assess_case
from tests.outreach.planning.test_fees_again import night, written
from tests.outreach.planning.test_restored import BROKEN, DUE, LATER, close, letters
from tests.reporting.kpis.test_outcomes import re_age

PROMISE = AgreementTerms(PlanKind.PROMISE, 5_000, DUE)


def agreed(engine: Engine, terms: AgreementTerms) -> int:
    """An agreement of a customer of whom 50.00 is past due. Its confirmation left."""
    with transaction(engine) as session:
        book = builders.portfolio(session, remind_days=0, remind_today=False, remind_grace_days=0)
        builders.late_customer(session, book, due_on=ON - 10 * DAY)
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        plan_id = id_of(agree(session, case, terms, LETTERS, **AS_MANAGER).plan)
    builders.deliver(engine, builders.at(ON, 13))
    return plan_id


def pay(engine: Engine, amount: int, on: date, known: date) -> None:
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, amount, on, posted_on=known, now=builders.at(known, 11))


def of_ends(engine: Engine) -> list[str]:
    return [
        row.letter
        for row in builders.messages(engine)
        if row.letter.startswith(("plan_broken", "plan_over", "fees", "adviser_plan_broken"))
    ]


@pytest.fixture
def over(engine: Engine) -> Engine:
    """A plan of six payments of 100.00: 50.00 bring the account up to date, and the first payment is short."""
    agreed(engine, PLAN)
    pay(engine, 5_000, DUE, DUE)
    close(engine, ON, BROKEN)
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.BROKEN
        assert session.scalars(select(CollectionsCase)).one().past_due_minor == 0
    return engine


def test_a_plan_that_breaks_with_nothing_past_due_is_told_once_and_asks_for_nothing(over: Engine) -> None:
    close(over, BROKEN, BROKEN + 3 * DAY)
    [letter] = letters(over, DeskStep.OVER_PLAN)
    assert of_ends(over) == ["plan_over"]
    assert (letter.purpose.value, letter.destination.value) == ("confirmation", "email")
    for said in (
        "of 20 March 2026 ended on 30 March 2026.",
        "CN¥100.00 was to be paid by 26 March 2026 and did not reach us in full in time.",
        "We received CN¥50.00 of it in time",
        "Nothing is past due now. This letter asks for no payment.",
    ):
        assert said in letter.text, said
    sent = builders.deliver(over, builders.at(BROKEN + DAY, 9)).sent
    assert [each.letter for each in sent if each.letter == "plan_over"] == ["plan_over"]


def test_a_letter_is_withheld_once_the_payment_is_known_to_be_in_time(over: Engine) -> None:
    pay(over, 5_000, DUE, BROKEN + DAY)
    builders.deliver(over, builders.at(BROKEN + DAY, 12))
    [letter] = letters(over, DeskStep.OVER_PLAN)
    assert letter.status is OutboxStatus.WITHHELD
    close(over, BROKEN + DAY, BROKEN + 3 * DAY)
    assert of_ends(over) == ["plan_over"]
    assert letters(over, DeskStep.RESTORED_PLAN) == []


def test_a_letter_that_left_is_taken_back_where_the_payment_was_in_time(over: Engine) -> None:
    builders.deliver(over, builders.at(BROKEN + DAY, 9))
    pay(over, 5_000, DUE, LATER)
    close(over, BROKEN + DAY, LATER)
    [taken_back] = letters(over, DeskStep.RESTORED_PLAN)
    assert "On 30 March 2026 we wrote to you" in taken_back.text


def test_it_does_not_say_that_nothing_is_past_due_where_something_is_by_then(over: Engine) -> None:
    with transaction(over) as session:
        card = session.scalars(select(Account)).one()
        builders.statement(session, card, ON - 10 * DAY, BROKEN, 9_000)
    builders.deliver(over, builders.at(BROKEN + DAY, 9))
    fall_back_due(over, LETTERS, clock=FixedClock(builders.at(BROKEN + DAY, 10)))
    first, second = letters(over, DeskStep.OVER_PLAN)
    assert (first.status, second.status) == (OutboxStatus.WITHHELD, OutboxStatus.QUEUED)
    assert "Nothing is past due" not in second.text
    assert "This letter asks for no payment." in second.text


def test_it_takes_the_place_of_a_broken_letter_that_was_withheld_as_all_was_paid(engine: Engine) -> None:
    agreed(engine, PLAN)
    close(engine, ON, BROKEN)
    assert of_ends(engine) == ["plan_broken"]
    pay(engine, 5_000, BROKEN + DAY, BROKEN + DAY)
    builders.deliver(engine, builders.at(BROKEN + DAY, 12))
    [lost] = letters(engine, DeskStep.BROKEN_PLAN)
    assert (lost.status, lost.error) == (OutboxStatus.WITHHELD, "nothing is past due and owed")
    close(engine, BROKEN + DAY, BROKEN + 4 * DAY)
    assert of_ends(engine) == ["plan_broken", "plan_over"]
    assert len(builders.deliver(engine, builders.at(BROKEN + 2 * DAY, 12)).sent) == 1


def test_who_was_asked_for_what_was_missed_has_no_second_letter(engine: Engine) -> None:
    agreed(engine, PROMISE)
    close(engine, ON, BROKEN)
    builders.deliver(engine, builders.at(BROKEN + DAY, 9))
    pay(engine, 5_000, BROKEN + DAY, BROKEN + DAY)
    close(engine, BROKEN + DAY, BROKEN + 4 * DAY)
    assert of_ends(engine) == ["plan_broken"]


def test_fees_that_are_charged_again_are_told_by_it(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER)
        on = ON + 12 * DAY
        case.past_due_minor = 0
        assess_case(session, case, on)
        assert night(session, on) == ["plan_over"]
        assert "The fees of CN¥30.00 that we waived are charged again." in written(session)[-1].text
        assert [night(session, on + n * DAY) for n in (0, 1, 2)] == [[], [], []]


def test_a_settlement_that_a_payment_from_before_it_breaks_is_taken_back(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, minimum=50_000)
        case = session.scalars(select(CollectionsCase)).one()
        earlier = builders.payment(session, the_card(session), 10_000, ON - 3 * DAY)
        terms = AgreementTerms(PlanKind.SETTLEMENT, 60_000, DUE, payments=2, cadence=Cadence.WEEKLY)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        builders.payment(session, the_card(session), 60_000, ON + DAY)
        assess_case(session, case, ON + DAY)
        assert plan.status is PlanStatus.KEPT
        back = ON + 3 * DAY
        entry = session.get_one(Entry, id_of(earlier))
        reverse_entry(session, entry, reason="no funds", posted_on=back, by=MEI, now=builders.at(back))
        assert plan.status is PlanStatus.BROKEN
        assert night(session, back) == ["plan_over"]
        letter = written(session)[-1].text
        assert "An earlier payment of yours does not count any more" in letter
        assert (
            "Nothing is waived: what you have paid counts toward your debt, and you still owe the rest."
            in letter
        )
        assert [night(session, back + n * DAY) for n in (0, 1, 2)] == [[], [], []]


def test_an_agreement_about_nothing_any_more_is_told_to_who_has_it_in_writing(engine: Engine) -> None:
    agreed(engine, PROMISE)
    with transaction(engine) as session:
        re_age(session, session.scalars(select(Account)).one(), ON + DAY)
    close(engine, ON, ON + 3 * DAY)
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        case = session.scalars(select(CollectionsCase)).one()
        assert (plan.status, case.status) == (PlanStatus.CANCELLED, CaseStatus.CLOSED)
    [letter] = letters(engine, DeskStep.OVER_PLAN)
    assert "Nothing is owed to us any more that it was about." in letter.text


def test_a_broken_plan_of_which_nobody_knows_what_was_missed_stops_no_night(engine: Engine) -> None:
    plan_id = agreed(engine, PROMISE)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        plan.status, plan.ended_on, plan.broken_instalment = PlanStatus.BROKEN, ON, None
        assert night(session, ON) == []


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (
            AccountStatus.CHARGED_OFF,
            "What is left of the debt is still owed. This letter asks for no payment.",
        ),
        (AccountStatus.SOLD, "The debt was sold since, and is no longer owed to us. This letter asks"),
    ],
)
def test_it_says_that_the_debt_was_given_up_since(over: Engine, to: AccountStatus, said: str) -> None:
    now = builders.at(BROKEN + DAY, 8)
    with transaction(over) as session:
        change_status(
            session, session.scalars(select(Account)).one(), to, BROKEN, "given up", by=MEI, now=now
        )
    builders.deliver(over, builders.at(BROKEN + DAY, 12))
    fall_back_due(over, LETTERS, clock=FixedClock(builders.at(BROKEN + DAY, 13)))
    builders.deliver(over, builders.at(BROKEN + DAY, 14))
    before, after = letters(over, DeskStep.OVER_PLAN)
    assert (before.status, after.status) == (OutboxStatus.WITHHELD, OutboxStatus.SENT)
    assert said in after.text
    assert "Nothing is past due" not in after.text
    close(over, BROKEN + DAY, BROKEN + 4 * DAY)
    assert of_ends(over) == ["plan_over", "plan_over"]


def test_it_does_not_say_that_nothing_is_owed_where_the_sale_was_undone(engine: Engine) -> None:
    agreed(engine, PROMISE)
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        change_status(session, card, AccountStatus.SOLD, ON, "sold", by=MEI, now=builders.at(ON, 14))
    close(engine, ON, ON + DAY)
    [letter] = letters(engine, DeskStep.OVER_PLAN)
    assert "Nothing is owed to us any more that it was about." in letter.text
    day = ON + 2 * DAY
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        change_status(session, card, AccountStatus.ACTIVE, day, "not sold", by=MEI, now=builders.at(day, 8))
    builders.deliver(engine, builders.at(day, 10))
    [letter] = letters(engine, DeskStep.OVER_PLAN)
    assert (letter.status, letter.error) == (
        OutboxStatus.WITHHELD,
        "something is owed again that the agreement was about",
    )
