"""Payments of before a charge-off that come back after it, recoveries that come back, and money between them: what is
on the book, what was charged off in all, what was recovered, and what is a credit of the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import move_payment, reverse_entry
from app.book.ledger.balances import balance_of, charged_since, off_the_book, still_owed
from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import (
    AccountStatus,
    EndFacts,
    EntryKind,
    off_book_target,
    to_take_off,
)
from app.book.portfolios.service import get_portfolio
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders

DAY = timedelta(days=1)
END = date(2026, 3, 20)
ACTIVE, CHARGED_OFF = AccountStatus.ACTIVE, AccountStatus.CHARGED_OFF


@dataclass(frozen=True)
class Sums:
    """Amounts in minor units; `credit` is what the customer has too much."""

    balance: int
    charged_off: int
    recovered: int
    owed: int
    credit: int = 0


def told(on: date) -> dict[str, Any]:
    return {"by": "user:ann", "now": builders.at(on)}


def new_card(session: Session, paid: int = 3_000) -> Account:
    """1,000.00 owed, of which this much was paid before the charge-off of END."""
    book = builders.portfolio(session, charge_off_days=0)
    card = builders.late_customer(session, book, due_on=date(2026, 3, 10))
    if paid:
        builders.payment(session, card, paid, END - DAY, reference="BEFORE", now=builders.at(END - DAY))
    change_status(session, card, CHARGED_OFF, END, "too late", **told(END))
    return card


def take(session: Session, card: Account, amount: int, reference: str, days: int = 1) -> Entry:
    on = END + days * DAY
    who = {"role": Role.MANAGER, **told(max(on, END + DAY))}
    return post_by_hand(session, card, EntryKind.PAYMENT, amount, on, "", reference=reference, **who)


def bounce(session: Session, reference: str, days: int = 2) -> None:
    entry = session.scalars(select(Entry).where(Entry.reference == reference)).one()
    on = END + days * DAY
    reverse_entry(session, entry, reason="no funds", posted_on=on, **told(on))


def sums(session: Session, card: Account, on: date = END + 9 * DAY) -> Sums:
    entries = session.scalars(select(Entry).where(Entry.account_id == card.id).order_by(col(Entry.id))).all()
    taken_back = {each.reverses_id for each in entries}
    stands = [each for each in entries if each.id not in taken_back and each.kind is not EntryKind.REVERSAL]
    balance = balance_of(session, id_of(card), on)
    return Sums(
        balance=balance,
        charged_off=-sum(each.amount_minor for each in stands if each.ended_as is CHARGED_OFF),
        recovered=sum(each.amount_minor for each in stands if each.reinstates_id is not None),
        owed=still_owed(session, card, on),
        credit=max(0, -balance),
    )


def test_a_payment_that_comes_back_is_paid_by_money_that_was_too_much(engine: Engine) -> None:
    with transaction(engine) as session:
        card = new_card(session)
        assert sums(session, card) == Sums(0, 97_000, 0, 97_000)
        take(session, card, 100_000, "AFTER")
        assert sums(session, card) == Sums(-3_000, 97_000, 97_000, -3_000, credit=3_000)
        bounce(session, "BEFORE")
        assert sums(session, card) == Sums(0, 97_000, 97_000, 0), (
            "the 30.00 too much paid the 30.00 again owed"
        )
        bounce(session, "AFTER")
        assert sums(session, card) == Sums(0, 100_000, 0, 100_000), "nobody has paid anything"
        change_status(session, card, ACTIVE, END + 3 * DAY, "not charged off", **told(END + 3 * DAY))
        assert sums(session, card) == Sums(100_000, 0, 0, 100_000)


def test_other_money_pays_the_debt_once_a_recovery_comes_back(engine: Engine) -> None:
    with transaction(engine) as session:
        card = new_card(session, paid=0)
        take(session, card, 40_000, "FIRST")
        take(session, card, 60_700, "SECOND")
        assert sums(session, card) == Sums(-700, 100_000, 100_000, -700, credit=700)
        bounce(session, "FIRST")
        assert sums(session, card) == Sums(0, 100_000, 60_700, 39_300)
        take(session, card, 40_000, "THIRD", days=3)
        assert sums(session, card) == Sums(-700, 100_000, 100_000, -700, credit=700)
        bounce(session, "SECOND", days=4)
        assert sums(session, card) == Sums(0, 100_000, 40_000, 60_000)


@pytest.mark.parametrize("order", list(permutations(("BEFORE", "FIRST", "SECOND", "LATE"))), ids="-".join)
def test_in_whatever_order_they_come_back(sqlite_engine: Engine, order: tuple[str, ...]) -> None:
    amounts = {"BEFORE": 3_000, "FIRST": 50_000, "SECOND": 46_000, "LATE": 6_000}
    with transaction(sqlite_engine) as session:
        card = new_card(session)
        take(session, card, amounts["FIRST"], "FIRST")
        take(session, card, amounts["SECOND"], "SECOND")
        take(session, card, amounts["LATE"], "LATE", days=-2)  # of before the charge-off, entered after it
        for reference in order:
            bounce(session, reference)
            del amounts[reference]
            owed = 100_000 - sum(amounts.values())
            found = sums(session, card)
            assert (found.owed, found.balance) == (owed, min(0, owed))
            assert found.charged_off - found.recovered == max(0, owed)
        assert sums(session, card) == Sums(0, 100_000, 0, 100_000)


def test_a_fee_since_the_charge_off_stays_on_the_book(engine: Engine) -> None:
    with transaction(engine) as session:
        card = new_card(session)
        on = END + DAY
        fee = post_by_hand(session, card, EntryKind.FEE, 500, on, "court", role=Role.MANAGER, **told(on))
        take(session, card, 97_200, "AFTER")
        assert sums(session, card) == Sums(300, 97_000, 97_000, 300)
        bounce(session, "BEFORE")
        assert sums(session, card) == Sums(500, 99_800, 97_000, 3_300)
        bounce(session, "AFTER")
        assert sums(session, card) == Sums(500, 100_000, 0, 100_500)
        bounce(session, fee.reference)
        assert sums(session, card) == Sums(0, 100_000, 0, 100_000)
        assert (off_the_book(session, card, on + DAY), charged_since(session, card, on + DAY)) == (100_000, 0)


def test_a_payment_of_before_that_is_moved_away_is_charged_off_too(engine: Engine) -> None:
    with transaction(engine) as session:
        card = new_card(session)
        other = builders.account(session, builders.customer(session, get_portfolio(session, builders.BOOK)))
        entry = session.scalars(select(Entry).where(Entry.reference == "BEFORE")).one()
        move_payment(session, entry, other, "theirs", role=Role.MANAGER, **told(END + DAY))
        assert sums(session, card) == Sums(0, 100_000, 0, 100_000)
        change_status(session, card, ACTIVE, END + 2 * DAY, "not charged off", **told(END + 2 * DAY))
        assert sums(session, card) == Sums(100_000, 0, 0, 100_000)


def test_an_account_is_reopened_and_charged_off_as_often_as_it_needs_to_be(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        card = new_card(session)
        take(session, card, 10_000, "LATE", days=-2)
        for _ in range(8):
            change_status(session, card, ACTIVE, END + DAY, "not charged off", **told(END + DAY))
            assert sums(session, card) == Sums(87_000, 0, 0, 87_000)
            change_status(session, card, CHARGED_OFF, END - 3 * DAY, "too late", **told(END + DAY))
            assert sums(session, card) == Sums(0, 100_000, 13_000, 87_000)


@pytest.mark.parametrize(
    ("entry", "balance", "off_book", "charged", "amount"),
    [
        (-3_000, 3_000, 97_000, 0, 3_000),
        (-3_000, 0, 0, 0, 0),  # money that was too much pays it
        (-3_000, 2_999, 0, 0, 2_999),
        (-3_000, -1, 0, 0, 0),
        (-3_000, 3_500, 97_000, 500, 3_000),  # a fee since stays on the book
        (-100_000, 3_000, 97_000, 0, 3_000),  # a recovery that had paid more than its own part
        (30, -30, 1_000, 0, -30),
        (30, -30, 20, 0, -20),
        (30, -30, 0, 0, 0),
    ],
)
def test_what_a_reversal_takes_off_the_book(
    entry: int, balance: int, off_book: int, charged: int, amount: int
) -> None:
    facts = EndFacts(
        CHARGED_OFF, ACTIVE, END, END, entry, END, balance, off_book, charged_since_minor=charged
    )  # fmt: skip
    assert to_take_off(facts) == amount
    owed = balance + off_book
    assert off_book_target(owed, charged) == max(0, owed - charged)
