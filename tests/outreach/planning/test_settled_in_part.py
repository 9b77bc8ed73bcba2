"""A settlement that is complete while another card keeps the case open: the customer has it in writing, once, for the
cards that it settled."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.operations.day import letters as letters_of_day
from app.operations.day import stages
from app.operations.day.work import Day
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import CHANGED, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.outreach.planning.test_replaced import CATALOG, DAY, ON
from tests.outreach.planning.test_restored import close
from tests.outreach.planning.test_taken_up import PAID, SETTLE, a_late_case, settle_offered

CLOSED = "we have closed the case"
APART = "Your other accounts are not part of this settlement"


def another_card(session: Session, reference: str, last4: str) -> Account:
    """50.00 a month are owed on it: 40.00 are past due."""
    customer = session.scalars(select(Customer)).one()
    card = builders.account(session, customer, reference=reference)
    card.card_last4 = last4
    builders.entry(session, card, EntryKind.OPENING_BALANCE, 50_000, ON - 60 * DAY)
    builders.statement(session, card, ON - 25 * DAY, ON - 5 * DAY, 4_000, balance=50_000)
    return card


def offered(engine: Engine, cards: int, total: int = 60_000) -> None:
    """An offer to settle one card, or two, of a customer who owes on one more."""
    a_late_case(engine)
    with transaction(engine) as session:
        session.scalars(select(Account)).one().card_last4 = "1111"
        if cards == 2:
            another_card(session, "SECOND", "2222")
    close(engine, ON, ON)
    settle_offered(engine, AgreementTerms(PlanKind.SETTLEMENT, total, SETTLE.first_due_on), replaces=False)
    with transaction(engine) as session:
        another_card(session, "OTHER", "9999")


def pay(engine: Engine, amount: int, on: date, last4: str = "1111") -> None:
    with transaction(engine) as session:
        card = session.scalars(select(Account).where(Account.card_last4 == last4)).one()
        builders.payment(session, card, amount, on, now=builders.at(on, 12))


@pytest.fixture
def settled(engine: Engine) -> Engine:
    """The card that ends in 1111 was settled for 600.00; 40.00 are past due on another. The letter is to leave."""
    offered(engine, 1)
    close(engine, ON + DAY, PAID - DAY)
    pay(engine, 60_000, PAID)
    close(engine, PAID, PAID)
    with reading(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.KEPT
        assert session.scalars(select(CollectionsCase)).one().status is CaseStatus.OPEN
    return engine


def rows(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == "settlement_completed"]


def morning(engine: Engine, on: date) -> None:
    builders.deliver(engine, builders.at(on, 16))
    fall_back_due(engine, CATALOG, clock=FixedClock(builders.at(on, 16, 30)))
    builders.deliver(engine, builders.at(on, 17))


def tasks(engine: Engine) -> list[str]:
    with reading(engine) as session:
        query = select(StrategyTask.text).where(col(StrategyTask.plan_id).is_not(None))
        return list(session.scalars(query))


def test_it_is_told_of_its_card_alone_and_once(settled: Engine) -> None:
    with reading(settled) as session:
        book = session.scalars(select(Portfolio)).one()
    now = builders.night_after(PAID)
    letters_of_day.write_letters(
        Day(settled, book, PAID, now, builders.catalog(), now)
    )  # the night runs twice
    morning(settled, PAID + DAY)
    close(settled, PAID + DAY, PAID + 3 * DAY)
    [row] = rows(settled)
    assert (row.status, row.destination.value) == (OutboxStatus.SENT, "email")
    for said in ("1111", "600.00", f"{PAID:%-d %B %Y}", APART, "You owe nothing more on this card"):
        assert said in row.text
    for other in (CLOSED, "9999", "40.00", "under reference"):
        assert other not in row.text
    assert tasks(settled) == []


def test_that_its_case_closes_later_is_no_second_letter(settled: Engine) -> None:
    morning(settled, PAID + DAY)
    pay(settled, 4_000, PAID + DAY, "9999")
    close(settled, PAID + DAY, PAID + 2 * DAY)
    with reading(settled) as session:
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.outcome) == (CaseStatus.CLOSED, CaseOutcome.SETTLED)
    assert [row.status for row in rows(settled)] == [OutboxStatus.SENT]
    assert tasks(settled) == []


def test_where_the_case_closes_before_it_leaves_it_says_so(settled: Engine) -> None:
    pay(settled, 4_000, PAID + DAY, "9999")
    close(settled, PAID + DAY, PAID + DAY)
    morning(settled, PAID + 2 * DAY)
    close(settled, PAID + 2 * DAY, PAID + 3 * DAY)
    [before, row] = rows(settled)
    assert (before.status, before.error) == (OutboxStatus.WITHHELD, CHANGED)
    assert row.status is OutboxStatus.SENT
    assert CLOSED in row.text
    assert APART not in row.text


def test_a_night_that_was_cut_off_before_its_letters_is_made_up_for(engine: Engine) -> None:
    offered(engine, 1)
    close(engine, ON + DAY, PAID - DAY)
    pay(engine, 60_000, PAID)
    with reading(engine) as session:
        book = session.scalars(select(Portfolio)).one()
    now = builders.night_after(PAID)
    stages.assess(Day(engine, book, PAID, now, builders.catalog(), now))  # the night is cut off here
    close(engine, PAID + DAY, PAID + 3 * DAY)
    [row] = rows(engine)
    assert f"{PAID:%-d %B %Y}" in row.text


def test_a_settlement_of_two_cards_names_both(engine: Engine) -> None:
    offered(engine, 2, 90_000)
    close(engine, ON + DAY, PAID - DAY)
    pay(engine, 60_000, PAID)
    pay(engine, 30_000, PAID, "2222")
    close(engine, PAID, PAID)
    morning(engine, PAID + DAY)
    [row] = rows(engine)
    assert row.status is OutboxStatus.SENT
    for said in ("cards ending 1111, 2222", "600.00", "300.00", "You owe nothing more on these cards"):
        assert said in row.text
    assert "9999" not in row.text


@pytest.mark.parametrize("paid", [True, False])
def test_a_card_that_was_used_again_withholds_it_while_that_is_owed(settled: Engine, paid: bool) -> None:
    on = PAID + DAY
    with transaction(settled) as session:
        card = session.scalars(select(Account).where(Account.card_last4 == "1111")).one()
        builders.entry(session, card, EntryKind.PURCHASE, 2_000, on, now=builders.at(on, 8))
    if paid:
        pay(settled, 2_000, on)
    morning(settled, on)
    close(settled, on, on + DAY)
    [row] = rows(settled)
    assert row.status is (OutboxStatus.SENT if paid else OutboxStatus.WITHHELD)
    if paid:
        assert "620.00" not in row.text
        assert tasks(settled) == []
        return
    pay(settled, 2_000, on + 2 * DAY)
    close(settled, on + 2 * DAY, on + 4 * DAY)
    assert len(rows(settled)) == 1, "a person tells it"
    [task] = tasks(settled)
    assert "something is owed again on what was settled" in task
