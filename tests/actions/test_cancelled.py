"""A promise that is cancelled: who has its confirmation in writing is told in writing, nobody else is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.agreements import cancel_agreement, promise
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

ON = date(2026, 3, 17)
NOW = builders.at(ON)
LATER = NOW + timedelta(days=2)
BEN = Actor.user("ben")


def promised(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.delinquent_case(session, due_on=ON - timedelta(days=20), on=ON)
        case = session.scalars(select(CollectionsCase)).one()
        promise(session, case, 5_000, ON + timedelta(days=10), builders.catalog(), by=BEN, now=NOW)


def cancelled(engine: Engine, reason: str = "typed for the wrong customer") -> list[str]:
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        told = cancel_agreement(session, plan, reason, builders.catalog(), by=BEN, now=LATER)
        assert plan.status is PlanStatus.CANCELLED
        assert [each["why"] for each in builders.events(session, "plan.cancelled")] == [reason]
        return [channel.value for channel in told]


def test_a_confirmation_that_left_is_taken_back_in_writing(engine: Engine) -> None:
    promised(engine)
    confirmed = builders.deliver(engine, NOW + timedelta(hours=1)).sent
    assert {each.letter for each in confirmed} == {"promise_confirmation"}
    assert len(cancelled(engine)) == len(confirmed)
    sent = builders.deliver(engine, LATER + timedelta(hours=1)).sent
    assert {each.letter for each in sent} == {"plan_cancelled"}
    assert [each.to for each in sent] == [each.to for each in confirmed]
    assert "This agreement is cancelled" in sent[0].text


def test_one_that_is_still_queued_is_withheld_and_nothing_is_written(sqlite_engine: Engine) -> None:
    promised(sqlite_engine)
    assert cancelled(sqlite_engine) == []
    assert builders.deliver(sqlite_engine, LATER + timedelta(hours=1)).sent == []


def test_a_promise_is_not_cancelled_without_a_reason(sqlite_engine: Engine) -> None:
    promised(sqlite_engine)
    with transaction(sqlite_engine) as session:
        plan = session.scalars(select(Plan)).one()
        with pytest.raises(Invalid) as refused:
            cancel_agreement(session, plan, "  ", builders.catalog(), by=BEN, now=LATER)
    assert refused.value.field == "reason"


@pytest.mark.parametrize("status", [OutboxStatus.SENDING, OutboxStatus.UNKNOWN])
def test_a_confirmation_that_may_have_left_is_taken_back_too(
    sqlite_engine: Engine, status: OutboxStatus
) -> None:
    """A worker that died, or a provider that did not answer: the customer may hold it in their hands."""
    promised(sqlite_engine)
    with transaction(sqlite_engine) as session:
        waiting = session.scalars(select(OutboxMessage)).all()
        for row in waiting:
            row.status = status
    assert len(cancelled(sqlite_engine)) == len(waiting) > 0
