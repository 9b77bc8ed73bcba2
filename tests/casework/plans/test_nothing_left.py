"""An agreement with nothing left to pay is kept or pointless, never broken; money by any name counts toward it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.models import Account
from app.book.ledger.rules import EntryKind
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import Instalment, PlanStatus
from app.casework.plans.service import accept
from app.casework.plans.tracking.assessing import (
    NOTHING_OWED,
    Broken,
    Kept,
    Pointless,
    Running,
    assess,
)
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.agreements import make_offer, monthly, offer_settlement, promise_to_pay

DAY = timedelta(days=1)
DUE = date(2026, 3, 10)
TODAY = DUE + 11 * DAY
SAID = {"by": "user:ann", "today": TODAY, "now": builders.at(TODAY)}


@pytest.mark.parametrize(
    ("paid", "nothing_left", "expected"),
    [
        (0, False, Broken(1, DUE, 500)),
        (0, True, Pointless(DUE + 9 * DAY)),
        (499, False, Broken(1, DUE, 1)),
        (1, True, Kept(DUE + 9 * DAY, NOTHING_OWED)),
        (499, True, Kept(DUE + 9 * DAY, NOTHING_OWED)),
        (500, True, Kept(DUE + 9 * DAY)),
        (501, False, Kept(DUE + 9 * DAY)),
    ],
)
def test_short_but_nothing_left(paid: int, nothing_left: bool, expected: object) -> None:
    payments = [(DUE, paid)] if paid else []
    found = assess(
        [Instalment(1, DUE, 500)], payments, today=DUE + 9 * DAY, grace_days=3, nothing_left=nothing_left
    )
    assert found == expected


def test_before_its_day_it_runs_as_long_as_something_is_left() -> None:
    part = [Instalment(1, DUE, 500)]
    assert assess(part, [], today=DUE - DAY, grace_days=3) == Running(DUE)


def promised(engine: Engine, amount: int = 5_000) -> int:
    """Anna is late with 50.00 of 1,000.00 and promises on TODAY to pay in ten days; her account's id."""
    with transaction(engine) as session:
        card_id = id_of(builders.late_customer(session, builders.portfolio(session), due_on=DUE))
    builders.close_day(engine, TODAY - DAY)
    with transaction(engine) as session:
        promise_to_pay(session, case_of(session), amount, TODAY + 10 * DAY, **SAID)
    return card_id


def case_of(session: Session) -> CollectionsCase:
    return session.scalars(select(CollectionsCase)).one()


def after(engine: Engine, days: int) -> tuple[PlanStatus, str, int, CaseStatus]:
    """Status and reason of the plan, broken promises and status of the case, that many days after TODAY."""
    builders.close_day(engine, TODAY + days * DAY)
    with transaction(engine) as session:
        plan, case = session.scalars(select(Plan)).one(), case_of(session)
        return plan.status, plan.why, case.broken_promises, case.status


@pytest.mark.parametrize("kind", [EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CREDIT, EntryKind.RECOVERY])
def test_what_came_by_any_name_keeps_a_promise(engine: Engine, kind: EntryKind) -> None:
    card_id = promised(engine)
    with transaction(engine) as session:
        builders.entry(session, session.get_one(Account, card_id), kind, 5_000, TODAY + 2 * DAY)
    assert after(engine, 3) == (PlanStatus.KEPT, "", 0, CaseStatus.CLOSED)


def test_who_pays_all_that_is_past_due_keeps_a_larger_promise(engine: Engine) -> None:
    card_id = promised(engine, amount=20_000)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card_id), 5_000, TODAY + 2 * DAY)
    assert after(engine, 20) == (PlanStatus.KEPT, NOTHING_OWED, 0, CaseStatus.CLOSED)


def test_a_debt_that_was_corrected_away_ends_a_promise_without_blame(engine: Engine) -> None:
    card_id = promised(engine)
    with transaction(engine) as session:
        builders.entry(
            session, session.get_one(Account, card_id), EntryKind.ADJUSTMENT, -100_000, TODAY + 2 * DAY
        )
    assert after(engine, 20) == (PlanStatus.CANCELLED, NOTHING_OWED, 0, CaseStatus.CLOSED)


