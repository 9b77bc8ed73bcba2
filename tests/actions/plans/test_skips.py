"""Skips beyond what an agreement says: so many a year by role, and by a manager's answer to a request beyond that."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.approvals.asking import ask_approval
from app.actions.approvals.deciding import decide_approval
from app.actions.plans.instalments import skip_instalment
from app.book.portfolios.models import Portfolio
from app.casework.approvals.rules import ApprovalStatus, AskSkip
from app.casework.cases.queries import get_case
from app.casework.plans.events import InstalmentSkipped
from app.casework.plans.limits import Grantor, beyond, beyond_skips
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms, Authority
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.agreements import instalment_changes_are_agreed
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.actions.plans.test_instalments import D1, TODAY, a_plan

ANN, MEI = Actor.user("ann"), Actor.user("mei")
AGENT = Authority("agent", 12, 10, 0, may_lower_rate=False, may_re_age=False, max_skips_a_year=2)


@pytest.mark.parametrize(("skipped", "may"), [(0, True), (1, True), (2, False), (3, False)])
def test_so_many_skips_a_year(skipped: int, may: bool) -> None:
    refused = beyond_skips(AGENT, skipped)
    assert (refused is None) is may
    if refused is not None:
        assert refused.why == (
            f"An agent may grant 2 skips a year alone, and {skipped} were granted. Ask a manager to grant it."
        )
        assert refused.field == "n"


@pytest.mark.parametrize(
    ("payments", "cadence", "skips", "may"),
    [
        (12, Cadence.MONTHLY, 2, True),
        (12, Cadence.MONTHLY, 3, False),
        (13, Cadence.MONTHLY, 4, True),
        (52, Cadence.WEEKLY, 3, False),
        (53, Cadence.WEEKLY, 4, True),
    ],
)
def test_skips_that_are_agreed_on_are_counted_by_the_years_of_the_plan(
    payments: int, cadence: Cadence, skips: int, may: bool
) -> None:
    terms = AgreementTerms(PlanKind.HARDSHIP, 90_000, D1, payments, cadence, skips_allowed=skips)
    authority = Authority("agent", 60, 10, 0, may_lower_rate=False, may_re_age=False, max_skips_a_year=2)
    refused = beyond(terms, authority, owed_minor=90_000, own_apr_millionths=0, currency="EUR")
    assert (refused is None) is may
    assert refused is None or refused.field == "skips"


def skip(session: Session, plan: Plan, n: int, on: date = TODAY, role: Role = Role.AGENT) -> PlanChange:
    return skip_instalment(
        session, plan, n, builders.catalog(), grantor=Grantor(ANN, role), now=builders.at(on)
    ).change


def a_long_plan(session: Session) -> Plan:
    """Six payments, none of which may be skipped by the agreement; an agent may grant one a year."""
    plan = a_plan(session, skips=0)
    session.get_one(Portfolio, plan.portfolio_id).plan_skips = 4
    for n, month in enumerate((7, 8, 9), start=4):
        row = PlanInstalment(plan_id=id_of(plan), n=n, due_on=date(2026, month, 10), amount_minor=10_000)
        session.add(row)
    session.flush()
    return plan


def test_an_agent_grants_one_a_year_and_a_manager_decides_about_the_next(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_long_plan(session)
        case = get_case(session, plan.case_id)
        ask = AskSkip(id_of(plan), 3)
        with pytest.raises(Invalid, match="within your own limit"):
            ask_approval(session, case, ask, "a new job", by=ANN, role=Role.AGENT, now=builders.at(TODAY))
        row = skip(session, plan, 1)
        assert (row.is_granted, plan.skips_allowed) == (True, 1)
        [event] = builders.events(session, InstalmentSkipped.KIND, customer_id=plan.customer_id)
        assert event["is_granted"] is True
        with pytest.raises(Forbidden, match="one skip a year alone, and 1 was granted") as refused:
            skip(session, plan, 3)
        assert refused.value.field == "n"
        request = ask_approval(
            session, case, ask, "a new job", by=ANN, role=Role.AGENT, now=builders.at(TODAY)
        )
        assert (request.amount_minor, request.ask) == (10_000, ask)
        request_id = id_of(request)
    with transaction(engine) as session:
        decided = decide_approval(
            session, request_id, builders.catalog(), approve=True, by=MEI, role=Role.MANAGER,
            now=builders.at(TODAY),
        )  # fmt: skip
        assert decided.request.status is ApprovalStatus.APPROVED
        plan = session.get_one(Plan, plan.id)
        assert (plan.skips_allowed, session.get_one(PlanInstalment, (id_of(plan), 3)).is_skipped) == (2, True)
        [task] = session.scalars(select(StrategyTask))
        assert (task.for_username, task.text) == ("ann", "Skip of payment 3 of CNY 100.00 approved")
        portfolio = session.get_one(Portfolio, plan.portfolio_id)
        assert list(instalment_changes_are_agreed(session, portfolio)) == []
    assert {row.letter for row in builders.messages(engine)} == {"instalment_skipped"}


def test_a_manager_grants_more_and_a_year_later_an_agent_grants_again(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan = a_long_plan(session)
        skip(session, plan, 1)
        skip(session, plan, 3, role=Role.MANAGER)
        for row in session.scalars(select(PlanChange)):
            row.at = builders.at(date(2025, 3, 20))
        session.flush()
        assert skip(session, plan, 5).is_granted
