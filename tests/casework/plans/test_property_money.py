"""Money of an agreement: no order of payments, moves, returns and reposts makes any, and none is lost.

Two agreements of one customer are looked at: a plan, which every account of the customer pays, and a settlement of one
card. Another customer's card is where payments go by mistake.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import move_payment, reverse_entry
from app.actions.plans.earlier_money import earlier_money
from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import (
    paid_since_offer,
    paid_to_settle,
    paid_toward,
    progress_of,
)
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.outreach.agreements.made import agreement

OFFER = date(2026, 3, 16)
DAY = timedelta(days=1)
OFFERED_AT = builders.at(OFFER, 12)
MEI, BANK = Actor.user("mei"), Actor("feed:bank")
A, B, STRANGER = 0, 1, 2
"""The card that is settled, the customer's other one, and another customer's."""
_books = itertools.count(1)

steps = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay", "file", "move", "move", "reverse", "return", "repost", "repost"]),
        st.sampled_from([A, B, STRANGER]),
        st.integers(-1, 1),
        st.integers(0, 9),
    ),
    max_size=6,
)


@dataclass
class Money:
    """One payment of the real world, wherever it stands on the ledger."""

    amount: int
    day: date
    entry: Entry
    at: int | None
    """The card that it is on; None = it was taken back."""
    returned: bool = False
    """The bank has it."""
    known: dict[int, datetime] = field(default_factory=dict)
    """By card, when it was there first."""

    def since(self, cards: Sequence[int]) -> datetime:
        return min(self.known[card] for card in cards if card in self.known)

    def counts(self) -> bool:
        return self.day > OFFER or (self.day == OFFER and self.since([A, B]) >= OFFERED_AT)


@dataclass
class Life:
    session: Session
    cards: list[Account]
    moneys: list[Money] = field(default_factory=list)

    def do(self, what: str, card: int, days: int, which: int, now: datetime) -> None:
        if what in ("pay", "file"):
            self._pay(what, card, OFFER + days * DAY, now)
            return
        on_book = what in ("move", "reverse", "return")
        able = [each for each in self.moneys if (each.at is not None) is on_book]
        if not able:
            return
        money = able[which % len(able)]
        if what == "move" and card != money.at:
            target = self.cards[card]
            money.entry = move_payment(
                self.session, money.entry, target, "wrong card", by=MEI, role=Role.MANAGER, now=now
            )
            self._stands(money, card, now)
        elif what in ("reverse", "return"):
            by = MEI if what == "reverse" else BANK
            reverse_entry(self.session, money.entry, reason="back", posted_on=OFFER + DAY, by=by, now=now)
            money.at, money.returned = None, what == "return"
        elif what == "repost":
            if money.returned:
                money.known.clear()  # it is another payment
            money.entry = self._post(money.amount, money.day, card, now)
            money.returned = False
            self._stands(money, card, now)

    def _pay(self, what: str, card: int, day: date, now: datetime) -> None:
        day, amount = min(day, now.date()), 1_000 + len(self.moneys)
        if what == "pay":
            entry = self._post(amount, day, card, now)
        else:
            entry = builders.payment(self.session, self.cards[card], amount, day, now=now)
        money = Money(amount, day, entry, card)
        self.moneys.append(money)
        self._stands(money, card, now)

    def _post(self, amount: int, day: date, card: int, now: datetime) -> Entry:
        return post_by_hand(
            self.session,
            self.cards[card],
            EntryKind.PAYMENT,
            amount,
            day,
            "",
            by=MEI,
            role=Role.MANAGER,
            now=now,
        )

    def _stands(self, money: Money, card: int, now: datetime) -> None:
        money.at = card
        money.known.setdefault(card, now)

    def on(self, cards: Sequence[int]) -> list[Money]:
        return [each for each in self.moneys if each.at in cards]


def begin(session: Session) -> tuple[Life, Plan, Plan]:
    code = f"BOOK{next(_books)}"
    book = builders.portfolio(session, code)
    ann = builders.customer(session, book)
    cards = [builders.account(session, ann), builders.account(session, ann)]
    cards.append(builders.account(session, builders.customer(session, book)))
    for card in cards:
        builders.entry(session, card, EntryKind.OPENING_BALANCE, 1_000_000, OFFER - 60 * DAY)
        builders.statement(session, card, OFFER - 40 * DAY, OFFER - 20 * DAY, 50_000, balance=1_000_000)
    from app.casework.cases.models import CollectionsCase

    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=id_of(ann), opened_on=OFFER - 10 * DAY, past_due_minor=100_000,
        balance_minor=2_000_000,
    )  # fmt: skip
    session.add(case)
    session.flush()
    parts = [(OFFER + n * DAY, 2_500) for n in (5, 35, 65)]
    about = {"accepted_on": OFFER, "counts_from": OFFER, "offered_at": OFFERED_AT}
    plan = agreement(session, case, parts, **about)
    settlement = agreement(session, case, parts, kind=PlanKind.SETTLEMENT, status=PlanStatus.OFFERED, **about)
    session.add(PlanAccount(plan_id=id_of(settlement), account_id=id_of(cards[A])))
    session.flush()
    return Life(session, cards), plan, settlement


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=steps, after=steps)
def test_nothing_that_is_done_to_payments_makes_or_loses_money_of_an_agreement(
    engine: Engine,
    before: list[tuple[str, int, int, int]],
    after: list[tuple[str, int, int, int]],
) -> None:
    with transaction(engine) as session:
        life, plan, settlement = begin(session)
        for n, step in enumerate(before):
            life.do(*step, now=builders.at(OFFER, 8) + timedelta(minutes=n))
        for n, step in enumerate(after):
            life.do(*step, now=builders.at(OFFER + DAY, 8) + timedelta(minutes=n))
        end = OFFER + 2 * DAY
        for of, cards in ((plan, [A, B]), (settlement, [A])):
            there = life.on(cards)
            new = sum(each.amount for each in there if each.counts())
            assert sum(amount for _, amount in paid_toward(session, of, end)) == new
            shown = progress_of(session, of, end)
            assert shown.paid + shown.beyond == new
            came_late = sum(
                each.amount for each in there if not each.counts() and each.since(cards) >= OFFERED_AT
            )
            assert earlier_money(session, [id_of(of)]).get(id_of(of), 0) == came_late
        assert paid_since_offer(session, plan, end) == sum(
            each.amount for each in life.on([A, B]) if each.counts()
        )
        taken_up = sum(amount for _, amount in paid_to_settle(session, settlement, end))
        assert taken_up == sum(each.amount for each in life.on([A]) if each.counts())
        assert len(session.scalars(select(Entry)).all()) >= len(life.moneys)
