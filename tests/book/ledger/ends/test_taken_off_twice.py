"""A debt that both the desk and its creditor take off the book, and what a file tells of the days before an end only
after it: taken off once, never a credit balance, and what is still owed stays owed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import reverse_entry
from app.book.delinquency.lifecycle import credit_balances
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.entries import pay_out
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import quick, thorough
from tests import builders

DAY = timedelta(days=1)
END = date(2026, 3, 20)
ACTIVE, CHARGED_OFF, SETTLED = AccountStatus.ACTIVE, AccountStatus.CHARGED_OFF, AccountStatus.SETTLED


def who(on: date) -> dict[str, Any]:
    return {"by": "user:ann", "now": builders.at(on)}


def card_of(session: Session) -> Account:
    return session.scalars(select(Account)).one()


def turn(engine: Engine, to: AccountStatus, on: date) -> None:
    with transaction(engine) as session:
        change_status(session, card_of(session), to, on, "as the creditor says", **who(on))


def told(engine: Engine, kind: EntryKind, amount: int, on: date, reference: str = "TOLD") -> None:
    """What a file tells, which judges nothing."""
    with transaction(engine) as session:
        builders.entry(session, card_of(session), kind, amount, on, reference=reference)


def owes_1000(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=date(2026, 3, 10))
    builders.close_day(engine, END - DAY)


def stands(engine: Engine, on: date) -> tuple[int, int]:
    """(balance, still owed) after the night, in which everything agrees."""
    builders.close_day(engine, on)
    with transaction(engine) as session:
        card, book = card_of(session), get_portfolio(session, builders.BOOK)
        assert [*quick(session, book), *thorough(session, book)] == []
        assert credit_balances(session, card.portfolio_id) == []
        return balance_of(session, id_of(card), on), still_owed(session, card, on)


def assert_no_pay_out(engine: Engine, on: date) -> None:
    with transaction(engine) as session, pytest.raises(Conflict, match="overpaid"):
        pay_out(session, card_of(session), 1, "overpaid", role=Role.MANAGER, **who(on))


@pytest.mark.parametrize("days", [-3, 0, 1])
@pytest.mark.parametrize("is_first", [True, False])
def test_the_creditors_own_charge_off_takes_the_debt_off_once(
    engine: Engine, days: int, is_first: bool
) -> None:
    owes_1000(engine)
    if is_first and days <= 0:
        told(engine, EntryKind.WRITE_OFF, 100_000, END + days * DAY)
    turn(engine, CHARGED_OFF, END)
    if not (is_first and days <= 0):
        told(engine, EntryKind.WRITE_OFF, 100_000, END + days * DAY)
    assert_no_pay_out(engine, END + DAY)
    assert stands(engine, END + DAY) == (0, 100_000), "off the book and not forgiven"
    told(engine, EntryKind.PAYMENT, 70_000, END + 2 * DAY, "PAID")
    assert stands(engine, END + 2 * DAY) == (0, 30_000)
    assert_no_pay_out(engine, END + 2 * DAY)


def test_a_part_that_the_creditor_forgave_before_stays_forgiven(engine: Engine) -> None:
    owes_1000(engine)
    told(engine, EntryKind.WRITE_OFF, 2_500, END - DAY)
    turn(engine, CHARGED_OFF, END)
    assert stands(engine, END) == (0, 97_500)


def test_what_the_creditor_forgave_of_a_settlement_is_not_paid_out(engine: Engine) -> None:
    owes_1000(engine)
    told(engine, EntryKind.PAYMENT, 60_000, END - DAY, "PAID")
    turn(engine, SETTLED, END)
    told(engine, EntryKind.WRITE_OFF, 40_000, END)
    assert_no_pay_out(engine, END + DAY)
    assert stands(engine, END + DAY) == (0, 0)


def test_a_payment_of_before_the_charge_off_that_comes_after_it_lowers_what_is_still_owed(
    engine: Engine,
) -> None:
    owes_1000(engine)
    turn(engine, CHARGED_OFF, END)
    told(engine, EntryKind.PAYMENT, 30_000, END - DAY, "LATE")
    assert_no_pay_out(engine, END + DAY)
    assert stands(engine, END + DAY) == (0, 70_000)
    with transaction(engine) as session:
        late = session.scalars(select(Entry).where(Entry.reference == "LATE")).one()
        reverse_entry(session, late, reason="bounced", posted_on=END + 2 * DAY, **who(END + 2 * DAY))
    assert stands(engine, END + 2 * DAY) == (0, 100_000)


def test_undoing_the_charge_off_leaves_the_late_payment_paid(engine: Engine) -> None:
    owes_1000(engine)
    turn(engine, CHARGED_OFF, END)
    told(engine, EntryKind.PAYMENT, 30_000, END - DAY, "LATE")
    assert stands(engine, END + DAY) == (0, 70_000)
    turn(engine, ACTIVE, END + 2 * DAY)
    assert stands(engine, END + 2 * DAY) == (70_000, 70_000)


@pytest.mark.parametrize("days", [-1, 2])
def test_more_than_was_taken_off_is_an_overpayment(engine: Engine, days: int) -> None:
    owes_1000(engine)
    turn(engine, CHARGED_OFF, END)
    told(engine, EntryKind.PAYMENT, 40_000, END + days * DAY, "FIRST")
    told(engine, EntryKind.PAYMENT, 60_700, END + days * DAY, "SECOND")
    on = END + 2 * DAY
    builders.close_day(engine, on)
    with transaction(engine) as session:
        card = card_of(session)
        assert (balance_of(session, id_of(card), on), still_owed(session, card, on)) == (-700, -700)
        assert [each.overpaid_minor for each in credit_balances(session, card.portfolio_id)] == [700]
        first = session.scalars(select(Entry).where(Entry.reference == "FIRST")).one()
        reverse_entry(session, first, reason="bounced", posted_on=on + DAY, **who(on + DAY))
    builders.close_day(engine, on + DAY)
    assert_no_pay_out(engine, on + DAY)
    with transaction(engine) as session:
        assert still_owed(session, card_of(session), on + DAY) == 39_300
