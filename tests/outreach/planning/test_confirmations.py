"""Confirmations of agreements: those that leave quote the dates of now, whatever was changed meanwhile."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.plans.instalments import move_instalment, skip_instalment
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import cancel
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.event_letters import write_deferred
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.in_writing.agreements import confirm_plan
from app.outreach.planning.models import DeferredLetter
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)
DAY = timedelta(days=1)
ANN = Actor.user("ann")
PARTS = [(date(2026, 4, 1), 2_500), (date(2026, 5, 1), 2_500)]
CATALOG = builders.catalog()
LATE, MORNING = builders.at(ON, 21), builders.at(ON + DAY, 9)


def confirmed(session: Session, now: datetime, tightening: str = "") -> Plan:
    builders.portfolio(session, tightening=tightening)
    case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
    plan = agreement(session, case, PARTS, accepted_on=ON, skips_allowed=1)
    confirm_plan(session, get_portfolio(session, builders.BOOK), plan, CATALOG, on=ON, by=ANN, now=now)
    return plan


def change(engine: Engine, plan_id: int, how: str) -> None:
    with transaction(engine) as session:
        plan, at = session.get_one(Plan, plan_id), LATE + timedelta(minutes=30)
        if how == "skipped":
            skip_instalment(session, plan, 1, CATALOG, grantor=Grantor(ANN, Role.AGENT), now=at)
        else:
            move_instalment(session, plan, 1, date(2026, 4, 8), CATALOG, by=ANN, now=at)


def confirmations(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == "plan_confirmation"]


def write_again(engine: Engine) -> int:
    return fall_back_due(engine, CATALOG, clock=FixedClock(MORNING))


@pytest.mark.parametrize("how", ["moved", "skipped"])
def test_one_that_waits_past_a_change_leaves_with_the_new_dates_once(engine: Engine, how: str) -> None:
    with transaction(engine) as session:
        plan_id = id_of(confirmed(session, LATE))
    change(engine, plan_id, how)
    sent = builders.deliver(engine, MORNING).sent
    assert {m.letter for m in sent} == {f"instalment_{how}"}, "the change is told, the old dates are not"
    old = confirmations(engine)
    assert [row.status for row in old] == [OutboxStatus.WITHHELD] * 2
    assert {row.error for row in old} == {"a date of the agreement was changed since it was written"}
    assert write_again(engine) == 2
    assert write_again(engine) == 0
    sent = builders.deliver(engine, MORNING).sent
    assert [m.letter for m in sent] == ["plan_confirmation"] * 2
    assert sorted(row.instead_of_id or 0 for row in confirmations(engine)) == [0, 0, *[row.id for row in old]]
    [letter] = [m.text for m in sent if m.subject]
    if how == "moved":
        assert "8 April 2026" in letter
        assert "1 April 2026" not in letter
    else:
        assert "CN¥50.00" in letter
        assert "1 April 2026" not in letter


def test_one_whose_agreement_ended_meanwhile_is_not_written_again(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(confirmed(session, LATE))
    change(engine, plan_id, "moved")
    builders.deliver(engine, MORNING)
    with transaction(engine) as session:
        cancel(session, session.get_one(Plan, plan_id), "cannot", by=ANN, today=ON + DAY, now=MORNING)
    assert write_again(engine) == 0
    assert {row.status for row in confirmations(engine)} == {OutboxStatus.WITHHELD}


def test_one_that_left_before_the_change_stays_as_it_is(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(confirmed(session, builders.at(ON, 12)))
    builders.deliver(engine, builders.at(ON, 13))
    change(engine, plan_id, "moved")
    builders.deliver(engine, MORNING)
    assert {row.status for row in confirmations(engine)} == {OutboxStatus.SENT}
    assert write_again(engine) == 0


NOT_THIS_WEEK = """[[rules]]
id = "house.hours"
kind = "hours"
channels = ["sms", "email", "post"]
open = [{ weekdays = ["mon"], from = "09:00", to = "10:00" }]
force = "operator choice"
citation = "house rule"
source = "house rule"
verified = true
"""


def test_what_was_kept_for_later_says_nothing_of_a_date_that_was_moved_on(engine: Engine) -> None:
    """Both the confirmation and the first move wait for Monday; the date is moved on before."""
    with transaction(engine) as session:
        plan = confirmed(session, LATE, NOT_THIS_WEEK)
        plan_id = id_of(plan)
        case = session.scalars(select(CollectionsCase)).one()
        portfolio = get_portfolio(session, builders.BOOK)
        portfolio.moves_a_month = 5
        for days, to_on in ((1, date(2026, 4, 8)), (2, date(2026, 4, 10))):
            move_instalment(session, plan, 1, to_on, CATALOG, by=ANN, now=builders.at(ON + days * DAY))
        kept = session.scalars(select(DeferredLetter).order_by(DeferredLetter.id)).all()
        assert len(kept) == 6
        sunday = ON + 6 * DAY
        now = builders.night_after(sunday)
        for row in kept:
            write_deferred(session, portfolio, [id_of(row)], CATALOG, on=sunday, by=ANN, now=now)
        assert plan.status is PlanStatus.ACTIVE
        assert case.id == plan.case_id
    words = [row.text for row in builders.messages(engine)]
    assert len(words) == 4
    assert not any("due on 8 April" in text for text in words)
    assert plan_id
