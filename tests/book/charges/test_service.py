"""A portfolio whose ledger is kept here: interest by the day, late fees by the statement, each posted once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.charges.models import Accrual
from app.book.charges.rules import interest_of_day
from app.book.delinquency.lifecycle import set_pause
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.operations.day.stages import charge
from app.operations.day.work import Day
from app.operations.invariants.checks import thorough
from app.policy.sections.pauses import PauseKind
from app.reporting.kpis.models import KpiSnapshot
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)
FIRST = DUE - 5 * DAY


def a_book(engine: Engine, **options: Any) -> Account:
    """1,000.00 owed at 18 %, 50.00 of it due on 10 March; the first business day is the 5th."""
    with transaction(engine) as session:
        book = builders.portfolio(session, **{"accrues": True, **options})
        return builders.late_customer(session, book, due_on=DUE)


def posted(session: Session, kind: EntryKind) -> list[tuple[int, int]]:
    """(days after FIRST, amount) of what the night posted."""
    query = (
        select(Entry).where(col(Entry.kind) == kind, col(Entry.source) == "system").order_by(col(Entry.id))
    )
    return [((e.effective_on - FIRST).days, e.amount_minor) for e in session.scalars(query)]


def by_hand(balance: int, days: int, apr: int = 180_000) -> list[int]:
    """Interest of so many days on a balance nothing happens to, on interest too."""
    amounts, carry = [], 0
    for _ in range(days):
        interest, carry = interest_of_day(balance + sum(amounts), apr, 365, carry)
        amounts.append(interest)
    return amounts


def assert_proven(engine: Engine) -> None:
    with transaction(engine) as session:
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_interest_is_an_entry_a_day_from_the_first_business_day_on(engine: Engine) -> None:
    card = a_book(engine)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, FIRST + 9 * DAY)
    with transaction(engine) as session:
        expected = by_hand(100_000, 10)
        assert expected[:4] == [49, 49, 50, 49]
        assert posted(session, EntryKind.INTEREST) == list(enumerate(expected))
        assert balance_of(session, id_of(card), FIRST + 9 * DAY) == 100_000 + sum(expected)
        first = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.INTEREST)).first()
        assert first is not None
        assert first.reference == f"interest:{card.reference}:2026-03-05"
        assert (first.source, first.posted_on) == ("system", FIRST)
    assert_proven(engine)


def test_a_portfolio_whose_creditor_sends_interest_posts_none(engine: Engine) -> None:
    a_book(engine, accrues=False, late_fee_minor=2_500)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, DUE + 5 * DAY)
    assert builders.count(engine, Entry, col(Entry.source) == "system") == 0
    assert builders.count(engine, Accrual) == 0


def test_the_stage_run_twice_posts_once(engine: Engine) -> None:
    a_book(engine, late_fee_minor=2_500)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, DUE + DAY)
    before = builders.count(engine, Entry)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
    night = builders.night_after(DUE + DAY)
    day = Day(engine, book, DUE + DAY, night, builders.catalog(), night)
    charge(day)
    assert builders.count(engine, Entry) == before


def test_a_missed_minimum_bears_one_late_fee_and_a_met_one_none(engine: Engine) -> None:
    missed = a_book(engine, late_fee_minor=2_500)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        met = builders.late_customer(session, book, due_on=DUE)
        builders.payment(session, met, 5_000, DUE)
        small = builders.late_customer(session, book, due_on=DUE, minimum=1_800)
        resting = builders.late_customer(session, book, due_on=DUE)
        set_pause(
            session,
            resting,
            PauseKind.MORATORIUM,
            DUE,
            DUE + 4 * DAY,
            "flood",
            by=Actor.user("u"),
            now=builders.NOW,
        )
    builders.close_day(engine, FIRST)
    builders.close_day(engine, DUE)
    with transaction(engine) as session:
        assert posted(session, EntryKind.FEE) == []
    builders.close_day(engine, DUE + DAY)
    with transaction(engine) as session:
        fees = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.FEE)).all()
        assert {(e.account_id, e.amount_minor, e.effective_on) for e in fees} == {
            (missed.id, 2_500, DUE + DAY),
            (small.id, 1_800, DUE + DAY),
        }
        assert all(e.reference.startswith("late-fee:ST-") for e in fees)
        interest = [e.effective_on for e in session.scalars(
            select(Entry).where(col(Entry.account_id) == resting.id, col(Entry.kind) == EntryKind.INTEREST)
        )]  # fmt: skip
        assert max(interest) == DUE - DAY, "none in a pause"
    builders.close_day(engine, DUE + 4 * DAY)
    with transaction(engine) as session:
        late_fees = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.FEE)).all()
        assert len(late_fees) == 3, "the day on which the minimum is late after all"
        assert late_fees[-1].account_id == resting.id
    builders.close_day(engine, DUE + 40 * DAY)
    assert builders.count(engine, Entry, col(Entry.kind) == EntryKind.FEE) == 3
    assert_proven(engine)


def test_a_payment_that_comes_late_changes_the_interest_of_the_days_since(engine: Engine) -> None:
    """Paid on the 8th, heard of on the 15th: seven days of interest on 400.00 too much."""
    card = a_book(engine)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, FIRST + 9 * DAY)
    with transaction(engine) as session:
        builders.payment(session, card, 40_000, FIRST + 3 * DAY, posted_on=FIRST + 10 * DAY)
    builders.close_day(engine, FIRST + 10 * DAY)
    amounts, carry, balance = [], 0, 100_000
    for n in range(11):
        if n == 4:
            balance -= 40_000
        interest, carry = interest_of_day(balance + sum(amounts), 180_000, 365, carry)
        amounts.append(interest)
    with transaction(engine) as session:
        (correction,) = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.ADJUSTMENT)).all()
        assert correction.amount_minor == sum(amounts[:10]) - sum(by_hand(100_000, 10))
        assert correction.amount_minor < -100
        assert correction.reference == f"interest-correction:{card.reference}:2026-03-08:2026-03-15"
        assert balance_of(session, id_of(card), FIRST + 10 * DAY) == 60_000 + sum(amounts)
        accrual = session.get_one(Accrual, card.id)
        assert (accrual.through, accrual.carry) == (FIRST + 10 * DAY, carry)
        restated = select(KpiSnapshot.business_date).where(KpiSnapshot.version > 1).distinct()
        assert min(session.scalars(restated)) == FIRST + 3 * DAY
    builders.close_day(engine, FIRST + 12 * DAY)
    with transaction(engine) as session:
        assert len(posted(session, EntryKind.ADJUSTMENT)) == 1, "what is right stays as it is"
    assert_proven(engine)


def test_interest_taken_back_by_a_person_is_not_posted_again(engine: Engine) -> None:
    card = a_book(engine)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, FIRST + 4 * DAY)
    with transaction(engine) as session:
        second = session.scalars(
            select(Entry).where(col(Entry.reference) == f"interest:{card.reference}:2026-03-06")
        ).one()
        reverse_entry(
            session,
            second,
            reason="goodwill",
            posted_on=FIRST + 5 * DAY,
            by=Actor.user("u"),
            now=builders.NOW,
        )
    builders.close_day(engine, FIRST + 8 * DAY)
    with transaction(engine) as session:
        corrections = posted(session, EntryKind.ADJUSTMENT)
        assert corrections == []
    assert_proven(engine)


def test_nothing_is_charged_after_the_end_nor_on_a_credit_balance(engine: Engine) -> None:
    sold = a_book(engine)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        overpaid = builders.account(session, builders.customer(session, book))
        builders.payment(session, overpaid, 9_000, FIRST)
    builders.close_day(engine, FIRST)
    with transaction(engine) as session:
        change_status(
            session,
            sold,
            AccountStatus.SOLD,
            FIRST + DAY,
            "as agreed",
            by=Actor.user("u"),
            now=builders.at(FIRST + DAY),
        )
    builders.close_day(engine, FIRST + 5 * DAY)
    with transaction(engine) as session:
        assert [n for n, _ in posted(session, EntryKind.INTEREST)] == [0]
    assert_proven(engine)


def test_a_rate_above_the_packs_is_charged_at_the_packs(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, accrues=True, pack="us-third-party", currency="USD")
        card = builders.late_customer(session, book, due_on=DUE)
        card.apr_millionths = 500_000
    builders.close_day(engine, FIRST)
    with transaction(engine) as session:
        assert posted(session, EntryKind.INTEREST) == [(0, by_hand(100_000, 1, 360_000)[0])]
