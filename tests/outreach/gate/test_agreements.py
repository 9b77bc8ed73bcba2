"""An agreement that is kept is a fact of the gate: in China it stops collection, by law."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.explain import explain
from app.policy.answers import Answer, Clearance, Refusals
from app.policy.facts import KeptAgreement
from tests import builders
from tests.outreach.agreements.made import agreement
from tests.outreach.gate.people import facts_of

ON = date(2026, 3, 16)
PARTS = [(date(2026, 4, 1), 2_500), (date(2026, 5, 1), 2_500)]


def asked(session: Session, plan: Plan, purpose: Purpose = Purpose.REMINDER) -> dict[Channel, Answer]:
    book = get_portfolio(session, builders.BOOK)
    who = session.get_one(Customer, plan.customer_id)
    return {channel: explain(session, book, who, channel, purpose, at=builders.at(ON)) for channel in Channel}


def test_explain_says_that_a_kept_plan_stops_collection_on_every_channel_and_by_which_law(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        plan = agreement(session, case, PARTS, accepted_on=ON)
        who, book = session.get_one(Customer, plan.customer_id), get_portfolio(session, builders.BOOK)
        assert facts_of(session, book, who, builders.at(ON)).agreement == KeptAgreement(
            "instalments", plan.reference, ON
        )
        for answer in asked(session, plan).values():
            assert isinstance(answer, Refusals)
            [reason] = answer.reasons
            assert reason.rule == "cn.plan_stop"
            assert "art 70" in reason.citation
            assert plan.reference in reason.detail
        assert all(isinstance(a, Clearance) for a in asked(session, plan, Purpose.CONFIRMATION).values())


@pytest.mark.parametrize(
    "status", [PlanStatus.BROKEN, PlanStatus.CANCELLED, PlanStatus.KEPT, PlanStatus.OFFERED]
)
def test_a_plan_that_is_not_kept_stops_nothing(sqlite_engine: Engine, status: PlanStatus) -> None:
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        plan = agreement(session, case, PARTS, accepted_on=ON, status=status)
        assert isinstance(asked(session, plan)[Channel.CALL], Clearance)


def test_a_promise_stops_no_call_by_law(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        plan = agreement(session, case, PARTS[:1], accepted_on=ON, kind=PlanKind.PROMISE)
        assert isinstance(asked(session, plan)[Channel.CALL], Clearance)
