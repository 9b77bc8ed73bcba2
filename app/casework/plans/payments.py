"""Payments that count toward an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import keeps_agreements
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.clock import local_date
from app.core.database.engine import table_of


def paid_toward(session: Session, portfolio: Portfolio, plan: Plan, on: date) -> list[tuple[date, int]]:
    """Payments that count toward one plan up to `on`, net of reversals, in any status of the plan."""
    if plan.kind is PlanKind.SETTLEMENT:
        return paid_to_settle(session, plan, on)
    paid = payments_for(session, portfolio, [plan], on).get(plan.customer_id, [])
    return [(day, amount) for day, amount in paid if day >= (plan.accepted_on or on)]


def paid_to_settle(session: Session, plan: Plan, on: date) -> list[tuple[date, int]]:
    """Payments for a settlement on its accounts, from its offer to `on`."""
    query = sa.select(col(Entry.effective_on), col(Entry.amount_minor)).where(
        col(Entry.account_id).in_(accounts_of(plan)),
        col(Entry.effective_on) >= offered_on(session, plan),
        col(Entry.effective_on) <= on,
        keeps_agreements(),
    )
    return [(effective_on, -amount) for effective_on, amount in session.execute(query)]


def offered_on(session: Session, plan: Plan) -> date:
    return local_date(plan.offered_at, session.get_one(Portfolio, plan.portfolio_id).timezone)


def accounts_of(plan: Plan) -> SelectOfScalar[int]:
    return select(PlanAccount.account_id).where(PlanAccount.plan_id == plan.id)


def payments_for(
    session: Session, portfolio: Portfolio, plans: Sequence[Plan], on: date
) -> dict[int, list[tuple[date, int]]]:
    """Payments that count toward agreements up to `on`, by customer of these plans."""
    if not plans:
        return {}
    entry, account = table_of(Entry), table_of(Account)
    plan = table_of(Plan)
    query = (
        sa.select(account.c.customer_id, entry.c.effective_on, entry.c.amount_minor)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            keeps_agreements(),
            entry.c.effective_on <= on,
            entry.c.effective_on >= min(p.accepted_on or on for p in plans),
            account.c.customer_id.in_(
                sa.select(plan.c.customer_id).where(
                    plan.c.portfolio_id == portfolio.id, plan.c.status == PlanStatus.ACTIVE
                )
                if len(plans) > 1
                else [plans[0].customer_id]
            ),
        )
    )
    paid: dict[int, list[tuple[date, int]]] = {}
    for customer_id, effective_on, amount in session.connection().execute(query):
        paid.setdefault(customer_id, []).append((effective_on, -amount))
    return paid
