"""Settlements that are paid while the legal team has the case: the money is posted, and a person is told."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.queries import get_case
from app.casework.contacts.rules import DeskStep
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
    lock_customers(session, {plan.customer_id for plan in plans})
    step, told = DeskStep.PAID_WITH_LEGAL, 0
    for plan in plans:
        before = select(StrategyTask.id).where(StrategyTask.plan_id == plan.id, StrategyTask.step == step)
        if session.scalars(before).first() is not None:
            continue
        text = (
            f"Settlement {plan.reference} was paid while the legal team has the case. The money is posted, the offer "
            "is not accepted. Ask them whether it holds: settle the accounts, or withdraw the offer."
        )
        add_task(
            session, get_case(session, plan.case_id), step, text, on, plan_id=id_of(plan), by=SYSTEM, now=now
        )
        told += 1
    return told
