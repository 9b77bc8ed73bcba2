"""Rates that an agreement promises where the creditor charges the interest: refused unless it lowers them, and then the
work of a person."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.agreements import agree, cancel_agreement
from app.actions.plans.promised_rates import tell_of_promised_rates
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.changes import move_instalment
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from tests import builders

ON, DAY = date(2026, 3, 16), timedelta(days=1)
TERMS = AgreementTerms(PlanKind.HARDSHIP, 100_000, ON + 20 * DAY, 3, Cadence.MONTHLY, apr_millionths=50_000)
AS_MANAGER = Grantor(Actor.user("mei"), Role.MANAGER)
STEPS = (DeskStep.RATE_TO_LOWER, DeskStep.RATE_TO_RAISE)


def a_case(session: Session, **changes: bool) -> CollectionsCase:
    builders.portfolio(session, pack="us-first-party", currency="USD", **changes)
    case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
    session.scalars(select(Account)).one().apr_millionths = 180_000
    return case


def agreed(session: Session, case: CollectionsCase) -> Plan:
    return agree(session, case, TERMS, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON)).plan


def told(session: Session, on: date) -> list[tuple[str, str]]:
    """The night's tasks: a second night brings none."""
    book, now = get_portfolio(session, builders.BOOK), builders.night_after(on)
    before = len(session.scalars(select(StrategyTask)).all())
    made = tell_of_promised_rates(session, book, on, now=now)
    assert tell_of_promised_rates(session, book, on, now=now) == 0
    tasks = session.scalars(select(StrategyTask).order_by(col(StrategyTask.id))).all()[before:]
    assert len(tasks) == made
    return [(task.step, task.text) for task in tasks if task.step in STEPS]


def test_a_rate_is_promised_where_the_creditor_lowers_it_and_a_person_has_the_work(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, creditor_lowers_rates=True)
        plan = agreed(session, case)
        card = session.scalars(select(Account)).one()
        last = ON + 20 * DAY
        [(step, text)] = told(session, ON)
        assert step == DeskStep.RATE_TO_LOWER
        assert text.startswith(
            f"{plan.reference} promises interest of 5% from {ON} until 2026-06-05. Have the creditor"
        )
        assert text.endswith(f"{card.reference} (18%)")
        move_instalment(
            session,
            plan,
            1,
            last + 3 * DAY,
            "",
            by=Actor.user("ann"),
            today=ON + DAY,
            now=builders.at(ON + DAY),
        )
        assert told(session, ON + DAY) == [], "the last payment stays where it is"
    letters = [
        row.text for row in builders.messages(engine) if row.letter == "plan_confirmation" and row.subject
    ]
    assert "interest is 5% a year instead of 18%" in letters[0]
    assert "late fee" not in letters[0], "the creditor's"


def test_a_later_end_and_an_early_one_are_told_too(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, creditor_lowers_rates=True)
        plan = agreed(session, case)
        assert len(told(session, ON)) == 1
        later = ON + 2 * DAY
        move_instalment(
            session, plan, 3, date(2026, 6, 9), "", by=Actor.user("ann"), today=later, now=builders.at(later)
        )
        [(step, text)] = told(session, later)
        assert (step, "until 2026-06-09" in text) == (DeskStep.RATE_TO_LOWER, True)
        cancel_agreement(
            session, plan, "other help", builders.catalog(), by=Actor.user("ann"), now=builders.at(later)
        )
        [(step, text)] = told(session, later + DAY)
        assert step == DeskStep.RATE_TO_RAISE
        assert text.startswith(
            f"{plan.reference} ended on {later}. Have the creditor end the lower rate of 5% after"
        )


def test_without_the_setting_it_is_refused_and_nobody_has_work(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        with pytest.raises(Invalid, match="creditor-lowers-rates=yes") as refused:
            agreed(session, case)
        assert refused.value.field == "apr"
        own = dataclasses.replace(TERMS, apr_millionths=None)
        agree(session, case, own, builders.catalog(), grantor=AS_MANAGER, now=builders.at(ON))
        assert told(session, ON) == []
    with transaction(engine) as session:
        session.scalars(select(Portfolio)).one().creditor_lowers_rates = True
        assert told(session, ON + DAY) == [], "it promises no rate"
