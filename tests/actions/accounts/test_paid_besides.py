"""A settlement that was paid in full stays kept where what was paid besides comes back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import move_payment, reverse_entry
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from app.outreach.outbox.rules import CHANGED, OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from tests import builders
from tests.agreements import offer_settlement

DUE, T, DAY = date(2026, 3, 10), date(2026, 4, 11), timedelta(days=1)
BACK = T + 3 * DAY
ACTIVE, SETTLED = AccountStatus.ACTIVE, AccountStatus.SETTLED


def who(on: date) -> dict[str, Any]:
    return {"by": "user:ann", "now": builders.at(on)}


def cheque(session: Session, reference: str = "CHEQUE-1") -> Entry:
    return session.scalars(select(Entry).where(Entry.reference == reference)).one()


@pytest.mark.parametrize("moved", [False, True])
def test_what_was_paid_besides_a_settlement_comes_back_and_it_stays_settled(
    engine: Engine, moved: bool
) -> None:
    """600.00 of 600.00 and, by mistake, 50.00 more."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.late_customer(session, book, due_on=DUE)
        other = builders.account(session, builders.customer(session, book))
    builders.close_day(engine, T - DAY)
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        offer_settlement(session, case, 60_000, T + 10 * DAY, today=T, **who(T))
        for amount, reference in ((60_000, "AGREED"), (5_000, "CHEQUE-1")):
            builders.payment(session, card, amount, T + DAY, reference=reference, now=builders.at(T + DAY))
    builders.close_day(engine, T + DAY)
    with transaction(engine) as session:
        if moved:
            move_payment(session, cheque(session), other, "hers", role=Role.MANAGER, **who(BACK))
        else:
            reverse_entry(session, cheque(session), reason="no funds", posted_on=BACK, **who(BACK))
    builders.deliver(engine, builders.at(BACK, 14))
    fall_back_due(
        engine, builders.catalog(), clock=FixedClock(builders.at(BACK, 15))
    )  # 650.00 is not right any more
    builders.deliver(engine, builders.at(BACK, 16))
    builders.close_day(engine, BACK)
    told = [m for m in builders.messages(engine) if m.letter in ("settlement_completed", "plan_over")]
    assert [(m.letter, m.status, m.error) for m in told] == [
        ("settlement_completed", OutboxStatus.WITHHELD, CHANGED),
        ("settlement_completed", OutboxStatus.SENT, ""),
    ]
    assert ["650.00" in m.text for m in told] == [True, False]
    assert "600.00" in told[1].text
    with transaction(engine) as session:
        card = session.get_one(Account, id_of(card))
        assert (card.status, card.ended_on, balance_of(session, id_of(card), BACK)) == (SETTLED, T + DAY, 0)
        assert session.scalars(select(Plan)).one().status is PlanStatus.KEPT
        case = session.scalars(select(CollectionsCase)).one()
        assert (case.status, case.outcome) == (CaseStatus.CLOSED, CaseOutcome.SETTLED)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
        # Without the 600.00 nothing covers it.
        reverse_entry(session, cheque(session, "AGREED"), reason="no funds", posted_on=BACK, **who(BACK))
        assert (card.status, balance_of(session, id_of(card), BACK)) == (ACTIVE, 100_000)
        # There are days left to pay it again.
        assert session.scalars(select(Plan)).one().status is PlanStatus.ACTIVE
