"""Letters that a settlement is complete and that fees are charged again: as they leave, they still have to be true."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, cancel_agreement
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.database.engine import transaction
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, HARDSHIP, LETTERS, MEI, NOW, ON, a_case, the_card
from tests.outreach.planning.test_fees_again import night
from tests.outreach.planning.test_over import agreed, pay
from tests.outreach.planning.test_restored import DUE, close

SETTLE = AgreementTerms(PlanKind.SETTLEMENT, 60_000, DUE)


def letter(engine: Engine, name: str) -> OutboxMessage:
    [row] = [row for row in builders.messages(engine) if row.letter == name]
    return row


@pytest.fixture
def settled(engine: Engine) -> Engine:
    """A settlement of one payment that was kept; the letter that it is complete is still to leave."""
    agreed(engine, SETTLE)
    pay(engine, 60_000, ON + DAY, ON + DAY)
    close(engine, ON, ON + DAY)
    return engine


def test_a_completed_settlement_that_stands_leaves(settled: Engine) -> None:
    row = letter(settled, "settlement_completed")
    with transaction(settled) as session:
        last4 = session.scalars(select(Account)).one().card_last4
    assert "CN¥600.00" in row.text
    assert last4 in row.text
    builders.deliver(settled, builders.at(ON + 2 * DAY, 12))
    assert letter(settled, "settlement_completed").status is OutboxStatus.SENT


@pytest.mark.parametrize("case_reopens", [True, False])
def test_a_settlement_whose_payment_came_back_is_not_called_complete(
    settled: Engine, case_reopens: bool
) -> None:
    with transaction(settled) as session:
        if case_reopens:
            paid = session.scalars(select(Entry).where(Entry.kind == "payment")).one()
            now = builders.at(ON + 2 * DAY, 8)
            reverse_entry(session, paid, reason="no funds", posted_on=ON + 2 * DAY, by=MEI, now=now)
            assert session.scalars(select(Plan)).one().status is PlanStatus.ACTIVE
        else:  # as of an account that was charged off before: its case stays closed
            session.scalars(select(Account)).one().status = AccountStatus.CHARGED_OFF
    builders.deliver(settled, builders.at(ON + 2 * DAY, 12))
    row = letter(settled, "settlement_completed")
    assert row.status is OutboxStatus.WITHHELD
    assert row.error in (
        "the settlement that it calls complete is not any more", "something is owed again on what was settled",
    )  # fmt: skip
    assert row.fallback_at is None


@pytest.mark.parametrize("paid", [True, False])
def test_fees_are_not_told_as_charged_where_a_payment_of_the_plan_turned_up(
    engine: Engine, paid: bool
) -> None:
    with transaction(engine) as session:
        plan = agree(session, a_case(session), HARDSHIP, LETTERS, **AS_MANAGER).plan
        cancel_agreement(session, plan, "they changed their mind", LETTERS, by=MEI, now=NOW)
        assert night(session, ON) == ["fees_charged_again"]
        if paid:
            builders.payment(
                session, the_card(session), 1_000, ON, posted_on=ON + DAY, now=builders.at(ON + DAY, 8)
            )
    builders.deliver(engine, builders.at(ON + DAY, 12))
    row = letter(engine, "fees_charged_again")
    assert row.status is (OutboxStatus.WITHHELD if paid else OutboxStatus.SENT), row.error