def test_a_promise_that_is_really_short_is_broken(engine: Engine) -> None:
    card_id = promised(engine)
    with transaction(engine) as session:
        builders.payment(session, session.get_one(Account, card_id), 4_999, TODAY + 2 * DAY)
    status, _, broken, case = after(engine, 20)
    assert (status, broken, case) == (PlanStatus.BROKEN, 1, CaseStatus.OPEN)


def test_a_waived_fee_pays_no_promise(engine: Engine) -> None:
    card_id = promised(engine)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        fee = builders.entry(session, card, EntryKind.FEE, 4_000, TODAY)
        waive(
            session,
            fee,
            4_000,
            "goodwill",
            by=Actor.user("mei"),
            role=Role.MANAGER,
            now=builders.at(TODAY + DAY),
        )
        builders.payment(session, card, 1_000, TODAY + 2 * DAY)
        builders.statement(session, card, TODAY, TODAY + 15 * DAY, 5_000)
    status, _, broken, _ = after(engine, 20)
    assert (status, broken) == (PlanStatus.BROKEN, 1)


def test_a_refund_settles_what_was_offered_for_settlement(engine: Engine) -> None:
    with transaction(engine) as session:
        card_id = builders.late_customer(session, builders.portfolio(session), due_on=DUE).id
    builders.close_day(engine, TODAY - DAY)
    with transaction(engine) as session:
        offer_settlement(session, case_of(session), 60_000, TODAY + 10 * DAY, **SAID)
        card = session.get_one(Account, card_id)
        builders.payment(session, card, 20_000, TODAY + 2 * DAY)
        builders.entry(session, card, EntryKind.REFUND, 40_000, TODAY + 2 * DAY)
    assert after(engine, 3)[0] is PlanStatus.KEPT
    with transaction(engine) as session:
        assert session.get_one(Account, card_id).status.value == "settled"


def test_a_promise_outlives_the_charge_off_and_recoveries_keep_it(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, charge_off_days=15)
        card_id = builders.late_customer(session, book, due_on=DUE).id
    builders.close_day(engine, TODAY - DAY)
    with transaction(engine) as session:
        promise_to_pay(session, case_of(session), 5_000, TODAY + 10 * DAY, **SAID)
    assert after(engine, 5)[0] is PlanStatus.ACTIVE, "charged off on the fourth day: off the book, not paid"
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        assert card.status.value == "charged_off"
        on = TODAY + 7 * DAY
        paid = post_by_hand(
            session,
            card,
            EntryKind.PAYMENT,
            5_000,
            on,
            "",
            by=Actor.user("ann"),
            role=Role.AGENT,
            now=builders.at(on),
        )
        assert paid.kind is EntryKind.RECOVERY
    assert after(engine, 8)[:3] == (PlanStatus.KEPT, "", 0)


def test_nothing_is_agreed_on_when_nothing_is_owed_now(engine: Engine) -> None:
    """Also not by an offer that was made before the payment of a minute ago."""
    with transaction(engine) as session:
        card_id = builders.late_customer(session, builders.portfolio(session), due_on=DUE).id
    builders.close_day(engine, TODAY - DAY)
    with transaction(engine) as session:
        case = case_of(session)
        offer = make_offer(session, case, monthly(5_000, 0, 2, TODAY + 5 * DAY), **SAID)
        builders.payment(session, session.get_one(Account, card_id), 5_000, TODAY)
        sentence = f"Nothing is past due and owed on case {case.reference} now"
        with pytest.raises(Conflict, match=sentence):
            accept(session, offer, **SAID)
        with pytest.raises(Conflict, match=sentence):
            promise_to_pay(session, case, 1_000, TODAY + 5 * DAY, **SAID)
        with pytest.raises(Conflict, match=sentence):
            make_offer(session, case, monthly(5_000, 0, 2, TODAY + 5 * DAY), **SAID)


def test_what_is_overpaid_on_one_card_makes_no_promise_on_another_too_large(engine: Engine) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(session, builders.portfolio(session), due_on=DUE)
        other = builders.account(session, session.get_one(builders.Customer, card.customer_id))
        builders.payment(session, other, 90_000, DUE)
    builders.close_day(engine, TODAY - DAY)
    with transaction(engine) as session:
        assert promise_to_pay(session, case_of(session), 50_000, TODAY + 5 * DAY, **SAID).id
