"""Payments of agreements that turn up while the legal team has the case: the money is posted, and a person is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.queries import get_case
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.restoration.service import paid_in_time_with_legal
from app.casework.plans.tracking.assessment import paid_with_legal
from app.core.actor import SYSTEM
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task


def tell_of_paid_settlements(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owner of a case the work to ask the legal team, once for each offer to settle whose first payment was
    made by the end of `on`. Returns how many."""
    plans = paid_with_legal(session, portfolio, on)
    text = (
        "Settlement {} was paid while the legal team has the case. The money is posted, the offer is not accepted. Ask "
        "them whether it holds: settle the accounts, or withdraw the offer."
    )
    return tell_once(session, plans, DeskStep.PAID_WITH_LEGAL, text, on, now=now)


def tell_of_plans_paid_in_time(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """The same for each broken agreement whose payment, as turned out by the end of `on`, was made in time."""
    plans = paid_in_time_with_legal(session, portfolio, on)
    text = (
        "{} was found broken, and its payment was made in time: it was posted while the legal team has the case. Tell "
        "them. When they return the case, the agreement runs on."
    )
    return tell_once(session, plans, DeskStep.IN_TIME_WITH_LEGAL, text, on, now=now)


def tell_once(
    session: Session, plans: Sequence[Plan], step: DeskStep, text: str, on: date, *, now: datetime
) -> int:
    """Give the owners of these agreements' cases work, once for each agreement and step; how many were given.
    `text` has a place for the agreement's reference."""
    lock_customers(session, {plan.customer_id for plan in plans})
    told = 0
    for plan in plans:
        before = select(StrategyTask.id).where(StrategyTask.plan_id == plan.id, StrategyTask.step == step)
        if session.scalars(before).first() is not None:
            continue
        case, words = get_case(session, plan.case_id), text.format(plan.reference)
        add_task(session, case, step, words, on, plan_id=id_of(plan), by=SYSTEM, now=now)
        told += 1
    return told
