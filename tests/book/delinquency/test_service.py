"""Nights on a real book: whatever order things come in, the result is the one a full refold gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState, Movement, Spell
from app.book.delinquency.queries import aging, past_due_total, roll_forward
from app.book.delinquency.rules import standing
from app.book.delinquency.service import (
    edges_of,
    fold_accounts,
    refold_from_nothing,
    schedule_later_changes,
    stale_accounts,
    standing_on,
)
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Entry, LedgerChange, Statement
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from tests import builders

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)


def night(engine: Engine, on: date) -> date | None:
    """The day's first stage by itself; returns the earliest past day that it changed."""
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        stale = stale_accounts(session, id_of(book), on)
        restated = fold_accounts(session, book, stale, through=on) if stale else None
        schedule_later_changes(session, id_of(book), on)
        return restated


def stands(engine: Engine, account_id: int) -> tuple[int, date | None, str]:
    with transaction(engine) as session:
        row = session.get_one(AccountState, account_id)
        return row.past_due_minor, row.oldest_due_on, row.bucket


def assert_proven(engine: Engine, on: date) -> None:
    """Everything the numbers promise: refold agrees, spells tile time, movements explain every day."""
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        states = {s.account_id: s for s in session.scalars(select(AccountState))}
        assert states
        for fresh in refold_from_nothing(session, book, sorted(states), on):
            state = states[fresh.account_id]
            assert state.balance_minor == fresh.balance
            # A state is the last fold's; nothing that would change it may lie between that fold and now.
            now = standing(fresh.state, on, edges_of(book), fresh.pauses)
            known = (state.past_due_minor, state.oldest_due_on, state.bucket)
            assert known == ((now.past_due, now.counted_from, now.bucket) if now else (0, None, "current"))
            assert state.wake_on is None or state.wake_on > on
        assert_spells_tile(session)
        first = session.scalar(sa.select(sa.func.min(Movement.on)))
        while first is not None and first <= on:
            rolled = roll_forward(session, id_of(book), first, first)
            assert rolled.closes, f"{first}: {rolled}"
            first += DAY
        assert past_due_total(session, id_of(book), on) == sum(s.past_due_minor for s in states.values())


def assert_spells_tile(session: Session) -> None:
    by_account: dict[int, list[Spell]] = {}
    for spell in session.scalars(select(Spell).order_by(col(Spell.account_id), col(Spell.from_on))):
        by_account.setdefault(spell.account_id, []).append(spell)
    for spells in by_account.values():
        for earlier, later in zip(spells, spells[1:], strict=False):
            assert earlier.to_on is not None, "an open spell has another behind it"
            assert earlier.to_on <= later.from_on, "two spells overlap"
        assert all(s.to_on is None or s.from_on < s.to_on for s in spells)
        assert all(s.past_due_minor > 0 for s in spells)


