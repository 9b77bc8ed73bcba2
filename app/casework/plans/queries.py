"""Plans as lists and case pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import Book, Condition
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import LIVE, PlanKind
from app.core.db import table_of


def has_live_plan() -> Condition:
    case, plan = table_of(CollectionsCase), table_of(Plan)
    return case.c.id.in_(sa.select(plan.c.case_id).where(plan.c.status.in_(LIVE)))


def has_payment_due(books: Sequence[Book], days: int) -> Condition:
    """A live promise or plan asks for money today or within the `days` - 1 after it."""
    case, plan, part = table_of(CollectionsCase), table_of(Plan), table_of(PlanInstalment)
    due = [
        sa.and_(
            plan.c.portfolio_id == book.portfolio_id,
            part.c.due_on >= book.today,
            part.c.due_on < book.today + timedelta(days=days),
        )
        for book in books
    ]
    asked = (
        sa.select(plan.c.case_id)
        .join(part, part.c.plan_id == plan.c.id)
        .where(plan.c.status.in_(LIVE), sa.or_(sa.false(), *due))
    )
    return case.c.id.in_(asked)


@dataclass(frozen=True, slots=True)
class NextPayment:
    """What a live promise or plan asks for next; the last one where all dates have passed."""

    kind: PlanKind
    n: int
    due_on: date
    amount_minor: int


def next_payments(session: Session, case_ids: Sequence[int], today: date) -> dict[int, NextPayment]:
    """Case id -> the next payment of its live plan."""
    plan, part = table_of(Plan), table_of(PlanInstalment)
    query = (
        sa.select(plan.c.case_id, plan.c.kind, part.c.n, part.c.due_on, part.c.amount_minor)
        .join(part, part.c.plan_id == plan.c.id)
        .where(plan.c.case_id.in_(case_ids), plan.c.status.in_(LIVE))
        .order_by(plan.c.case_id, part.c.n)
    )
    found: dict[int, NextPayment] = {}
    for case_id, kind, n, due_on, amount in session.connection().execute(query):
        if case_id not in found or found[case_id].due_on < today:
            found[case_id] = NextPayment(kind, n, due_on, amount)
    return found


def plans_of(session: Session, case_ids: Sequence[int]) -> list[Plan]:
    """Every promise and plan of these cases, the latest first."""
    return list(
        session.scalars(select(Plan).where(col(Plan.case_id).in_(case_ids)).order_by(col(Plan.id).desc()))
    )
