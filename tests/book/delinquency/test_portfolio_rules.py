"""What a portfolio may say of its own: money paid ahead counts, and a debt too small to work."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.queries import aging
from app.book.delinquency.service import standing_on
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.ledger.service import mark_all_changed
from app.book.portfolios.service import get_portfolio, set_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

DUE, DAY = date(2026, 3, 10), timedelta(days=1)
CLOSED = DUE - 30 * DAY
BOSS: dict[str, Any] = {"by": "user:max"}


def stands(session: Session, card_id: int, on: date) -> tuple[int, date | None]:
    now = standing_on(session, get_portfolio(session, builders.BOOK), [card_id], on)[card_id]
    return now.past_due, now.oldest_due_on


# --- paid ahead ---------------------------------------------------------------------------------------------


def a_loan(engine: Engine, **options: Any) -> int:
    """Three instalments of 100.00, each billed 30 days before it is due, all paid a day before the first bill."""
    with transaction(engine) as session:
        book = builders.portfolio(session, **options)
        loan = builders.account(session, builders.customer(session, book))
        builders.entry(session, loan, EntryKind.OPENING_BALANCE, 90_000, CLOSED - 9 * DAY)
        for month in range(3):
            closing_on = CLOSED + month * 30 * DAY
            builders.statement(session, loan, closing_on, closing_on + 30 * DAY, 10_000)
        builders.payment(session, loan, 30_000, CLOSED - DAY, reference="AHEAD")
        return id_of(loan)


@pytest.mark.parametrize(("counts", "late"), [(False, 30_000), (True, 0)])
def test_what_is_paid_ahead_counts_as_the_contract_says(engine: Engine, counts: bool, late: int) -> None:
    loan_id = a_loan(engine, prepayments_count=counts)
    for night in (CLOSED, DUE + DAY, DUE + 40 * DAY, DUE + 61 * DAY):
        builders.close_day(engine, night)
    with transaction(engine) as session:
        assert stands(session, loan_id, DUE + 61 * DAY)[0] == late
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_saying_so_later_counts_every_account_anew(sqlite_engine: Engine) -> None:
    engine, loan_id = sqlite_engine, a_loan(sqlite_engine)
    builders.close_day(engine, DUE + DAY)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert aging(session, book, DUE + DAY).past_due_amount == 10_000
        set_portfolio(
            session,
            book,
            {"prepayments-count": "yes"},
            refold=mark_all_changed,
            now=builders.at(DUE + 2 * DAY),
            **BOSS,
        )
    builders.close_day(engine, DUE + 2 * DAY)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert aging(session, book, DUE + DAY).past_due_amount == 0
        assert stands(session, loan_id, DUE + 2 * DAY) == (0, None)
        assert thorough(session, book) == []
        paid = session.scalars(select(Entry).where(Entry.reference == "AHEAD")).one()
        on = DUE + 3 * DAY
        reverse_entry(
            session, paid, reason="no funds", posted_on=on, by=Actor.user("max"), now=builders.at(on)
        )
        assert stands(session, loan_id, on) == (10_000, DUE), "it bounced: nothing was kept"


# --- small debts --------------------------------------------------------------------------------------------

SMALL = 500


@pytest.mark.parametrize(("short", "worked"), [(SMALL - 1, False), (SMALL, True), (SMALL + 1, True)])
def test_below_the_threshold_nobody_is_worked(sqlite_engine: Engine, short: int, worked: bool) -> None:
    engine = sqlite_engine
    with transaction(engine) as session:
        book = builders.portfolio(session, small_debt_minor=SMALL, charge_off_days=40)
        card = builders.late_customer(session, book, due_on=DUE)
        builders.payment(session, card, 5_000 - short, DUE)
    builders.close_day(engine, DUE + DAY)
    builders.close_day(engine, DUE + 41 * DAY)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        cases = session.scalars(select(CollectionsCase)).all()
        assert bool(cases) is worked
        # The definition of what is past due stays the same, and both readings can be told.
        found = aging(session, book, DUE + DAY)
        assert (found.past_due_accounts, found.past_due_amount) == (1, short)
        assert (found.small.accounts, found.small.past_due) == ((0, 0) if worked else (1, short))
        status = session.get_one(Account, card.id).status
        assert status is (AccountStatus.CHARGED_OFF if worked else AccountStatus.ACTIVE)
        assert thorough(session, book) == []
    assert bool(builders.messages(engine)) is worked


def test_small_dues_add_up_and_what_becomes_small_is_left_alone(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, small_debt_minor=SMALL)
        card = builders.late_customer(session, book, due_on=DUE, minimum=300)
        builders.statement(session, card, DUE + 5 * DAY, DUE + 30 * DAY, 300)
    builders.close_day(engine, DUE + 10 * DAY)
    with transaction(engine) as session:
        assert session.scalars(select(CollectionsCase)).all() == []
    later = DUE + 31 * DAY
    builders.close_day(engine, later)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.past_due_minor, case.oldest_due_on) == (600, DUE), "the days count from the oldest"
        builders.payment(session, session.get_one(Account, card.id), 101, later, now=builders.at(later))
    builders.deliver(engine, builders.at(later + DAY, 10))
    assert {m.status for m in builders.messages(engine)} <= {OutboxStatus.WITHHELD}
    builders.close_day(engine, later + DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        assert case.status is CaseStatus.CLOSED
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_a_shortfall_too_small_bears_no_late_fee(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    with transaction(engine) as session:
        book = builders.portfolio(session, small_debt_minor=SMALL, accrues=True, late_fee_minor=2_500)
        cards = [builders.late_customer(session, book, due_on=DUE) for _ in range(2)]
        for card, short in zip(cards, (SMALL - 1, SMALL), strict=True):
            builders.payment(session, card, 5_000 - short, DUE)
    builders.close_day(engine, DUE)
    builders.close_day(engine, DUE + 2 * DAY)
    with transaction(engine) as session:
        fees = session.scalars(select(Entry.account_id).where(Entry.kind == EntryKind.FEE)).all()
        assert fees == [cards[1].id]


# --- waivers ------------------------------------------------------------------------------------------------


def test_a_fee_charged_and_waived_today_leaves_days_and_past_due_as_they_were(engine: Engine) -> None:
    """35 days late; a fee of 3.00 is posted and waived. It cured the oldest due once."""
    on = DUE + 35 * DAY
    with transaction(engine) as session:
        book = builders.portfolio(session, waive_limit_minor=10_000)
        card = builders.late_customer(session, book, due_on=DUE, minimum=300)
        builders.statement(session, card, DUE + 5 * DAY, DUE + 31 * DAY, 800)
        card_id = id_of(card)
    builders.close_day(engine, on - DAY)
    with transaction(engine) as session:
        before = stands(session, card_id, on)
        assert before == (1_100, DUE)
        fee = builders.entry(session, session.get_one(Account, card_id), EntryKind.FEE, 300, on)
        told: dict[str, Any] = {"by": "user:max", "role": Role.MANAGER, "now": builders.at(on)}
        waiver = waive(session, fee, 300, "first time", **told)
        assert stands(session, card_id, on) == before
    builders.close_day(engine, on)
    with transaction(engine) as session:
        assert stands(session, card_id, on) == before
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
        credit = session.get_one(Entry, waiver.credit_id)
        reverse_entry(
            session, credit, reason="no", posted_on=on + DAY, by=Actor.user("max"), now=builders.at(on + DAY)
        )
        assert stands(session, card_id, on + DAY) == before
