"""Nights over many agreements: what the sweep finds in sets is what judging each one finds."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.delinquency.service import fold_accounts, schedule_later_changes, stale_accounts
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanAccount, PlanChange, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import InstalmentChange, PlanKind, PlanStatus
from app.casework.plans.tracking.assessing import Broken, InGrace, Kept, Running, assess
from app.casework.plans.tracking.assessment import assess_due
from app.casework.plans.tracking.payments import payments_of
from app.casework.plans.tracking.sweep import due_plans, locked_plans, set_assess_on
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.operations.invariants.agreements import (
    instalment_changes_are_agreed,
    kept_plans_have_their_money,
)
from tests import builders

START = date(2026, 3, 2)
DAY = timedelta(days=1)
NIGHTS = 36


def a_plan(session: Session, dice: random.Random, kind: PlanKind = PlanKind.INSTALMENTS) -> Plan:
    case = builders.delinquent_case(session, due_on=START - 10 * DAY, on=START - DAY, balance=1_000_000)
    count, amount = dice.randint(1, 4), dice.choice([500, 1_000])
    plan = Plan(
        portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id, kind=kind,
        status=PlanStatus.ACTIVE, total_minor=count * amount, offered_at=builders.at(START), offered_by="user:ann",
        accepted_on=START, assess_on=START + 5 * DAY, grace_days=dice.choice([0, 3, 7]),
        tolerance_minor=dice.choice([0, 0, 50]),
    )  # fmt: skip
    session.add(plan)
    session.flush()
    for n in range(1, count + 1):
        skipped = count == 4 and n == 2
        session.add(
            PlanInstalment(
                plan_id=id_of(plan),
                n=n,
                due_on=START + (5 + 7 * (n - 1)) * DAY,
                amount_minor=amount,
                is_skipped=skipped,
            )  # fmt: skip
        )
    session.flush()
    return plan


def night(session: Session, portfolio: Portfolio, on: date) -> dict[str, int]:
    """What a business day does before and with agreements."""
    fold_accounts(session, portfolio, stale_accounts(session, id_of(portfolio), on), through=on)
    schedule_later_changes(session, id_of(portfolio), on)
    return assess_due(session, portfolio, on, now=builders.night_after(on))


@pytest.mark.parametrize("seed", range(2))
def test_a_night_in_sets_judges_as_one_by_one(engine: Engine, seed: int) -> None:
    dice = random.Random(seed)
    with transaction(engine) as session:
        plans = [
            a_plan(session, dice, dice.choice([PlanKind.INSTALMENTS, PlanKind.HARDSHIP])) for _ in range(25)
        ]
        portfolio = session.scalars(select(Portfolio)).one()
        cards = {card.customer_id: card for card in session.scalars(select(Account))}
        parts = instalments_of(session, [id_of(plan) for plan in plans])
        ended: dict[int, type] = {}
        for on in (START + n * DAY for n in range(NIGHTS)):
            for plan in plans:
                if dice.random() < 0.12:
                    amount = dice.choice([450, 500, 970, 1_000])
                    builders.payment(
                        session, cards[plan.customer_id], amount, on - dice.choice([0, 0, 1]) * DAY
                    )
            night(session, portfolio, on)
            came = payments_of(session, list(parts), on)
            for plan in plans:
                if plan.id in ended:
                    continue
                expected = assess(
                    parts[id_of(plan)], [(each.on, each.amount) for each in came.get(id_of(plan), [])], today=on,
                    grace_days=plan.grace_days, tolerance=plan.tolerance_minor,
                )  # fmt: skip
                match expected:
                    case Running(next_due_on=day) | InGrace(until=day):
                        assert (plan.status, plan.assess_on) == (PlanStatus.ACTIVE, day), (on, plan)
                    case Kept():
                        assert (plan.status, plan.ended_on) == (PlanStatus.KEPT, on), (on, plan)
                        ended[id_of(plan)] = Kept
                    case Broken(n=n):
                        assert (plan.status, plan.broken_instalment) == (PlanStatus.BROKEN, n), (on, plan)
                        ended[id_of(plan)] = Broken
        assert {Kept, Broken} <= set(ended.values())
        assert len(ended) == len(plans)
        assert list(kept_plans_have_their_money(session, portfolio)) == []
        broken = sum(plan.status is PlanStatus.BROKEN for plan in plans)
        assert broken == sum(case.broken_promises for case in session.scalars(select(CollectionsCase)))


def test_a_night_is_few_statements_however_many_agreements(engine: Engine) -> None:
    dice, said = random.Random(7), []

    def count(*told: object) -> None:
        said.append(str(told[2]))

    with transaction(engine) as session:
        for _ in range(30):
            a_plan(session, dice)
        portfolio = session.scalars(select(Portfolio)).one()
        sa.event.listen(engine, "before_cursor_execute", count)
        try:
            counts = assess_due(
                session, portfolio, START + 6 * DAY, now=builders.night_after(START + 6 * DAY)
            )
        finally:
            sa.event.remove(engine, "before_cursor_execute", count)
        assert counts["in_grace"] + counts["broken"] == 30
        # Ended ones lock each customer's stream; everything else is in sets.
        assert len([text for text in said if "stream" not in text.lower()]) <= 40, said


def test_a_hardship_plan_is_kept_by_a_balance_that_is_gone(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session, random.Random(1), PlanKind.HARDSHIP)
        portfolio = session.scalars(select(Portfolio)).one()
        [card] = session.scalars(select(Account)).all()
        assert night(session, portfolio, START)["kept"] == 0
        assert plan.status is PlanStatus.ACTIVE, "a plan without accounts of its own still owes"
        builders.payment(session, card, 1_000_000, START + DAY)
        assert night(session, portfolio, START + DAY)["kept"] == 1


def test_a_settlement_in_several_payments_begins_with_the_first(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session, random.Random(1), PlanKind.SETTLEMENT)
        for part in session.scalars(select(PlanInstalment)):
            session.delete(part)
        session.flush()
        for n in range(1, 4):
            session.add(
                PlanInstalment(plan_id=id_of(plan), n=n, due_on=START + 10 * n * DAY, amount_minor=10_000)
            )
        plan.status, plan.total_minor, plan.accepted_on, plan.grace_days = PlanStatus.OFFERED, 30_000, None, 3
        [card] = session.scalars(select(Account)).all()
        session.add(PlanAccount(plan_id=id_of(plan), account_id=id_of(card)))
        portfolio = session.scalars(select(Portfolio)).one()
        builders.payment(session, card, 9_999, START + DAY)
        night(session, portfolio, START + DAY)
        assert plan.status is PlanStatus.OFFERED
        builders.payment(session, card, 1, START + 2 * DAY)
        night(session, portfolio, START + 2 * DAY)
        assert (plan.status, plan.assess_on) == (PlanStatus.ACTIVE, START + 20 * DAY)
        assert (plan.accepted_on, plan.counts_from) == (START + 2 * DAY, START), "the day it was paid in full"


def test_the_invariants_find_what_is_wrong(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_plan(session, random.Random(1))
        portfolio = session.scalars(select(Portfolio)).one()
        parts = session.scalars(select(PlanInstalment)).all()
        parts[-1].is_skipped = True
        at = builders.at(START)
        session.add(
            PlanChange(
                plan_id=id_of(plan),
                n=1,
                change=InstalmentChange.MOVED,
                from_on=START,
                to_on=START,
                by="x",
                at=at,
            )  # fmt: skip
        )
        plan.status, plan.ended_on = PlanStatus.KEPT, START
        session.flush()
        assert len(list(kept_plans_have_their_money(session, portfolio))) == 1
        found = list(instalment_changes_are_agreed(session, portfolio))
        assert any("no change says so" in row for row in found)
        assert any("the last instalment is skipped" in row for row in found)
        assert any("1 instalments skipped, 0 agreed" in row or "agreed" in row for row in found)


def test_a_night_does_not_overwrite_what_people_did_meanwhile(engine: Engine) -> None:
    with transaction(engine) as session:
        plans = [a_plan(session, random.Random(n)) for n in range(3)]
        portfolio = session.scalars(select(Portfolio)).one()
        due = due_plans(session, portfolio, START + 5 * DAY)
        assert [plan.id for plan in due] == [plan.id for plan in plans]
        moved, cancelled, untouched = plans
        moved.assess_on, cancelled.status = START + 9 * DAY, PlanStatus.CANCELLED
        session.flush()
        assert [plan.id for plan in locked_plans(session, due)] == [moved.id, untouched.id]
        set_assess_on(session, due, {plan.id: START + 6 * DAY for plan in due})
        assert [plan.assess_on for plan in plans] == [START + 9 * DAY, START + 5 * DAY, START + 6 * DAY]
