"""Instalments for which money is still wanted: which cases have one within some days, and the next of each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import keeps_agreements
from app.casework.cases.listing import Condition, PortfolioToday
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanAccount, PlanInstalment
from app.casework.plans.rules import LIVE, PlanKind
from app.casework.plans.tracking.payments import came_since, progress_by_plan
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.core.database.engine import table_of
from app.core.ids import id_of

PLAN, PART = table_of(Plan), table_of(PlanInstalment)
DONE = (InstalmentState.PAID, InstalmentState.NEARLY_PAID, InstalmentState.SKIPPED, InstalmentState.COVERED)


@dataclass(frozen=True, slots=True)
class NextPayment:
    """The next payment of a live promise or plan."""

    kind: PlanKind
    n: int
    due_on: date
    amount_minor: int
    """What is missing of it."""


def has_payment_due(books: Sequence[PortfolioToday], days: int) -> Condition:
    """A live promise or plan asks for money today or within the `days` - 1 after it."""
    case = table_of(CollectionsCase)
    due = [
        sa.and_(
            PLAN.c.portfolio_id == book.portfolio_id,
            PART.c.due_on >= book.today,
            PART.c.due_on < book.today + timedelta(days=days),
        )
        for book in books
    ]
    asked = (
        sa.select(PLAN.c.case_id)
        .join(PART, PART.c.plan_id == PLAN.c.id)
        .where(PLAN.c.status.in_(LIVE), sa.or_(sa.false(), *due), is_open())
    )
    return case.c.id.in_(asked)


def is_open() -> Condition:
    """An instalment of a live plan (columns of `Plan` and `PlanInstalment`) that is not skipped, and of which more is
    missing than its plan tolerates: less came than had fallen due with it. The amount of a skipped one falls due with
    the last."""
    account, entry, settled = table_of(Account), table_of(Entry), table_of(PlanAccount)
    other, after = PART.alias(), PART.alias()
    goes_on = sa.exists().where(_comes_later(after)).correlate(PLAN, PART)
    counted = sa.case((sa.and_(other.c.is_skipped, goes_on), 0), else_=other.c.amount_minor)
    due = (
        sa.select(sa.func.sum(counted))
        .where(other.c.plan_id == PLAN.c.id, ~_comes_later(other))
        .correlate(PLAN, PART)
        .scalar_subquery()
    )
    its_account = sa.exists().where(settled.c.plan_id == PLAN.c.id, settled.c.account_id == account.c.id)
    came = (
        sa.select(sa.func.coalesce(sa.func.sum(-entry.c.amount_minor), 0))
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.customer_id == PLAN.c.customer_id,
            came_since(),
            keeps_agreements(),
            sa.or_(PLAN.c.kind != PlanKind.SETTLEMENT, its_account.correlate(PLAN, account)),
        )
        .correlate(PLAN)
        .scalar_subquery()
    )
    return sa.and_(PART.c.is_skipped.is_(False), due - came > PLAN.c.tolerance_minor)


def _comes_later(other: sa.FromClause) -> Condition:
    """An instalment of the same plan that falls due after this one."""
    return sa.and_(
        other.c.plan_id == PLAN.c.id,
        other.c.is_skipped.is_(False),
        sa.or_(
            other.c.due_on > PART.c.due_on, sa.and_(other.c.due_on == PART.c.due_on, other.c.n > PART.c.n)
        ),
    )


def next_payments(session: Session, case_ids: Sequence[int], today: date) -> dict[int, NextPayment]:
    """Case id -> the next payment of its live plan: of the oldest instalment that is short."""
    query = select(Plan).where(col(Plan.case_id).in_(case_ids), col(Plan.status).in_(LIVE))
    live = session.scalars(query.order_by(col(Plan.id))).all()
    progress = progress_by_plan(session, live, today)
    found: dict[int, NextPayment] = {}
    for plan in live:
        line = _next(progress[id_of(plan)])
        found[plan.case_id] = NextPayment(plan.kind, line.n, line.due_on, line.short)
    return found


def _next(progress: PlanProgress) -> InstalmentProgress:
    """The last one where everything came."""
    by_date = sorted(progress.instalments, key=lambda line: (line.due_on, line.n))
    return next((line for line in by_date if line.state not in DONE and line.short > 0), by_date[-1])
