"""Disputes, payments, bounces and decisions in any order, on one to three accounts of a customer.

After each step: what is asked for is what is owed less what is disputed, account by account and never below zero; the
case page, letters, worklist and the night show that same sum; and once every dispute is decided and corrected, nothing
is left out.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.disputes.deciding import DisputeDecision, decide_dispute, note_correction
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.book.delinquency.models import AccountState, DisputedAmount
from app.book.delinquency.queries import owed_minor
from app.book.delinquency.service import fold_accounts, standing_on
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.casework.cases.debt import debt_now, debts_as_folded
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import Correction, Disputed, DisputeKind, DisputeOutcome, ReceivedAs
from app.casework.disputes.service import release_due
from app.casework.plans.queries import balances_to_settle
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.disputes import (
    closed_disputes_leave_nothing_out,
    disputed_amounts_match_disputes,
)
from app.outreach.gate.contact_cases import load_contact_cases
from app.web.cases.reads import read_case
from tests import builders

ON, LONG_AGO = date(2026, 6, 1), date(2026, 1, 1)
NOW = builders.at(ON)
BEN: Any = {"by": Actor.user("ben"), "now": NOW}
_books = itertools.count(1)

amounts = st.sampled_from([1, 999, 5_000, 20_000, 45_000, 130_000])
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["pay", "pay", "bounce", "buy", "amount", "amount", "entry", "all", "paid", "change"]
            + ["uphold", "part", "reject", "withdraw", "post", "later", "night"]
        ),
        st.integers(0, 5),
        amounts,
    ),
    min_size=4,
    max_size=12,
)


class Desk:
    """One customer in a session, with the acts that a person may choose from."""

    def __init__(self, session: Session, cards: int) -> None:
        self.session = session
        self.book = builders.portfolio(session, f"DISPUTES-{next(_books)}", waive_limit_minor=10**9)
        holder = builders.customer(session, self.book)
        self.cards = [builders.account(session, holder) for _ in range(cards)]
        for n, card in enumerate(self.cards):
            builders.entry(session, card, EntryKind.OPENING_BALANCE, 60_000 + 30_000 * n, LONG_AGO)
            closing = ON - timedelta(days=40)
            builders.statement(session, card, closing, ON - timedelta(days=20 - n), 25_000 + 5_000 * n)
        self.case = CollectionsCase(portfolio_id=id_of(self.book), customer_id=id_of(holder), opened_on=ON)
        session.add(self.case)
        session.flush()
        self.night()

    def night(self) -> None:
        ids = [id_of(card) for card in self.cards]
        fold_accounts(self.session, self.book, ids, through=ON - timedelta(days=1))

    def disputes(self, *where: Any) -> list[Dispute]:
        query = select(Dispute).where(Dispute.case_id == self.case.id, *where)
        return list(self.session.scalars(query.order_by(col(Dispute.id))))

    def act(self, what: str, n: int, amount: int) -> None:
        session, card = self.session, self.cards[n % len(self.cards)]
        if what == "pay":
            builders.payment(session, card, amount, ON - timedelta(days=n))
        elif what == "buy":
            builders.entry(session, card, EntryKind.PURCHASE, amount, ON - timedelta(days=n))
        elif what == "bounce":
            if payments := self._entries(EntryKind.PAYMENT):
                reverse_entry(session, payments[n % len(payments)], reason="bounced", posted_on=ON, **BEN)
        elif what == "night":
            self.night()
        elif what in ("amount", "entry", "all", "paid"):
            self._open(what, id_of(card), n, amount)
        elif what == "post":
            waiting = self.disputes(col(Dispute.awaits_correction))
            for dispute in waiting[:1]:
                owner = session.get_one(Account, dispute.account_id)
                credit = builders.entry(session, owner, EntryKind.CREDIT, dispute.conceded_minor, ON)
                note_correction(session, dispute, id_of(credit), **BEN)
        elif open_ := self.disputes(col(Dispute.outcome).is_(None)):
            self._decide(what, open_[n % len(open_)], id_of(card), amount)

    def _entries(self, kind: EntryKind) -> list[Entry]:
        ids = [id_of(card) for card in self.cards]
        found = select(Entry).where(col(Entry.account_id).in_(ids), Entry.kind == kind)
        return list(self.session.scalars(found.order_by(col(Entry.id))))

    def _open(self, what: str, card_id: int, n: int, amount: int) -> None:
        bought = self._entries(EntryKind.PURCHASE)
        said = {
            "amount": Disputed(DisputeKind.AMOUNT, card_id, amount),
            "paid": Disputed(DisputeKind.ALREADY_PAID, card_id, amount, paid_on=ON),
            "all": Disputed(DisputeKind.WHOLE_DEBT),
            "entry": Disputed(
                DisputeKind.TRANSACTION, entry_id=id_of(bought[n % len(bought)]) if bought else 0
            ),
        }[what]
        received: Any = {"received_on": ON, "received_as": ReceivedAs.ORAL}
        open_dispute(self.session, self.case, said, "not mine", builders.catalog(), **received, **BEN)

    def _decide(self, what: str, dispute: Dispute, card_id: int, amount: int) -> None:
        if what == "change":
            said = Disputed(DisputeKind.AMOUNT, card_id, amount)
            change_what_is_disputed(self.session, dispute, said, "she says so", builders.catalog(), **BEN)
            return
        outcome, correction, conceded = {
            "uphold": (DisputeOutcome.UPHELD, Correction.HERE, None),
            "later": (DisputeOutcome.UPHELD, Correction.CREDITOR, None if dispute.amount_minor else amount),
            "part": (DisputeOutcome.PARTLY, Correction.CREDITOR, (dispute.amount_minor or amount) // 2),
            "reject": (DisputeOutcome.REJECTED, Correction.HERE, None),
            "withdraw": (DisputeOutcome.WITHDRAWN, Correction.HERE, None),
        }[what]
        decision = DisputeDecision(outcome, "looked into it", conceded, correction, card_id)
        decide_dispute(self.session, dispute, decision, builders.catalog(), role=Role.MANAGER, **BEN)

    def check(self) -> None:
        session, book, case = self.session, self.book, self.case
        case_id, customer_id = id_of(case), case.customer_id
        assert list(disputed_amounts_match_disputes(session, book)) == []
        assert list(closed_disputes_leave_nothing_out(session, book)) == []
        left_out: dict[int, int] = {}
        for dispute in self.disputes():
            if dispute.account_id is not None:
                left_out[dispute.account_id] = left_out.get(dispute.account_id, 0) + dispute.left_out_minor
        stands = standing_on(session, book, [id_of(card) for card in self.cards], ON)
        asked = {
            account_id: max(0, min(now.past_due, max(0, now.balance)) - left_out.get(account_id, 0))
            for account_id, now in stands.items()
        }
        total = sum(asked.values())
        debt = debt_now(session, book, customer_id, ON)
        assert (debt.past_due, debt.oldest is not None) == (total, total > 0)
        assert debt.past_due + debt.disputed == sum(
            min(s.past_due, max(0, s.balance)) for s in stands.values()
        )
        assert 0 <= debt.past_due <= debt.debt
        [letter] = load_contact_cases(session, book, [case_id], now=NOW, as_of=ON)
        assert (letter.to_ask, {each.id: each.asked for each in letter.accounts}) == (total, asked)
        page = read_case(session, case_id, NOW).file
        assert page.owes == debt
        settled = balances_to_settle(session, case, ON)
        assert all(0 <= each <= stands[account_id].balance for account_id, each in settled.items())
        refresh_touched(session, NOW)
        session.refresh(case)
        assert (case.now_past_due_minor, case.now_oldest_due_on) == (total, debt.oldest)
        self._check_night(customer_id)

    def _check_night(self, customer_id: int) -> None:
        """Set-based figures and those of one account agree on how the last night left them."""
        session = self.session
        states = sum(
            session.scalars(
                select(owed_minor())
                .select_from(AccountState)
                .where(AccountState.portfolio_id == self.book.id)
            )
        )
        folded = debts_as_folded(session, [customer_id])[customer_id]
        [night] = load_contact_cases(session, self.book, [id_of(self.case)], now=NOW)
        assert folded.past_due == states == night.to_ask >= 0

    def finish(self) -> None:
        """Decide what is open, correct what waits: nothing may be left out."""
        for dispute in self.disputes(col(Dispute.outcome).is_(None)):
            self._decide("reject", dispute, id_of(self.cards[0]), 1)
        while self.disputes(col(Dispute.awaits_correction)):
            self.act("post", 0, 0)
        release_due(self.session, self.book, ON + timedelta(days=400), now=NOW)
        ids = [id_of(card) for card in self.cards]
        rows = self.session.scalars(select(DisputedAmount).where(col(DisputedAmount.account_id).in_(ids)))
        assert rows.all() == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cards=st.integers(1, 3), steps=steps)
def test_one_figure_is_asked_for(engine: Engine, cards: int, steps: list[tuple[str, int, int]]) -> None:
    with transaction(engine) as session:
        desk = Desk(session, cards)
        desk.check()
        for what, n, amount in steps:
            with suppress(Conflict, Invalid), session.begin_nested():
                desk.act(what, n, amount)
            desk.check()
        desk.finish()
        desk.check()


def test_a_sum_that_is_left_out_without_a_dispute_is_found(engine: Engine) -> None:
    with transaction(engine) as session:
        desk = Desk(session, 1)
        desk.act("amount", 0, 999)
        [row] = session.scalars(select(DisputedAmount)).all()
        row.amount_minor = 1_000
        session.flush()
        [wrong] = disputed_amounts_match_disputes(session, desk.book)
        assert (
            wrong
            == f"account {desk.cards[0].reference} leaves out 10.00 CNY, and its disputes leave out 9.99"
        )
        session.delete(row)
        [dispute] = desk.disputes()
        dispute.outcome, dispute.decided_at = DisputeOutcome.REJECTED, NOW
        session.flush()
        [wrong] = disputed_amounts_match_disputes(session, desk.book)
        assert "leaves out 0.00 CNY, and its disputes leave out 9.99" in wrong
        [wrong] = closed_disputes_leave_nothing_out(session, desk.book)
        assert wrong == f"dispute {dispute.reference} still leaves out 9.99 CNY"
