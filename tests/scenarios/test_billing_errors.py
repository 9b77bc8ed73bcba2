"""Lives of a billing error through its cycle: what is charged, what is asked for, and what the letters say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import change_status
from app.actions.disputes.charges import settle_charges
from app.actions.disputes.deciding import decide_dispute
from app.actions.disputes.opening import change_what_is_disputed, open_dispute
from app.book.charges.rests import rests_of_dispute
from app.book.charges.rules import accrue
from app.book.charges.statements import ON_DISPUTED_PART
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.credits import granted_since
from app.book.ledger.corrections.waivers import left_to_waive, waive_as_agreed
from app.book.ledger.models import Account, Customer, Entry, Statement
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    Correction,
    Disputed,
    DisputeDecision,
    DisputeKind,
    DisputeOutcome,
    ReceivedAs,
)
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from app.outreach.outbox.models import OutboxMessage
from app.outreach.strategy.models import StrategyTask
from app.policy.composition import packs_for
from tests import builders

ZONE = "America/New_York"
FIRST = date(2026, 3, 2)
DAY = timedelta(days=1)
BOUGHT, CLOSED, RECEIVED, TOLD, PAID, DUE, DECIDED = (FIRST + n * DAY for n in (2, 4, 8, 10, 12, 16, 18))
OUTCOMES = (
    DisputeOutcome.UPHELD,
    DisputeOutcome.PARTLY,
    DisputeOutcome.REJECTED,
    DisputeOutcome.WITHDRAWN,
)
"""Each customer owes 1,000.00 of before, bought for 200.00, has a minimum of 250.00, and pays 50.00 in time."""
APR, OLD, WRONG, MINIMUM, CONCEDED, FEE = 240_000, 100_000, 20_000, 25_000, 12_000, 2_500


@dataclass
class Lives:
    disputed: dict[DisputeOutcome, int]
    silent: int
    """Bought the same and disputes nothing."""
    lucky: int
    """Never bought it."""


def a_life(session: Session, book: Portfolio, *, buys: bool) -> int:
    holder = builders.customer(session, book, country="US", timezone=ZONE, language="en", region="NY")
    card = builders.account(session, holder, apr_millionths=APR)
    builders.entry(session, card, EntryKind.OPENING_BALANCE, OLD, FIRST - 40 * DAY)
    builders.statement(session, card, FIRST - 27 * DAY, FIRST - 15 * DAY, 0)
    if buys:
        builders.entry(session, card, EntryKind.PURCHASE, WRONG, BOUGHT)
    builders.statement(session, card, CLOSED, DUE, MINIMUM if buys else MINIMUM - WRONG)
    builders.payment(session, card, MINIMUM - WRONG, PAID)
    return id_of(card)


def begun(engine: Engine) -> Lives:
    with transaction(engine) as session:
        terms: dict[str, Any] = {"currency": "USD", "timezone": ZONE, "pack": "us-first-party"}
        book = builders.portfolio(
            session, accrues=True, late_fee_minor=FEE, waive_limit_minor=100_000, **terms
        )
        lives = Lives({each: a_life(session, book, buys=True) for each in OUTCOMES}, 0, 0)
        lives.silent, lives.lucky = a_life(session, book, buys=True), a_life(session, book, buys=False)
        for card_id in lives.disputed.values():
            case_for(session, card_id)
    return lives


def case_for(session: Session, card_id: int) -> CollectionsCase:
    card = session.get_one(Account, card_id)
    made = CollectionsCase.model_validate(
        {
            "portfolio_id": card.portfolio_id, "customer_id": card.customer_id, "opened_on": FIRST,
            "past_due_minor": 0, "balance_minor": OLD, "now_past_due_minor": 0, "now_balance_minor": OLD,
        }
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def told(session: Session, card_id: int, received_on: date = RECEIVED, on: date = TOLD) -> Dispute:
    card = session.get_one(Account, card_id)
    case = session.scalars(
        select(CollectionsCase)
        .where(CollectionsCase.customer_id == card.customer_id)
        .order_by(col(CollectionsCase.id).desc())
    ).first() or case_for(session, card_id)
    bought = session.scalars(
        select(Entry).where(Entry.account_id == card_id, Entry.kind == EntryKind.PURCHASE)
    ).one()
    bill = session.scalars(
        select(Statement).where(Statement.account_id == card_id, Statement.closing_on == CLOSED)
    ).one()
    said = Disputed(DisputeKind.BILLING_ERROR, entry_id=bought.id, statement_id=bill.id)
    return open_dispute(
        session, case, said, "I never bought that", builders.catalog(), received_on=received_on,
        received_as=ReceivedAs.WRITTEN, by=Actor.user("ben"), now=builders.at(on, zone=ZONE),
    ).dispute  # fmt: skip


def interest(session: Session, card_id: int, through: date) -> int:
    """Interest that the account bore in all, of the days up to `through`."""
    entry = Entry
    query = select(sa.func.sum(col(entry.amount_minor))).where(
        entry.account_id == card_id,
        entry.source == "system",
        col(entry.reference).startswith("interest"),
        col(entry.effective_on) <= through,
    )
    return int(session.scalar(query) or 0)


def should_be(first_on: date | None, to_on: date | None, through: date, part: int = WRONG) -> int:
    """Interest of these days, if `part` of the purchase bore none on the days [first_on, to_on)."""
    book = [(FIRST - 40 * DAY, OLD), (BOUGHT, WRONG), (PAID, WRONG - MINIMUM)]
    if first_on is not None:
        book.append((first_on - DAY, -part))
        if to_on is not None:
            book.append((to_on - DAY, part))
    book.sort()
    found = accrue(book, first_on=FIRST, through=through, apr_millionths=APR, day_count=365)
    return found.before + found.last


def asked_for(session: Session, card_id: int, on: date) -> int:
    book = get_portfolio(session, builders.BOOK)
    return debt_now(session, book, session.get_one(Account, card_id).customer_id, on).past_due


def fees(session: Session, card_id: int) -> int:
    query = select(sa.func.count()).where(Entry.account_id == card_id, Entry.kind == EntryKind.FEE)
    return session.scalar(query) or 0


def letter_of(session: Session, dispute: Dispute) -> str:
    query = select(OutboxMessage).where(OutboxMessage.customer_id == dispute.customer_id)
    message = session.scalars(query.order_by(col(OutboxMessage.id).desc())).first()
    assert message is not None
    return " ".join(message.text.split())


def test_a_billing_error_bears_nothing_while_it_is_open_and_is_settled_with_its_decision(
    engine: Engine,
) -> None:
    lives = begun(engine)
    builders.close_day(engine, FIRST)
    builders.close_day(engine, TOLD - DAY)
    with transaction(engine) as session:
        for card_id in lives.disputed.values():
            before = interest(session, card_id, TOLD - DAY)
            assert before == should_be(None, None, TOLD - DAY)
            dispute = told(session, card_id)
            given_back = should_be(None, None, TOLD - DAY) - should_be(RECEIVED, None, TOLD - DAY)
            assert dispute.charges_credited_minor == given_back > 0, "two days since the notice came"
            assert "nor any interest or late fees on it" in letter_of(session, dispute)
    builders.close_day(engine, DECIDED - DAY)
    with transaction(engine) as session:
        assert fees(session, lives.silent) == 1
        for card_id in lives.disputed.values():
            assert interest(session, card_id, DECIDED - DAY) == should_be(RECEIVED, None, DECIDED - DAY)
            assert fees(session, card_id) == 0, "nobody had to pay the disputed 200.00 of the 250.00"
            assert asked_for(session, card_id, DECIDED) == 0
        assert asked_for(session, lives.silent, DECIDED) == WRONG
        disputes = {
            outcome: session.scalars(select(Dispute).where(Dispute.account_id == card_id)).one()
            for outcome, card_id in lives.disputed.items()
        }
        for outcome, dispute in disputes.items():
            part = CONCEDED if outcome is DisputeOutcome.PARTLY else None
            decision = DisputeDecision(outcome, "The shop told us.", part)
            decide_dispute(
                session, dispute, decision, builders.catalog(), role=Role.MANAGER,
                by=Actor.user("ben"), now=builders.at(DECIDED, zone=ZONE),
            )  # fmt: skip
        _assert_told(session, disputes)
        pay_by = disputes[DisputeOutcome.REJECTED].pay_by
        assert pay_by == DECIDED + 12 * DAY, "as many days as from a closing to its due date; more than ten"
    _assert_charged(engine, lives, pay_by)


def _assert_told(session: Session, disputes: dict[DisputeOutcome, Dispute]) -> None:
    """At once: upheld bore nothing at all since it was bought; rejected bears all of it, and has time to pay."""
    last = DECIDED - DAY
    all_of_it = should_be(None, None, last)
    upheld, partly = disputes[DisputeOutcome.UPHELD], disputes[DisputeOutcome.PARTLY]
    rejected, withdrawn = disputes[DisputeOutcome.REJECTED], disputes[DisputeOutcome.WITHDRAWN]
    at_first = should_be(None, None, TOLD - DAY) - should_be(RECEIVED, None, TOLD - DAY)
    given_back = at_first + should_be(RECEIVED, None, last) - should_be(BOUGHT + DAY, None, last)
    assert (upheld.charges_credited_minor, upheld.charges_made_minor) == (given_back, 0)
    assert f"{given_back / 100:.2f}" in letter_of(session, upheld)
    made = all_of_it - should_be(RECEIVED, None, last)
    assert rejected.charges_made_minor == made > 0
    assert f"Interest of ${made / 100:.2f} on it is added" in letter_of(session, rejected)
    assert rejected.left_out_minor == WRONG + made
    assert (withdrawn.charges_made_minor, withdrawn.left_out_minor, withdrawn.pay_by) == (0, 0, None)
    assert partly.left_out_minor == WRONG - CONCEDED + partly.charges_made_minor
    assert 0 < partly.charges_made_minor < made
    assert f"{partly.charges_made_minor / 100:.2f}" in letter_of(session, partly)


def _assert_charged(engine: Engine, lives: Lives, pay_by: date) -> None:
    """Until the days to pay are over nothing more is borne by it, and nobody asks for it; then all goes on."""
    last = pay_by + 2 * DAY
    builders.close_day(engine, pay_by - DAY)
    with transaction(engine) as session:
        rejected = lives.disputed[DisputeOutcome.REJECTED]
        assert asked_for(session, rejected, pay_by) == 0
        charged = interest(session, rejected, pay_by - DAY)
    builders.close_day(engine, last)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert thorough(session, book) == []
        upheld = lives.disputed[DisputeOutcome.UPHELD]
        lucky = balance_of(session, lives.lucky, last)
        assert balance_of(session, upheld, last) == lucky, "as if it had never been bought"
        assert asked_for(session, upheld, last) == 0
        assert charged < interest(session, rejected, last)
        dispute = session.scalars(select(Dispute).where(Dispute.account_id == rejected)).one()
        credited = dispute.charges_credited_minor
        assert asked_for(session, rejected, last) == WRONG - credited, "the rest of the minimum, no late fee"
        assert [fees(session, card_id) for card_id in lives.disputed.values()] == [0, 0, 0, 0]
        withdrawn = lives.disputed[DisputeOutcome.WITHDRAWN]
        assert interest(session, withdrawn, last) == should_be(RECEIVED, DECIDED, last)


def test_a_billing_error_that_ends_otherwise_charges_nobody_for_nothing(engine: Engine) -> None:
    """One of an account that is sold, one that was identity theft, one about less, and one whose law is no more."""
    lives = begun(engine)
    upheld, partly, rejected, withdrawn = lives.disputed.values()
    builders.close_day(engine, FIRST)
    builders.close_day(engine, TOLD - DAY)
    with transaction(engine) as session:
        for card_id in lives.disputed.values():
            told(session, card_id)
    builders.close_day(engine, DECIDED - DAY)
    last = DECIDED - DAY
    who: dict[str, Any] = {"by": Actor.user("ben"), "now": builders.at(DECIDED, zone=ZONE)}
    with transaction(engine) as session:
        disputes = {
            card_id: session.scalars(select(Dispute).where(Dispute.account_id == card_id)).one()
            for card_id in lives.disputed.values()
        }
        sold = session.get_one(Account, rejected)
        change_status(session, sold, AccountStatus.SOLD, DECIDED, "portfolio sale", **who)
        assert granted_since(session, sold.customer_id, FIRST) == 0, "a sale is no credit by hand"
        no = DisputeDecision(DisputeOutcome.REJECTED, "The shop told us.")
        decide_dispute(session, disputes[rejected], no, builders.catalog(), role=Role.MANAGER, **who)
        assert disputes[rejected].charges_made_minor == 0
        assert balance_of(session, rejected, DECIDED) == 0

        stolen = Disputed(DisputeKind.IDENTITY)
        change_what_is_disputed(
            session, disputes[partly], stolen, "a police report", builders.catalog(), **who
        )
        assert interest(session, partly, DECIDED) == should_be(RECEIVED, None, last)

        old = disputes[upheld]
        less = Disputed(
            DisputeKind.BILLING_ERROR,
            amount_minor=1_000,
            entry_id=old.entry_id,
            statement_id=old.statement_id,
        )
        change_what_is_disputed(session, old, less, "only the tip", builders.catalog(), **who)
        yes = DisputeDecision(DisputeOutcome.UPHELD, "The shop told us.")
        decide_dispute(session, old, yes, builders.catalog(), role=Role.MANAGER, **who)
        on_it = should_be(None, None, last) - should_be(BOUGHT + DAY, None, last, 1_000)
        assert 0 <= old.charges_credited_minor <= on_it + 1, "not what was credited on the 200.00"

        book = get_portfolio(session, builders.BOOK)
        holder = session.get_one(Customer, disputes[withdrawn].customer_id)
        without = replace(packs_for(book, holder), disputes=None)
        settle_charges(
            session, disputes[withdrawn], without, DisputeOutcome.REJECTED, 0, Correction.HERE, None, None,
            today=DECIDED, **who,
        )  # fmt: skip
        assert all(each.to_on for each in rests_of_dispute(session, id_of(disputes[withdrawn]), withdrawn))

        is_fee = Entry.account_id == lives.silent, Entry.kind == EntryKind.FEE
        fee = session.scalars(select(Entry).where(*is_fee)).one()
        waive_as_agreed(session, fee, 1_000, ON_DISPUTED_PART, **who)
        told(session, lives.silent, on=DECIDED)
        assert left_to_waive(session, fee) == 0, "what an earlier dispute waived of it is no bar"


@pytest.mark.parametrize(("days", "is_in_time"), [(59, True), (60, True), (61, False)])
def test_a_notice_counts_sixty_days_from_the_first_statement_with_the_error(
    engine: Engine, days: int, is_in_time: bool
) -> None:
    on = CLOSED + days * DAY
    with transaction(engine) as session:
        terms: dict[str, Any] = {"currency": "USD", "timezone": ZONE, "pack": "us-first-party"}
        card_id = a_life(session, builders.portfolio(session, **terms), buys=True)
        if not is_in_time:
            with pytest.raises(Invalid, match="had to be told by"):
                told(session, card_id, on, on)
            return
        dispute = told(session, card_id, on, on)
        assert dispute.acknowledge_by == on + 30 * DAY
        assert dispute.answer_by <= on + 90 * DAY


def test_where_the_creditor_charges_the_interest_a_person_has_it_rest_and_credited(engine: Engine) -> None:
    with transaction(engine) as session:
        terms: dict[str, Any] = {"currency": "USD", "timezone": ZONE, "pack": "us-first-party"}
        book = builders.portfolio(session, waive_limit_minor=100_000, **terms)
        dispute = told(session, a_life(session, book, buys=True), TOLD, TOLD)
        before = session.scalar(select(sa.func.count()).select_from(Entry))
        decide_dispute(
            session, dispute, DisputeDecision(DisputeOutcome.PARTLY, "The shop told us.", CONCEDED),
            builders.catalog(), role=Role.MANAGER, by=Actor.user("ben"), now=builders.at(DECIDED, zone=ZONE),
        )  # fmt: skip
        after = session.scalar(select(sa.func.count()).select_from(Entry))
        assert after == (before or 0) + 1, "the credit of what was conceded alone"
        tasks = session.scalars(
            select(StrategyTask)
            .where(StrategyTask.step == DeskStep.DISPUTED_CHARGES)
            .order_by(col(StrategyTask.id))
        )
        at_first, at_last = (task.text for task in tasks)
        assert f"no interest and no late fees on USD 200.00 from {TOLD} on" in at_first
        assert f"credit all interest and late fees on USD 120.00 since {BOUGHT + DAY}" in at_last
        assert f"no further interest on USD 80.00 and no late fees before {DECIDED + 13 * DAY}" in at_last
        assert (dispute.charges_credited_minor, dispute.charges_made_minor) == (0, 0)