def test_a_missed_minimum_ages_night_by_night(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
    night(engine, DUE)
    assert stands(engine, card.id) == (0, None, "current")
    night(engine, DUE + DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    for n in range(2, 200, 3):  # nights are missed, the edges are not
        night(engine, DUE + n * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "180+")
    assert_proven(engine, DUE + 197 * DAY)
    with transaction(engine) as session:
        spells = session.scalars(select(Spell).order_by(col(Spell.from_on))).all()
        assert [(s.bucket, (s.from_on - DUE).days) for s in spells] == [
            ("1-29", 1), ("30-59", 30), ("60-89", 60), ("90-119", 90),
            ("120-149", 120), ("150-179", 150), ("180+", 180),
        ]  # fmt: skip


def test_only_accounts_to_which_something_happens_are_touched(sqlite_engine: Engine) -> None:
    """What lets a million accounts close their day in a minute."""
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        cards = [builders.late_customer(session, book, due_on=DUE + n * DAY) for n in range(5)]
    night(sqlite_engine, DUE)
    with transaction(sqlite_engine) as session:
        assert stale_accounts(session, book.id, DUE) == []
        assert stale_accounts(session, book.id, DUE + DAY) == [cards[0].id]
        assert stale_accounts(session, book.id, DUE + 2 * DAY) == [cards[0].id, cards[1].id]


def test_a_back_dated_payment_rewrites_the_past_and_says_since_when(engine: Engine) -> None:
    """It was paid on time at the branch, but the file came five days late."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
    for n in range(-2, 5):
        night(engine, DUE + n * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    with transaction(engine) as session:
        builders.payment(session, card, 5_000, DUE, posted_on=DUE + 5 * DAY)
    assert night(engine, DUE + 5 * DAY) == DUE
    assert stands(engine, card.id) == (0, None, "current")
    assert builders.count(engine, Spell) == 0
    assert builders.count(engine, Movement) == 0, "in the books of today it never fell past due"
    assert_proven(engine, DUE + 5 * DAY)


def test_a_bounced_payment_reopens_what_it_had_paid(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
        paid = builders.payment(session, card, 5_000, DUE - DAY)
    night(engine, DUE + 3 * DAY)
    assert stands(engine, card.id) == (0, None, "current")
    with transaction(engine) as session:
        entry = session.get_one(Entry, paid.id)
        reverse_entry(
            session, entry, reason="bounced", posted_on=DUE + 4 * DAY, by=Actor.user("ann"), now=builders.NOW
        )
    night(engine, DUE + 4 * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    with transaction(engine) as session:
        state = session.get_one(AccountState, card.id)
        assert state.balance_minor == 100_000, "and the balance is what it was"
    assert_proven(engine, DUE + 4 * DAY)


def test_a_payment_bounced_on_the_morning_after_is_undone_in_the_day_that_is_still_open(
    engine: Engine,
) -> None:
    """The bank's return is keyed in at 09:00; the day before is closed at 10:00, the next day the night after."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
        paid = builders.payment(session, card, 5_000, DUE)
    night(engine, DUE + 2 * DAY)
    with transaction(engine) as session:
        entry = session.get_one(Entry, paid.id)
        reverse_entry(
            session, entry, reason="bounced", posted_on=DUE + 4 * DAY, by=Actor.user("ann"), now=builders.NOW
        )
    night(engine, DUE + 3 * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    assert_proven(engine, DUE + 3 * DAY)
    night(engine, DUE + 4 * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    assert_proven(engine, DUE + 4 * DAY)


def test_a_payment_announced_for_a_later_day_and_taken_back_never_counts(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
        later = DUE - 2 * DAY
        announced = builders.payment(session, card, 5_000, later, posted_on=later)
    night(engine, DUE - 6 * DAY)
    with transaction(engine) as session:
        entry = session.get_one(Entry, announced.id)
        reverse_entry(
            session,
            entry,
            reason="cancelled",
            posted_on=DUE - 5 * DAY,
            by=Actor.user("ann"),
            now=builders.NOW,
        )
    for n in range(-5, 3):
        night(engine, DUE + n * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    assert_proven(engine, DUE + 2 * DAY)


def test_a_payment_known_ahead_wakes_its_account_on_its_day(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
    night(engine, DUE + DAY)
    with transaction(engine) as session:
        builders.payment(session, card, 5_000, DUE + 6 * DAY)
    night(engine, DUE + 2 * DAY)
    assert stands(engine, card.id) == (5_000, DUE, "1-29")
    assert builders.count(engine, LedgerChange) == 0, "it waits as a wake-up day, not as a change"
    night(engine, DUE + 6 * DAY)
    assert stands(engine, card.id) == (0, None, "current")


def test_where_an_account_stands_now_is_asked_without_waiting_for_the_night(engine: Engine) -> None:
    """What delivery asks before every reminder: a payment of this morning must already count."""
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
    night(engine, DUE + 3 * DAY)
    with transaction(engine) as session:
        builders.payment(session, card, 2_000, DUE + 4 * DAY)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        now = standing_on(session, book, [card.id], DUE + 4 * DAY)[card.id]
        assert (now.past_due, now.oldest_due_on, now.balance) == (3_000, DUE, 98_000)
    assert stands(engine, card.id) == (5_000, DUE, "1-29"), "asking changed nothing"
    assert builders.count(engine, LedgerChange) == 1


def test_any_past_day_can_be_asked(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE, minimum=5_000)
        builders.payment(session, card, 2_000, DUE + 40 * DAY)
    night(engine, DUE + 60 * DAY)
    expected = {
        DUE: ("current", 0, 100_000),
        DUE + DAY: ("1-29", 5_000, 100_000),
        DUE + 29 * DAY: ("1-29", 5_000, 100_000),
        DUE + 30 * DAY: ("30-59", 5_000, 100_000),
        DUE + 40 * DAY: ("30-59", 3_000, 98_000),
        DUE + 60 * DAY: ("60-89", 3_000, 98_000),
        DUE + 95 * DAY: ("90-119", 3_000, 98_000),  # not folded that far yet: answered from the ledger
    }
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        for on, (bucket, past_due, balance) in expected.items():
            found = aging(session, book, on)
            assert found.accounts == 1
            assert (found.buckets[bucket].accounts, found.past_due_amount) == (1, past_due), on
            assert found.balance == balance, on


@pytest.mark.parametrize("seed", [1, 2])
def test_a_hundred_disorderly_days_prove_themselves(engine: Engine, seed: int) -> None:
    """Feeds late and early, payments back-dated, bounced, split; nights skipped and doubled."""
    chance = random.Random(seed)
    start = date(2026, 1, 1)
    with transaction(engine) as session:
        book = builders.portfolio(session)
        cards = [builders.account(session, builders.customer(session, book)) for _ in range(12)]
        payments: list[Entry] = []
    on = start
    while on < start + timedelta(days=100):
        with transaction(engine) as session:
            for card in cards:
                payments += _a_day_of(session, card, on, chance)
            if payments and chance.random() < 0.3:
                bounced = session.get_one(Entry, payments.pop(chance.randrange(len(payments))).id)
                reverse_entry(
                    session, bounced, reason="bounced", posted_on=max(on, bounced.posted_on),
                    by=Actor.user("ann"), now=builders.NOW,
                )  # fmt: skip
        for _ in range(chance.choice([0, 1, 1, 1, 2])):
            night(engine, on)
        on += DAY * chance.choice([1, 1, 1, 2, 5])
    night(engine, on)
    assert builders.count(engine, Spell) > 20
    assert_proven(engine, on)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        for back in range(0, 100, 9):  # and every past day reads as the ledger says today
            past = start + back * DAY
            fresh = list(refold_from_nothing(session, book, [id_of(c) for c in cards], past))
            found = aging(session, book, past)
            assert found.past_due_amount == sum(f.state.past_due for f in fresh)
            assert found.balance == sum(f.balance for f in fresh)
            assert found.past_due_accounts == sum(1 for f in fresh if f.state.dues)


def _a_day_of(session: Session, card: Account, on: date, chance: random.Random) -> Iterator[Entry]:
    if chance.random() < 0.06:
        closing_on = on + timedelta(days=chance.randint(-6, 4))
        due_on = closing_on + timedelta(days=chance.randint(3, 30))
        minimum = chance.choice([0, 3_000, 5_000, 8_000])
        taken = select(Statement.id).where(
            Statement.account_id == card.id, Statement.closing_on == closing_on
        )
        if session.scalar(taken) is None:  # an account has one statement a closing day
            builders.statement(session, card, closing_on, due_on, minimum)
    if chance.random() < 0.12:
        effective = on + timedelta(days=chance.choice([-20, -3, -1, 0, 0, 0, 0, 4]))
        kind = chance.choice([EntryKind.PAYMENT, EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT])
        amount = chance.choice([1_000, 3_000, 5_000, 12_000])
        yield builders.entry(session, card, kind, amount, effective, posted_on=max(on, effective))
    if chance.random() < 0.1:
        builders.entry(session, card, EntryKind.PURCHASE, 7_000, on)


def test_a_payment_posted_while_its_account_is_folded_is_never_forgotten(postgres_engine: Engine) -> None:
    """An agent posts a payment in the middle of the night's work, before each of its statements in turn."""
    engine = postgres_engine
    on = DUE + DAY
    with transaction(engine) as session:
        book = builders.portfolio(session)
    moment = 0
    while _fold_disturbed(engine, book, moment, on):
        moment += 1
    assert moment >= 8, "the payment was tried at too few moments to prove anything"


def _fold_disturbed(engine: Engine, book: Portfolio, moment: int, on: date) -> bool:
    """False when the fold has fewer statements than `moment`."""
    with transaction(engine) as session:
        card = builders.late_customer(session, book, due_on=DUE, minimum=5_000)
    night(engine, DUE)
    statements = 0
    posted = False

    def disturb(connection: sa.Connection, *_: object) -> None:
        nonlocal statements, posted
        if connection is not folding.connection():
            return
        if statements == moment:
            posted = True
            statements += 1
            with transaction(engine) as other:
                builders.payment(other, other.get_one(Account, card.id), 2_000, on)
        statements += 1

    with transaction(engine) as folding:
        folding.connection()
        sa.event.listen(engine, "before_cursor_execute", disturb)
        try:
            fold_accounts(folding, book, [id_of(card)], through=on)
            schedule_later_changes(folding, id_of(book), on)
        finally:
            sa.event.remove(engine, "before_cursor_execute", disturb)
    night(engine, on)
    if posted:
        assert stands(engine, id_of(card)) == (3_000, DUE, "1-29"), f"forgotten at statement {moment}"
    return posted
