"""A trained model is a version on record: used, replayed, shown by command, API and page."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.risk.events import RiskModelTrained
from app.casework.risk.queries import chance_for, latest_version, outcomes_of, risk_model
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.reporting.risk.service import train_risk_model
from tests import builders

CLOSED = date(2026, 6, 30)
BEGIN = date(2025, 7, 1)
NOW = builders.at(CLOSED + timedelta(days=1))
BY = Actor.system("cli")


def plans(session: Session, case: CollectionsCase, count: int, first: date) -> None:
    """Ended plans: those with a larger payment than the customer made before break far more often."""
    dice = random.Random(4)  # noqa: S311 - a repeatable world
    for n in range(count):
        accepted_on = first + timedelta(days=n * 330 // count)
        amount, payments = dice.choice([500, 40_000]), dice.choice([2, 4])
        broken = next(
            (k for k in range(1, payments + 1) if dice.random() < (0.5 if amount > 500 else 0.06)), None
        )
        plan = Plan(
            portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id,
            kind=PlanKind.INSTALMENTS, total_minor=amount * payments, offered_at=builders.at(accepted_on),
            offered_by="user:ann", accepted_on=accepted_on, ended_on=accepted_on + timedelta(days=7 * payments + 5),
            status=PlanStatus.BROKEN if broken else PlanStatus.KEPT, broken_instalment=broken,
            cadence=Cadence.WEEKLY, grace_days=3,
        )  # fmt: skip
        session.add(plan)
        session.flush()
        session.add_all(
            PlanInstalment(
                plan_id=id_of(plan), n=k, due_on=accepted_on + timedelta(days=7 * k), amount_minor=amount
            )
            for k in range(1, payments + 1)
        )


def a_year(engine: Engine, count: int) -> None:
    with transaction(engine) as session:
        card = builders.late_customer(
            session, builders.portfolio(session, charge_off_days=0), due_on=date(2025, 6, 10)
        )
        for month in range(14):
            builders.payment(session, card, 300, date(2025, 5, 3) + timedelta(days=30 * month))
    builders.close_day(engine, CLOSED)
    with transaction(engine) as session:
        plans(session, session.scalars(select(CollectionsCase)).one(), count, BEGIN)


def test_before_the_first_closed_day_the_error_says_what_to_do(engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(Conflict, match="desk day"):
        train_risk_model(session, builders.portfolio(session), by=BY, now=NOW)


def test_a_model_is_trained_used_and_on_record(engine: Engine) -> None:
    a_year(engine, 400)
    with transaction(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        version = train_risk_model(session, portfolio, by=BY, now=NOW)
        assert version.is_used, version.why
    with reading(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        model = risk_model(session, id_of(portfolio))
        assert model.label == "model 1"
        [told] = builders.events(session, RiskModelTrained.KIND)
        assert told["is_used"] is True
        outcomes = outcomes_of(session, portfolio, CLOSED)
        easy, hard = (
            next(each.promised for each in outcomes if each.promised.parts[0].amount == amount)
            for amount in (500, 40_000)
        )
        chance = chance_for(
            session, portfolio, session.scalars(select(CollectionsCase)).one().customer_id, CLOSED
        )
        kept = [
            chance(AgreementTerms(each.kind, 1, each.parts[0].due_on), each.parts)[-1]
            for each in (easy, hard)
        ]
        assert kept[0] > kept[1] + 0.2
    # The same outcomes again: another version of the same text.
    with transaction(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        first = latest_version(session, id_of(portfolio))
        assert first is not None
        second = train_risk_model(session, portfolio, by=BY, now=NOW)
        assert (second.version, second.scorecard) == (2, first.scorecard)


def test_too_little_history_keeps_the_base_rate_and_says_so(engine: Engine) -> None:
    a_year(engine, 20)
    with transaction(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        version = train_risk_model(session, portfolio, by=BY, now=NOW)
        assert (version.is_used, version.scorecard) == (False, "")
        assert version.why == "Too little history: 20 agreements have ended, and a model needs 50."
        model = risk_model(session, id_of(portfolio))
        assert model.label == "too little history"
        assert model.base.trials == version.trials > 0
