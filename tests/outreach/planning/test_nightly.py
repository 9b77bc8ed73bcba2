"""The night asks the strategy about all cases in one pass; who may rest is told so there, the others are cleared."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.outreach.planning.service import plan_contacts
from app.outreach.strategy.due_steps import StrategyAnswer, ask_strategy, cases_to_contact, skip_idle_cases
from app.outreach.strategy.rules import StepDue
from tests import builders

ON = date(2026, 3, 20)


def ask(engine: Engine, on: date = ON) -> list[StrategyAnswer]:
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        everyone = list(session.scalars(select(CollectionsCase.id)))
        return ask_strategy(session, book, everyone, on=on)


def rest(engine: Engine, on: date = ON) -> list[int]:
    """As the night does; returns who is still to be cleared."""
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        return skip_idle_cases(session, book, cases_to_contact(session, id_of(book), on), on=on)


def step_of(answered: StrategyAnswer) -> str:
    return answered.answer.step.id if isinstance(answered.answer, StepDue) else ""


@pytest.mark.parametrize(
    ("days_late", "taken", "step"),
    [
        (2, 0, ""),
        (3, 0, "friendly-sms"),
        (8, 0, "friendly-sms"),
        (9, 0, "friendly-email"),
        (75, 0, "late-letter"),  # no letter would follow before court: they are written to first
        (75, 60, "late-call"),
        (400, 0, "late-letter"),
        (400, 75, "legal"),
    ],
)
def test_below_at_and_above_the_step(engine: Engine, days_late: int, taken: int, step: str) -> None:
    with transaction(engine) as session:
        builders.delinquent_case(session, due_on=ON - timedelta(days=days_late), on=ON, step_day=taken)
    [answered] = ask(engine)
    assert step_of(answered) == step


def test_resting_cases_are_left_alone_until_their_day_and_due_ones_are_still_to_be_cleared(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        early = builders.delinquent_case(session, due_on=ON - timedelta(days=1), on=ON)
        due = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        later = builders.delinquent_case(
            session, due_on=ON - timedelta(days=3), on=ON, next_contact_on=ON + timedelta(days=1)
        )
        closed = builders.delinquent_case(
            session, due_on=ON - timedelta(days=3), on=ON, status=CaseStatus.CLOSED, closed_on=ON
        )
    assert {each.case_id for each in ask(engine)} == {early.id, due.id}
    assert rest(engine) == [due.id]
    assert rest(engine) == [due.id], "and again: nothing changes"
    with transaction(engine) as session:
        assert cases_to_contact(session, early.portfolio_id, ON) == [due.id]
        assert session.get_one(CollectionsCase, early.id).next_contact_on == ON + timedelta(days=2)
        assert session.get_one(CollectionsCase, later.id).next_contact_on == ON + timedelta(days=1)
        assert session.get_one(CollectionsCase, closed.id).next_contact_on == ON


def test_nobody_is_dunned_over_a_balance_in_credit_or_an_account_that_is_no_longer_ours_to_collect(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        credit = builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON)
        sold = builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON)
        for account in session.scalars(select(Account).where(Account.customer_id == credit.customer_id)):
            session.get_one(AccountState, account.id).balance_minor = -500
        for account in session.scalars(select(Account).where(Account.customer_id == sold.customer_id)):
            account.status = AccountStatus.SOLD
    assert [step_of(each) for each in ask(engine)] == ["", ""]


def test_an_account_on_which_nothing_is_owed_says_nothing_of_how_late_the_case_is(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
        book = get_portfolio(session, builders.BOOK)
        holder = session.get_one(Customer, case.customer_id)
        second = builders.account(session, holder)
        session.add(
            AccountState(
                account_id=second.id, portfolio_id=book.id, folded_through=ON, balance_minor=0,
                past_due_minor=700, oldest_due_on=ON - timedelta(days=20), bucket="1-29",
            )
        )  # fmt: skip
    [answered] = ask(engine)
    assert step_of(answered) == "friendly-sms", "the card that is twenty days late has no balance"


def test_the_pass_and_the_planning_under_lock_agree(engine: Engine) -> None:
    """Every day late from 1 to 100, on each rung of the ladder."""
    with transaction(engine) as session:
        for late in range(1, 101, 3):
            builders.delinquent_case(
                session, due_on=ON - timedelta(days=late), on=ON, step_day=(0, 3, 33, 75)[late % 4]
            )
    answers = {each.case_id: each for each in ask(engine)}
    resting = {case_id for case_id, each in answers.items() if not isinstance(each.answer, StepDue)}
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        ids = cases_to_contact(session, id_of(book), ON)
        assert set(ids) == set(answers)
        counts = plan_contacts(session, book, ids, builders.catalog(), on=ON, now=builders.night_after(ON))
        assert counts["resting"] == len(resting) > 0
        for case in session.scalars(select(CollectionsCase)):
            answered = answers[id_of(case)]
            assert case.occurrence == answered.occurrence
            if isinstance(answered.answer, StepDue):
                assert case.step_day in (answered.step_day, answered.answer.step.day)
            else:
                assert (case.step_day, case.next_contact_on) == (answered.step_day, answered.answer.until)
