"""Accounts that their creditor charged off before they came: recoveries are recoveries, never a credit balance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.lifecycle import credit_balances
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.entries import pay_out
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Position
from app.book.ledger.rules import AccountStatus, EntryKind, is_charge_off
from app.book.ledger.service import mark_changed
from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import quick, thorough
from tests import builders

DAY = timedelta(days=1)
DUE = date(2026, 3, 10)
GONE = DUE + 5 * DAY
"""When the creditor charged it off."""
ON = DUE + 40 * DAY
RECOVERED = (EntryKind.RECOVERY, EntryKind.PAYMENT)


@pytest.mark.parametrize(
    ("before", "written_off", "expected"),
    [(1000, 1000, True), (1000, 500, True), (1000, 499, False), (0, 100, False), (-5, 100, False)],
)
def test_the_write_off_that_is_the_charge_off(before: int, written_off: int, expected: bool) -> None:
    assert is_charge_off(before, written_off) is expected


def placed(session: Session, collector: CollectorKind, recovered: Sequence[tuple[EntryKind, int]]) -> int:
    """1,000.00 owed, 50.00 of it due; a fee of 20.00 forgiven; the rest charged off; then what was recovered."""
    agency = "Honest Recovery" if collector is CollectorKind.THIRD_PARTY else ""
    book = builders.portfolio(session, collector=collector, agency=agency)
    card = builders.late_customer(session, book, due_on=DUE)
    card.status = AccountStatus.CHARGED_OFF
    builders.entry(session, card, EntryKind.WRITE_OFF, 2_000, DUE)
    builders.entry(session, card, EntryKind.WRITE_OFF, 98_000, GONE)
    for n, (kind, amount) in enumerate(recovered):
        builders.entry(session, card, kind, amount, GONE + (n + 1) * DAY)
    session.flush()
    return id_of(card)


@pytest.mark.parametrize("kind", RECOVERED)
def test_on_a_creditors_own_book_the_debt_stays_off_it(engine: Engine, kind: EntryKind) -> None:
    with transaction(engine) as session:
        card_id = placed(session, CollectorKind.FIRST_PARTY, [(kind, 10_000), (kind, 5_000)])
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert still_owed(session, card, ON) == 83_000, "already before a night has put the book right"
        assert_no_pay_out(session, card)
    for on in (ON, ON + DAY):
        builders.close_day(engine, on)
        with transaction(engine) as session:
            card = session.get_one(Account, card_id)
            assert (balance_of(session, card_id, on), still_owed(session, card, on)) == (0, 83_000)
            assert credit_balances(session, card.portfolio_id) == []
            assert session.scalars(select(CollectionsCase)).all() == [], "nothing on the book is owed"


@pytest.mark.parametrize("kind", RECOVERED)
def test_on_a_collectors_book_the_debt_is_back_and_recoveries_lower_it(
    engine: Engine, kind: EntryKind
) -> None:
    with transaction(engine) as session:
        card_id = placed(session, CollectorKind.THIRD_PARTY, [(kind, 2_000)])
        assert_no_pay_out(session, session.get_one(Account, card_id))
    for on in (ON, ON + DAY):
        builders.close_day(engine, on)
        with transaction(engine) as session:
            card = session.get_one(Account, card_id)
            assert balance_of(session, card_id, on) == 96_000, "the forgiven fee stays forgiven"
            assert still_owed(session, card, on) == 96_000
            case = session.scalars(select(CollectionsCase)).one()
            assert (case.past_due_minor, case.balance_minor, case.oldest_due_on) == (3_000, 96_000, DUE)


def test_more_than_was_written_off_is_an_overpayment_after_all(engine: Engine) -> None:
    with transaction(engine) as session:
        card_id = placed(
            session, CollectorKind.FIRST_PARTY, [(EntryKind.RECOVERY, 98_000), (EntryKind.PAYMENT, 700)]
        )
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert (balance_of(session, card_id, ON), still_owed(session, card, ON)) == (-700, -700)
        with pytest.raises(Conflict):
            pay(session, card, 701)
        assert pay(session, card, 700).id


def test_a_bounced_recovery_takes_its_counterpart_along(engine: Engine) -> None:
    with transaction(engine) as session:
        card_id = placed(session, CollectorKind.FIRST_PARTY, [(EntryKind.RECOVERY, 10_000)])
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        query = select(builders.Entry).where(builders.Entry.kind == EntryKind.RECOVERY)
        recovery = session.scalars(query).one()
        bounced = {"reason": "bounced", "posted_on": ON + DAY, "by": "user:ann", "now": builders.at(ON + DAY)}
        reverse_entry(session, recovery, **bounced)
        assert (balance_of(session, card_id, ON + DAY), still_owed(session, card, ON + DAY)) == (0, 98_000)
    builders.close_day(engine, ON + DAY)
    with transaction(engine) as session:
        assert balance_of(session, card_id, ON + DAY) == 0


def pay(session: Session, card: Account, amount: int) -> builders.Entry:
    return pay_out(
        session, card, amount, "too much", by=Actor.user("mei"), role=Role.MANAGER, now=builders.at(ON)
    )


def assert_no_pay_out(session: Session, card: Account) -> None:
    with pytest.raises(Conflict, match="overpaid by less than this"):
        pay(session, card, 1)
    assert get_portfolio(session, builders.BOOK).id == card.portfolio_id


IN_PARTS = ((EntryKind.WRITE_OFF, 40_000), (EntryKind.WRITE_OFF, 25_000), (EntryKind.WRITE_OFF, 35_000))
"""Principal, interest and fees, which creditors write off apart."""


@pytest.mark.parametrize(
    ("collector", "left"), [(CollectorKind.FIRST_PARTY, 0), (CollectorKind.THIRD_PARTY, 30_000)]
)
@pytest.mark.parametrize("is_told", [True, False], ids=["with its history", "the newest first"])
def test_a_charge_off_comes_in_parts_and_in_any_order(
    engine: Engine, collector: CollectorKind, left: int, is_told: bool
) -> None:
    with transaction(engine) as session:
        agency = "Honest Recovery" if collector is CollectorKind.THIRD_PARTY else ""
        book = builders.portfolio(session, collector=collector, agency=agency)
        card = builders.account(session, builders.customer(session, book), status=AccountStatus.CHARGED_OFF)
        told = [(EntryKind.OPENING_BALANCE, 100_000), *IN_PARTS]
        for kind, amount in told if is_told else reversed(told):
            builders.entry(session, card, kind, amount, GONE)
        builders.entry(session, card, EntryKind.PAYMENT, 70_000, GONE + DAY)
        card_id = id_of(card)
        assert still_owed(session, card, ON) == 30_000
        assert_no_pay_out(session, card)
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert (balance_of(session, card_id, ON), still_owed(session, card, ON)) == (left, 30_000)
        assert credit_balances(session, card.portfolio_id) == []


@pytest.mark.parametrize("collector", list(CollectorKind))
def test_a_charge_off_whose_debt_is_not_told_makes_nobody_overpaid(
    engine: Engine, collector: CollectorKind
) -> None:
    with transaction(engine) as session:
        agency = "Honest Recovery" if collector is CollectorKind.THIRD_PARTY else ""
        book = builders.portfolio(session, collector=collector, agency=agency)
        card = builders.account(session, builders.customer(session, book), status=AccountStatus.CHARGED_OFF)
        builders.entry(session, card, EntryKind.WRITE_OFF, 100_000, GONE)
        builders.entry(session, card, EntryKind.PAYMENT, 70_000, GONE + DAY)
        card_id = id_of(card)
    for on, debt in ((ON, 0), (ON + DAY, 100_000)):
        with transaction(engine) as session:
            card = session.get_one(Account, card_id)
            if debt:  # told at last
                builders.entry(session, card, EntryKind.OPENING_BALANCE, debt, GONE - DAY)
        builders.close_day(engine, on)
        with transaction(engine) as session:
            card = session.get_one(Account, card_id)
            assert still_owed(session, card, on) == 30_000
            assert_no_pay_out(session, card)


@pytest.mark.parametrize("collector", list(CollectorKind))
def test_where_a_creditor_reports_what_is_owed_recoveries_make_nobody_overpaid(
    engine: Engine, collector: CollectorKind
) -> None:
    agency = "Honest Recovery" if collector is CollectorKind.THIRD_PARTY else ""
    with transaction(engine) as session:
        reported = {"source": DelinquencySource.REPORTED, "collector": collector, "agency": agency}
        book = builders.portfolio(session, **reported)
        card = builders.account(session, builders.customer(session, book), status=AccountStatus.CHARGED_OFF)
        builders.entry(session, card, EntryKind.WRITE_OFF, 100_000, GONE)
        position = Position(
            portfolio_id=id_of(book),
            account_id=id_of(card),
            as_of=GONE + DAY,
            balance_minor=0,
            past_due_minor=0,
            oldest_due_on=None,
            posted_on=GONE + DAY,
        )
        session.add(position)
        mark_changed(session, id_of(book), {id_of(card): GONE})
        card_id = id_of(card)
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card_id), 20_000, ON)
    with transaction(engine) as session:
        assert_no_pay_out(session, session.get_one(Account, card_id))
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert (balance_of(session, card_id, ON), still_owed(session, card, ON)) == (0, 0)
        assert credit_balances(session, card.portfolio_id) == []
        book = get_portfolio(session, builders.BOOK)
        assert [*quick(session, book), *thorough(session, book)] == []
