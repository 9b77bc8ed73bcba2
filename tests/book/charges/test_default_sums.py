"""Default sums in the United Kingdom: a late fee bears no interest, before the 29th day after its notice and later
(Consumer Credit Act 1974 s.86E(4), s.86F)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.book.charges.rules import DefaultSum, Rest, interest_of_day, unpaid_sums
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.migration import schema
from app.core.staff.rules import Role
from app.policy.composition import shipped_packs
from tests import builders
from tests.book.charges.test_service import DAY, DUE, FIRST, a_book, assert_proven, posted

FEE = 1_200
FEE_ON = DUE + DAY
DAYS = 4


def a_late_book(engine: Engine, pack: str, zone: str = "Europe/London", currency: str = "GBP") -> Account:
    """1,000.00 owed at 18 %; the minimum of 10 March lapses and bears a fee of 12.00 on the 11th."""
    book = a_book(
        engine, late_fee_minor=FEE, pack=pack, timezone=zone, currency=currency, waive_limit_minor=10_000
    )
    builders.close_day(engine, FIRST)
    builders.close_day(engine, FEE_ON + (DAYS - 1) * DAY)
    return book


def by_hand(days: int, with_fee_from: int | None = None) -> list[int]:
    """Interest of so many days on 1,000.00 and its interest, and on the fee from that day on."""
    amounts, carry = [], 0
    for n in range(days):
        fee = FEE if with_fee_from is not None and n >= with_fee_from else 0
        interest, carry = interest_of_day(100_000 + fee + sum(amounts), 180_000, 365, carry)
        amounts.append(interest)
    return amounts


def fee_of(engine: Engine) -> Entry:
    with transaction(engine) as session:
        fee = session.scalars(select(Entry).where(col(Entry.kind) == EntryKind.FEE)).one()
        assert (fee.amount_minor, fee.effective_on) == (FEE, FEE_ON)
        session.expunge(fee)
        return fee


@pytest.mark.parametrize(("pack", "free"), [("uk", True), ("nl", False)])
def test_a_late_fee_bears_no_interest_where_the_act_says_so(
    sqlite_engine: Engine, pack: str, free: bool
) -> None:
    """Days on, no interest has run on the fee in London; in Amsterdam it is part of the balance."""
    caps = shipped_packs()[pack].charges
    assert (caps is not None and caps.default_sums_free) is free
    a_late_book(sqlite_engine, pack, currency="GBP" if free else "EUR")
    fee_of(sqlite_engine)
    days = (FEE_ON - FIRST).days + DAYS
    with transaction(sqlite_engine) as session:
        interest = [amount for _, amount in posted(session, EntryKind.INTEREST)]
    assert interest == by_hand(days, None if free else days - DAYS + 1)
    assert_proven(sqlite_engine)


def test_a_correction_of_past_days_leaves_the_fee_out_too(engine: Engine) -> None:
    """A penny that was booked late changes the interest of the balance alone; part of the fee was waived meanwhile."""
    card = a_late_book(engine, "uk")
    fee, on = fee_of(engine), FEE_ON + DAYS * DAY
    with transaction(engine) as session:
        standing = session.get_one(Entry, fee.id)
        waive(
            session,
            standing,
            500,
            "goodwill",
            by=Actor.user("boss"),
            role=Role.MANAGER,
            now=builders.at(on, 10, zone="Europe/London"),
        )
        builders.payment(session, card, 1, FEE_ON, posted_on=on)
    builders.close_day(engine, on + DAY)
    with transaction(engine) as session:
        assert abs(sum(amount for _, amount in posted(session, EntryKind.ADJUSTMENT))) <= 1, "none of the fee"
        interest = [amount for _, amount in posted(session, EntryKind.INTEREST)]
        assert abs(sum(interest) - sum(by_hand((on - FIRST).days + 2))) <= 1, "the waived part counts no more"
    assert_proven(engine)


def test_a_fee_that_was_reversed_is_no_part_of_the_balance_that_rests(engine: Engine) -> None:
    card = a_late_book(engine, "uk")
    fee, on = fee_of(engine), FEE_ON + DAYS * DAY
    with transaction(engine) as session:
        standing = session.get_one(Entry, fee.id)
        reverse_entry(
            session, standing, reason="paid in time", posted_on=on, by=Actor.user("u"), now=builders.NOW
        )
    builders.close_day(engine, on + DAY)
    days = (on - FIRST).days + 2
    with transaction(engine) as session:
        assert posted(session, EntryKind.ADJUSTMENT) == []
        assert [amount for _, amount in posted(session, EntryKind.INTEREST)] == by_hand(days)
        assert session.get_one(Account, card.id).status.value == "active"
    assert_proven(engine)


def test_interest_charged_on_fees_before_is_taken_back(engine: Engine) -> None:
    """The book ran for days as if fees bore interest; the revision marks its accounts, and the next night corrects."""
    card = a_late_book(engine, "nl")
    on = FEE_ON + DAYS * DAY
    marks = ScriptDirectory.from_config(schema.make_config()).get_revision("0094").module.MARKS
    with transaction(engine) as session:
        get_portfolio(session, builders.BOOK).pack = "uk"
        session.flush()
        for _ in range(2):
            session.connection().execute(sa.text(marks))
        found = session.connection().execute(sa.text("SELECT account_id FROM ledger_change")).scalars()
        assert list(found) == [card.id]
    builders.close_day(engine, on)
    with transaction(engine) as session:
        taken_back = sum(amount for _, amount in posted(session, EntryKind.ADJUSTMENT))
        assert taken_back < 0
        interest = sum(amount for _, amount in posted(session, EntryKind.INTEREST))
        assert interest + taken_back == sum(by_hand((on - FIRST).days + 1))
    assert_proven(engine)


def test_a_fee_that_was_paid_rests_no_more(engine: Engine) -> None:
    """Everything is paid, the fee too; what is bought afterwards bears interest in full."""
    card = a_late_book(engine, "uk")
    on = FEE_ON + DAYS * DAY
    with transaction(engine) as session:
        owed = sum(session.scalars(select(col(Entry.amount_minor)).where(col(Entry.account_id) == card.id)))
        builders.payment(session, card, owed, on)
    builders.close_day(engine, on)
    with transaction(engine) as session:
        builders.entry(session, card, EntryKind.PURCHASE, 100_000, on + DAY)
    builders.close_day(engine, on + 2 * DAY)
    with transaction(engine) as session:
        last = session.scalars(
            select(col(Entry.amount_minor)).where(
                col(Entry.kind) == EntryKind.INTEREST, col(Entry.effective_on) == on + 2 * DAY
            )
        ).one()
    assert last == 50, "49.3 with what was carried, on all of it; without 12.00 of it at most 49"
    assert_proven(engine)


def march(day: int) -> date:
    return date(2026, 3, day)


@pytest.mark.parametrize(
    ("sums", "lows", "rests"),
    [
        ([(11, 1200, [])], [], [(12, None, 1200)]),
        ([(11, 1200, [])], [(13, 1200)], [(12, None, 1200)]),
        ([(11, 1200, [])], [(13, 1199)], [(12, 14, 1200), (14, None, 1199)]),
        ([(11, 1200, [])], [(13, -5)], [(12, 14, 1200)]),
        ([(11, 1200, [])], [(11, 0)], []),
        ([(11, 1200, [(14, 500)])], [], [(12, 15, 1200), (15, None, 700)]),
        ([(11, 1200, [(14, 1200)])], [(13, 700)], [(12, 14, 1200), (14, 15, 700)]),
        (
            [(11, 1200, [(20, 1200)]), (18, 1200, [])],
            [(13, 0), (20, 5000)],
            [(12, 14, 1200), (19, None, 1200)],
        ),
    ],
)
def test_payments_reach_the_fees_last_and_the_older_first(
    sums: list[tuple[int, int, list[tuple[int, int]]]],
    lows: list[tuple[int, int]],
    rests: list[tuple[int, int | None, int]],
) -> None:
    """Nothing paid; owed as much as the fee, less, nothing; paid at once; waived in part; reversed after a part was
    paid; an older one that was paid is reversed while a newer one stands."""
    fees = [DefaultSum(march(on), amount, [(march(d), a) for d, a in less]) for on, amount, less in sums]
    assert unpaid_sums(fees, [(march(on), owed) for on, owed in lows]) == [
        Rest(march(on), march(to_on) if to_on else None, amount) for on, to_on, amount in rests
    ]
