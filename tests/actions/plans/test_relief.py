"""Token payments from the offer to the review: who grants them, what is written, and the task before they end."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import Agreement, agree
from app.actions.plans.reviews import give_reviews
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms, Reduced
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Forbidden
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from tests import builders

TODAY, FIRST = date(2026, 3, 20), date(2026, 4, 10)
DAY = timedelta(days=1)
MEI = Actor.user("mei")
TOKEN = AgreementTerms(PlanKind.HARDSHIP, 3_000, FIRST, 3, Cadence.MONTHLY, apr_millionths=0, is_token=True)
HALF = AgreementTerms(PlanKind.HARDSHIP, 60_000, FIRST, 12, Cadence.MONTHLY, reduced=Reduced(3, 2_500))


def case_of(session: Session) -> CollectionsCase:
    builders.portfolio(session, accrues=True)
    return builders.delinquent_case(session, due_on=TODAY - 10 * DAY, on=TODAY)


def agreed(session: Session, terms: AgreementTerms, role: Role = Role.MANAGER) -> Agreement:
    case = session.scalars(select(CollectionsCase)).first() or case_of(session)
    return agree(session, case, terms, builders.catalog(), grantor=Grantor(MEI, role), now=builders.at(TODAY))


def reviews(session: Session, on: date) -> int:
    portfolio = session.scalars(select(Portfolio)).one()
    return give_reviews(session, portfolio, on, now=builders.night_after(on))


def test_token_payments_are_granted_written_and_reviewed(engine: Engine) -> None:
    with transaction(engine) as session:
        with pytest.raises(Forbidden, match="lower the rate"):
            agreed(session, TOKEN, Role.AGENT)
        plan = agreed(session, TOKEN).plan
        last = date(2026, 6, 10)
        assert (plan.is_token, plan.review_on, plan.total_minor) == (True, last, 3_000)
        assert [reviews(session, last - days * DAY) for days in (8, 7, 6)] == [0, 1, 0]
        [task] = session.scalars(select(StrategyTask))
        assert (task.due_on, task.for_username) == (last, "")
        assert task.text.startswith(f"Token payments of {plan.reference} end")
    texts = {row.destination.value: row.text for row in builders.messages(engine)}
    assert "The rest stays owed" in texts["sms"]
    assert "These small payments pay only a part of what you owe" in texts["email"]
    assert "10 June 2026" in texts["sms"]


def test_reduced_payments_are_written_step_by_step_and_reviewed_before_they_grow(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = agreed(session, HALF).plan
        assert plan.review_on == date(2026, 6, 10)
        assert reviews(session, date(2026, 6, 3)) == 1
        assert "Payments of" in session.scalars(select(StrategyTask)).one().text
    [sms] = [row for row in builders.messages(engine) if row.destination == "sms"]
    assert "From 10 July 2026 each is CN¥58.34." in sms.text
    [email] = [row for row in builders.messages(engine) if row.subject]
    assert email.text.count("25.00 by") == 3
    assert email.text.count("58.34 by") == 8
    assert "The first payments are smaller. By 10 June 2026 we look with you" in email.text


def test_a_plan_that_was_broken_needs_no_review(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        plan_id = agreed(session, TOKEN).plan.id
        session.get_one(Plan, plan_id).status = PlanStatus.BROKEN
        session.flush()
        assert reviews(session, date(2026, 6, 9)) == 0
