"""Promises and plans: what they are split into, when they are kept, and what may follow what."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.events import PlanAccepted, PlanActivated, PlanOffered
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import (
    TRANSITIONS,
    Instalment,
    PlanStatus,
)
from app.casework.plans.service import accept, cancel, move_plan
from app.casework.plans.tracking.assessing import (
    Broken,
    InGrace,
    Kept,
    Running,
    assess,
)
from app.casework.plans.tracking.assessment import assess_due
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, DeskError, Invalid
from app.core.ids import id_of
from tests import builders
from tests.agreements import make_offer, monthly, offer_settlement, promise_to_pay

TODAY = date(2026, 3, 20)
TOLD = {"by": "user:ann", "today": TODAY, "now": builders.at(TODAY)}
DUE = date(2026, 4, 10)
PROMISE = [Instalment(1, DUE, 5_000)]
TWO = [Instalment(1, DUE, 3_000), Instalment(2, date(2026, 5, 10), 3_000)]


@pytest.mark.parametrize(
    ("parts", "payments", "today", "expected"),
    [
        (PROMISE, [], DUE - timedelta(days=1), Running(DUE)),
        (PROMISE, [], DUE, Running(DUE)),
        (PROMISE, [], DUE + timedelta(days=1), InGrace(1, 5_000, DUE + timedelta(days=3))),
        (PROMISE, [], DUE + timedelta(days=3), InGrace(1, 5_000, DUE + timedelta(days=3))),
        (PROMISE, [], DUE + timedelta(days=4), Broken(1, DUE, 5_000)),
        (PROMISE, [(DUE, 4_999)], DUE + timedelta(days=4), Broken(1, DUE, 1)),
        (PROMISE, [(DUE, 5_000)], DUE, Kept(DUE)),
        (PROMISE, [(DUE - timedelta(days=9), 5_000)], DUE - timedelta(days=8), Kept(DUE - timedelta(days=8))),
        (PROMISE, [(DUE + timedelta(days=3), 5_000)], DUE + timedelta(days=4), Kept(DUE + timedelta(days=4))),
        (PROMISE, [(DUE + timedelta(days=4), 5_000)], DUE + timedelta(days=4), Broken(1, DUE, 5_000)),
        (PROMISE, [(DUE, 2_000), (DUE, 3_000)], DUE, Kept(DUE)),
        (TWO, [(DUE, 3_000)], DUE + timedelta(days=20), Running(date(2026, 5, 10))),
        (TWO, [(DUE, 6_000)], DUE, Kept(DUE)),
        (TWO, [(DUE, 3_000)], date(2026, 5, 14), Broken(2, date(2026, 5, 10), 3_000)),
        (TWO, [(DUE, 4_000)], date(2026, 5, 14), Broken(2, date(2026, 5, 10), 2_000)),
    ],
)  # fmt: skip
def test_where_a_plan_stands(parts: list, payments: list, today: date, expected: object) -> None:
    assert assess(parts, payments, today=today, grace_days=3) == expected


def test_without_grace_the_day_after_breaks_it() -> None:
    assert assess(PROMISE, [], today=DUE, grace_days=0) == Running(DUE)
    assert assess(PROMISE, [], today=DUE + timedelta(days=1), grace_days=0) == Broken(1, DUE, 5_000)


def test_a_broken_plan_says_which_instalment_and_why() -> None:
    assert (
        Broken(2, DUE, 1).why
        == "instalment 2, due 2026-04-10, was not received in full within the grace period"
    )
    assert Broken(0, DUE, 1).why.startswith("the down payment, due 2026-04-10, was not received in full")


# --- on rows --------------------------------------------------------------------------------------


def a_case(session: Session, **changes: object) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=TODAY - timedelta(days=10), on=TODAY, **changes)


@pytest.mark.parametrize(("now", "to"), list(product(PlanStatus, PlanStatus)))
def test_only_the_moves_of_the_table_are_possible(
    sqlite_engine: Engine, now: PlanStatus, to: PlanStatus
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = Plan.model_validate(
            {
                "portfolio_id": case.portfolio_id, "case_id": case.id, "customer_id": case.customer_id,
                "kind": "promise", "status": now, "total_minor": 100, "offered_at": builders.NOW, "offered_by": "x",
            }
        )  # fmt: skip
        session.add(plan)
        session.flush()
        if to in TRANSITIONS[now]:
            move_plan(session, plan, to, by=Actor.user("ann"), now=builders.NOW)
            assert plan.status is to
        else:
            with pytest.raises(Conflict, match=f"{now.value} cannot become {to.value}"):
                move_plan(session, plan, to, by=Actor.user("ann"), now=builders.NOW)
            assert plan.status is now


def test_a_promise_is_active_at_once_and_on_record(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        plan = promise_to_pay(session, case, 5_000, TODAY + timedelta(days=5), **TOLD)
        assert (plan.status, plan.accepted_on, plan.assess_on) == (
            PlanStatus.ACTIVE,
            TODAY,
            TODAY + timedelta(days=5),
        )
        assert live_plan(session, id_of(case)) is plan
        kinds = [e["kind"] for e in builders.events(session, customer_id=case.customer_id)]
        assert kinds[-3:] == [PlanOffered.KIND, PlanAccepted.KIND, PlanActivated.KIND]


def test_a_plan_that_is_cancelled_says_why_and_wakes_the_case(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, next_contact_on=None)
        plan = promise_to_pay(session, case, 5_000, TODAY + timedelta(days=5), **TOLD)
        cancel(session, plan, " lost her job ", **TOLD)
        assert (plan.status, plan.why, plan.ended_on) == (PlanStatus.CANCELLED, "lost her job", TODAY)
        assert case.next_contact_on == TODAY
        assert live_plan(session, id_of(case)) is None
        promise_to_pay(session, case, 1_000, TODAY + timedelta(days=5), **TOLD)


@pytest.mark.parametrize(
    ("amount", "days", "error"),
    [
        (0, 5, Invalid),
        (-1, 5, Invalid),
        (100_001, 5, Invalid),
        (5_000, -1, Invalid),
        (5_000, 61, Invalid),
    ],
)
def test_promises_nobody_should_take_down(
    sqlite_engine: Engine, amount: int, days: int, error: type[DeskError]
) -> None:
    with transaction(sqlite_engine) as session, pytest.raises(error):
        promise_to_pay(session, a_case(session), amount, TODAY + timedelta(days=days), **TOLD)


@pytest.mark.parametrize("amount", [1, 100_000])
@pytest.mark.parametrize("days", [0, 60])
def test_promises_at_the_limits(sqlite_engine: Engine, amount: int, days: int) -> None:
    with transaction(sqlite_engine) as session:
        assert promise_to_pay(session, a_case(session), amount, TODAY + timedelta(days=days), **TOLD).id


def test_one_live_plan_a_case(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        offered = make_offer(session, case, monthly(6_000, 0, 3, TODAY), **TOLD)
        promise_to_pay(session, case, 5_000, TODAY + timedelta(days=5), **TOLD)
        with pytest.raises(Conflict):
            promise_to_pay(session, case, 5_000, TODAY + timedelta(days=6), **TOLD)
        with pytest.raises(Conflict):
            accept(session, offered, **TOLD)


@pytest.mark.parametrize(("days", "offered"), [(90, True), (91, False), (45_000, False)])
def test_a_plan_begins_soon_because_reminders_rest_while_it_runs(
    sqlite_engine: Engine, days: int, offered: bool
) -> None:
    first = TODAY + timedelta(days=days)
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        if offered:
            assert make_offer(session, case, monthly(6_000, 0, 2, first), **TOLD)
            return
        with pytest.raises(Invalid, match="within 90 days") as refused:
            make_offer(session, case, monthly(6_000, 0, 2, first), **TOLD)
        assert refused.value.field == "due_on"


def settle(session: Session, case: CollectionsCase, amount: int, days: int) -> Plan:
    by_then = TODAY + timedelta(days=days)
    return offer_settlement(session, case, amount, by_then, **TOLD)


def a_late_case(session: Session) -> CollectionsCase:
    return builders.delinquent_case(session, due_on=TODAY - timedelta(days=30), on=TODAY)


@pytest.mark.parametrize(
    ("amount", "days", "error"),
    [(0, 5, Invalid), (100_000, 5, Invalid), (50_000, -1, Invalid), (50_000, 91, Invalid)],
)
def test_settlements_nobody_should_offer(
    sqlite_engine: Engine, amount: int, days: int, error: type[DeskError]
) -> None:
    with transaction(sqlite_engine) as session, pytest.raises(error):
        settle(session, a_late_case(session), amount, days)


def test_an_offer_to_settle_that_is_not_paid_ends_and_nothing_is_let_off(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_late_case(session)
        plan = settle(session, case, 60_000, 10)
        with pytest.raises(Conflict, match="withdraw it if its letter has not left yet"):
            settle(session, case, 70_000, 10)
        [card] = session.scalars(select(Account)).all()
        builders.payment(session, card, 59_999, TODAY + timedelta(days=2))
        book = session.get_one(Portfolio, case.portfolio_id)
        for day, status in ((10, PlanStatus.OFFERED), (13, PlanStatus.OFFERED), (14, PlanStatus.CANCELLED)):
            on = TODAY + timedelta(days=day)
            assess_due(session, book, on, now=builders.at(on))
            assert (day, plan.status) == (day, status)
        assert card.status is AccountStatus.ACTIVE
        assert balance_of(session, id_of(card), on) == 40_001


def test_a_settlement_said_yes_to_counts_what_came_since_it_was_offered(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_late_case(session)
        plan = settle(session, case, 60_000, 10)
        [card] = session.scalars(select(Account)).all()
        builders.payment(session, card, 60_000, TODAY)
        later = TODAY + timedelta(days=1)
        accept(session, plan, by=Actor.user("ann"), today=later, now=builders.at(later))
        book = session.get_one(Portfolio, case.portfolio_id)
        assert assess_due(session, book, later, now=builders.at(later))["kept"] == 1
        assert (plan.accepted_on, plan.counts_from, card.status) == (later, TODAY, AccountStatus.SETTLED)


def test_an_offer_whose_first_date_has_passed_is_not_accepted(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = make_offer(session, a_case(session), monthly(6_000, 0, 3, TODAY), **TOLD)
        later = TODAY + timedelta(days=1)
        with pytest.raises(Conflict, match="stood until"):
            accept(session, plan, by=Actor.user("ann"), today=later, now=builders.at(later))
