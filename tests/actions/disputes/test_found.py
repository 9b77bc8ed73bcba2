"""A payment that a customer said they had made ends their dispute once it is posted, with its letter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.corrections import post_by_hand, reverse_entry
from app.actions.disputes.found import payments_found
from app.actions.disputes.opening import open_dispute
from app.book.delinquency.models import DisputedAmount
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import Disputed, DisputeKind, DisputeOutcome, ReceivedAs
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from tests import builders

ON, DAY = date(2026, 6, 1), timedelta(days=1)
PAID_ON = ON - timedelta(days=3)
NOW = builders.at(ON)
LATER: Any = {"by": Actor.user("ben"), "role": Role.MANAGER, "now": NOW + timedelta(hours=1)}


def a_dispute(session: Session, **given: Any) -> Dispute:
    """300.00 is past due; the customer says that 50.00 of it was paid on 29 May."""
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=10), on=ON - DAY, minimum=30_000)
    card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
    about = {"amount_minor": 5_000, "paid_on": PAID_ON, **given}
    said = Disputed(DisputeKind.ALREADY_PAID, card.id, **about)
    return open_dispute(
        session, case, said, "paid it on Friday", builders.catalog(), received_on=ON,
        received_as=ReceivedAs.ORAL, by=Actor.user("ben"), now=NOW,
    ).dispute  # fmt: skip


def posted(session: Session, dispute: Dispute, amount: int, on: date) -> Entry:
    card = session.get_one(Account, dispute.account_id)
    return post_by_hand(session, card, EntryKind.PAYMENT, amount, on, "", **LATER)


@pytest.mark.parametrize(
    ("given", "amount", "on", "found"),
    [
        ({}, 4_999, PAID_ON, False),
        ({}, 5_000, PAID_ON, True),
        ({}, 5_001, PAID_ON, True),
        ({}, 5_000, PAID_ON - timedelta(days=5), True),
        ({}, 5_000, PAID_ON - timedelta(days=6), False),
        ({"paid_on": None}, 5_000, ON, True),
        ({"paid_on": None, "amount_minor": None}, 5_000, ON, False),
    ],
)
def test_the_payment_ends_the_dispute(
    engine: Engine, given: dict[str, Any], amount: int, on: date, found: bool
) -> None:
    with transaction(engine) as session:
        dispute = a_dispute(session, **given)
        entry = posted(session, dispute, amount, on) if dispute.account_id else None
        assert (dispute.outcome is DisputeOutcome.UPHELD) is found
        if found:
            assert entry is not None
            assert (dispute.correction_id, dispute.conceded_minor, dispute.left_out_minor) == (
                entry.id,
                5_000,
                0,
            )
            assert session.scalars(select(DisputedAmount)).all() == []
            book = session.get_one(Portfolio, dispute.portfolio_id)
            assert debt_now(session, book, dispute.customer_id, ON).past_due == 30_000 - amount
            assert session.scalars(select(Entry).where(Entry.kind == EntryKind.CREDIT)).all() == []


def test_a_later_payment_is_another_one(engine: Engine) -> None:
    """What comes weeks after the day they named pays what is owed, and says nothing about the disputed sum."""
    with transaction(engine) as session:
        dispute = a_dispute(session, paid_on=ON - timedelta(days=20))
        posted(session, dispute, 5_000, ON)
        assert dispute.is_open
        book = session.get_one(Portfolio, dispute.portfolio_id)
        assert debt_now(session, book, dispute.customer_id, ON).past_due == 20_000


def test_one_payment_ends_one_dispute_and_a_bounced_one_none(engine: Engine) -> None:
    with transaction(engine) as session:
        first = a_dispute(session)
        case = session.get_one(CollectionsCase, first.case_id)
        again = Disputed(DisputeKind.ALREADY_PAID, first.account_id, 5_000, paid_on=PAID_ON)
        second = open_dispute(
            session, case, again, "and once more", builders.catalog(), received_on=ON,
            received_as=ReceivedAs.ORAL, by=Actor.user("ben"), now=NOW,
        ).dispute  # fmt: skip
        posted(session, first, 5_000, PAID_ON)
        assert (first.is_open, second.is_open) == (False, True)
        card, about = session.get_one(Account, first.account_id), {"now": LATER["now"]}
        bounced = builders.payment(session, card, 5_000, PAID_ON, **about)
        book = session.get_one(Portfolio, first.portfolio_id)
        assert [each.dispute_id for each in payments_found(session, book)] == [second.id]
        reverse_entry(session, bounced, "bounced", by=LATER["by"], now=LATER["now"])
        assert payments_found(session, book) == []


def test_the_night_ends_it_and_writes_once(engine: Engine) -> None:
    """The creditor's file brings the payment; nobody has to look for it."""
    with transaction(engine) as session:
        dispute_id = a_dispute(session).id
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        dispute = session.get_one(Dispute, dispute_id)
        card = session.get_one(Account, dispute.account_id)
        builders.payment(session, card, 5_000, PAID_ON, posted_on=ON, now=builders.at(ON, 20))
    for on in (ON, ON + DAY):
        builders.close_day(engine, on)
    with transaction(engine) as session:
        dispute = session.get_one(Dispute, dispute_id)
        assert (dispute.outcome, dispute.decided_by) == (DisputeOutcome.UPHELD, SYSTEM)
    told = [each for each in builders.messages(engine) if each.letter == "dispute_upheld"]
    assert len(told) == 1
    assert "Your payment of" in told[0].text
    assert "Our reasons" not in told[0].text
