"""An account ends and its end is undone, in any order of payments, fees, bounces, payments moved to another account,
settlements, charge-offs and recoveries.

Each night the stored state is what folding from nothing gives and the book closes to the cent; and once everything that
came has been taken back, the account stands as one that nothing ever came for.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import move_payment, reverse_entry
from app.book.delinquency.models import AccountState
from app.book.delinquency.service import fold_accounts, schedule_later_changes, stale_accounts
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.ends.recoveries import reinstate_recoveries
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import ENDED, AccountStatus, EntryKind
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.delinquency import (
    refolding_gives_the_same,
    roll_forward_closes,
    states_match_movements,
    states_match_spells,
)
from app.operations.invariants.ledger import balances_match_ledger, ended_accounts_owe_nothing
from tests import builders

FIRST, DAY, OPENING = date(2026, 1, 1), timedelta(days=1), 100_000
CREDITS = (EntryKind.PAYMENT, EntryKind.RECOVERY, EntryKind.REFUND)
CAME = (*CREDITS, EntryKind.FEE)
CHECKS = (
    roll_forward_closes, states_match_movements, states_match_spells, balances_match_ledger, refolding_gives_the_same,
    ended_accounts_owe_nothing,
)  # fmt: skip
_books = itertools.count(1)

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["pay", "pay", "pay", "bounce", "bounce", "bounce", "move", "fee"]
            + ["settled", "paid", "charged_off", "charged_off", "sold", "active"]
        ),
        st.integers(0, 9),
        st.integers(0, 12),
    ),
    min_size=3,
    max_size=9,
)


def standing(session: Session, card_id: int) -> list[Entry]:
    """Money and fees that came and were not taken back."""
    entries = session.scalars(select(Entry).where(Entry.account_id == card_id).order_by(col(Entry.id))).all()
    undone = {entry.reverses_id for entry in entries}
    return [each for each in entries if each.kind in CAME and each.id not in undone]


class Clerk:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with transaction(engine) as session:
            book = builders.portfolio(session, f"ENDS-{next(_books)}", charge_off_days=0)
            self.book_id = id_of(book)
            self.cards = []
            # The second is one that nothing ever comes for; payments of others are moved to the third.
            for _ in range(3):
                card = builders.account(session, builders.customer(session, book))
                builders.entry(session, card, EntryKind.OPENING_BALANCE, OPENING, FIRST)
                for month in range(3):
                    closing_on = FIRST + (5 + 20 * month) * DAY
                    builders.statement(session, card, closing_on, closing_on + 12 * DAY, 4_000)
                self.cards.append(id_of(card))

    def told(self, on: date) -> dict[str, Any]:
        return {"by": "user:max", "now": builders.at(on)}

    def step(self, what: str, n: int, on: date) -> None:
        """What is not possible is refused and leaves nothing behind."""
        with suppress(Conflict), transaction(self.engine) as session:
            card = session.get_one(Account, self.cards[0])
            if what == "pay":
                amount = (3_000, 4_000, 9_000, 60_000, OPENING)[n % 5]
                day = on - (n % 3) * 3 * DAY
                post_by_hand(
                    session,
                    card,
                    EntryKind.PAYMENT,
                    amount,
                    max(day, FIRST),
                    "",
                    role=Role.MANAGER,
                    **self.told(on),
                )
            elif what == "fee" and card.status not in ENDED:
                day, text = max(on - (n % 3) * 3 * DAY, FIRST), "court"
                told = {"role": Role.MANAGER, **self.told(on)}
                post_by_hand(session, card, EntryKind.FEE, 500 + n, day, text, **told)
            elif what == "move":
                if came := [e for e in standing(session, self.cards[0]) if e.kind in CREDITS]:
                    other = session.get_one(Account, self.cards[2])
                    told = {"role": Role.MANAGER, **self.told(on)}
                    move_payment(session, came[n % len(came)], other, "theirs", **told)
            elif what == "bounce":
                if came := standing(session, self.cards[0]):
                    entry = came[n % len(came)]
                    posted_on = max(on, entry.effective_on)
                    reverse_entry(session, entry, reason="no funds", posted_on=posted_on, **self.told(on))
            elif what in set(AccountStatus):
                change_status(session, card, AccountStatus(what), on, "told", **self.told(on))

    def night(self, on: date) -> None:
        with transaction(self.engine) as session:
            book = session.get_one(Portfolio, self.book_id)
            reinstate_recoveries(session, self.book_id, [self.cards[0]], now=builders.at(on))
            fold_accounts(session, book, stale_accounts(session, self.book_id, on), through=on)
            schedule_later_changes(session, self.book_id, on)
            at = builders.night_after(on)
            run = {"portfolio_id": self.book_id, "business_date": on, "started_at": at, "finished_at": at}
            session.add(DailyRun.model_validate(run))
        with transaction(self.engine) as session:
            book, card = session.get_one(Portfolio, self.book_id), session.get_one(Account, self.cards[0])
            assert [row for check in CHECKS for row in check(session, book)] == []
            owed = OPENING + sum(entry.amount_minor for entry in standing(session, self.cards[0]))
            if card.status not in ENDED:
                assert balance_of(session, self.cards[0], on) == owed
            elif card.status is AccountStatus.CHARGED_OFF:
                assert still_owed(session, card, on) == owed
                # What was recovered beyond the debt is an overpayment.
                assert balance_of(session, self.cards[0], on) == min(0, owed)


# A payment of before the charge-off comes back after another one had paid what was charged off.
PAID_TWICE = [
    ("pay", 0, 0), ("charged_off", 0, 0), ("pay", 4, 0), ("bounce", 0, 0), ("pay", 0, 1), ("bounce", 1, 0),
]  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
@example(PAID_TWICE)
@example([("pay", 0, 0), *PAID_TWICE])
def test_ending_and_undoing_in_any_order_leaves_no_trace(
    sqlite_engine: Engine, story: list[tuple[str, int, int]]
) -> None:
    clerk, on = Clerk(sqlite_engine), FIRST + 20 * DAY
    clerk.night(on - DAY)
    for what, n, later in story:
        if later:
            clerk.night(on)
            on += later * DAY
        clerk.step(what, n, on)
    clerk.night(on)
    on += DAY
    with transaction(sqlite_engine) as session:
        card = session.get_one(Account, clerk.cards[0])
        while came := standing(session, clerk.cards[0]):
            reverse_entry(
                session,
                came[0],
                reason="all of it",
                posted_on=max(on, came[0].effective_on),
                **clerk.told(on),
            )
        if card.status in ENDED:
            change_status(session, card, AccountStatus.ACTIVE, on, "all of it", **clerk.told(on))
    clerk.night(on)
    with transaction(sqlite_engine) as session:
        lived, untouched = (session.get_one(AccountState, card_id) for card_id in clerk.cards[:2])
        for field in ("balance_minor", "past_due_minor", "oldest_due_on", "bucket", "dues", "minimums"):
            assert getattr(lived, field) == getattr(untouched, field), field
