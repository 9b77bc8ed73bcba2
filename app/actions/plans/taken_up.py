"""Settlements of which no letter can tell what happened: the payment that took one up came back, or it was paid while
other debt keeps the case open. A person is told."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.plans.with_legal import tell_once
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.assessment import taken_up_for_nothing


def tell_of_returned_payments(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owner of a case the work to decide, once for each settlement whose first payment came back by the end
    of `on`. Returns how many."""
    text = (
        "The payment that took up settlement {} came back. It runs on until its day is over; a plan that ended for it "
        "stays ended. Their letters that had not left are withheld. Agree with the customer what holds, and write it."
    )
    plans = taken_up_for_nothing(session, portfolio, on)
    return tell_once(session, plans, DeskStep.TAKE_UP_RETURNED, text, on, now=now)


def tell_of_settled_in_part(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owner of a case the work to tell the customer, once for each settlement that was paid by the end of `on`
    or of the day before, while its case stays open. The letter of a completed settlement says that the case is closed.
    Returns how many."""
    text = (
        "Settlement {} was paid and its accounts are settled. Other debt keeps the case open, so no letter says it: "
        "the letter of a completed settlement says that the case is closed. Tell the customer in writing."
    )
    is_told = sa.exists().where(
        col(PlannedContact.plan_id) == col(Plan.id), col(PlannedContact.step) == DeskStep.CLOSED
    )
    plans = session.scalars(
        select(Plan)
        .join(CollectionsCase, col(CollectionsCase.id) == Plan.case_id)
        .where(
            Plan.portfolio_id == portfolio.id,
            Plan.kind == PlanKind.SETTLEMENT,
            Plan.status == PlanStatus.KEPT,
            Plan.why == "",
            col(Plan.ended_on).between(on - timedelta(days=1), on),
            CollectionsCase.status == CaseStatus.OPEN,
            ~is_told,
        )
        .order_by(col(Plan.id))
    ).all()
    return tell_once(session, plans, DeskStep.SETTLED_IN_PART, text, on, now=now)
