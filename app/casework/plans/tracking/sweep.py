"""Sweep of the live agreements: which of them a night has to look at, and which of those are simply on time.

Both answers are sums that the database makes over thousands of agreements at once. An agreement is on time where all
that fell due has come and the customer still owes; it is looked at next on the date of its first unpaid instalment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import owed_minor
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.queries import keeps_agreements, worked
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import came_since
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.ids import id_of
from app.core.timeline.service import lock_customers

PLAN, PART, ENTRY = table_of(Plan), table_of(PlanInstalment), table_of(Entry)
ACCOUNT, STATE, CHANGE = table_of(Account), table_of(AccountState), table_of(LedgerChange)


@dataclass(frozen=True, slots=True)
class DuePlan:
    """A live agreement that a night looks at."""

    id: int
    kind: PlanKind
    customer_id: int
    assess_on: date | None
    grace_days: int
    tolerance_minor: int


def due_plans(session: Session, portfolio: Portfolio, on: date) -> list[DuePlan]:
    """Active plans whose day has come, or of customers whose accounts changed since the night before. None is
    locked: what is to end is read again under its customer's lock (`locked_plans`)."""
    session.flush()
    is_due = sa.or_(
        PLAN.c.assess_on.is_(None),
        PLAN.c.assess_on <= on,
        PLAN.c.customer_id.in_(_changed(id_of(portfolio), on)),
    )
    query = _plans().where(PLAN.c.portfolio_id == id_of(portfolio), is_due)
    return [DuePlan(*row) for row in session.connection().execute(query).all()]


def locked_plans(session: Session, plans: Sequence[DuePlan]) -> list[DuePlan]:
    """Those of these plans that still run, as they are now: their customers are locked, then their rows. Acts of people
    take the same locks in the same order."""
    if not plans:
        return []
    lock_customers(session, {plan.customer_id for plan in plans})
    query = _plans().where(among(session, PLAN.c.id, [plan.id for plan in plans])).with_for_update()
    return [DuePlan(*row) for row in session.connection().execute(query).all()]


def _plans() -> Query:
    columns = (PLAN.c.id, PLAN.c.kind, PLAN.c.customer_id, PLAN.c.assess_on, PLAN.c.grace_days)
    return (
        sa.select(*columns, PLAN.c.tolerance_minor)
        .where(PLAN.c.status == PlanStatus.ACTIVE)
        .order_by(PLAN.c.id)
    )


def _changed(portfolio_id: int, on: date) -> sa.CompoundSelect[int]:
    """Customers with an account that the last two nights folded, or that waits to be folded. The night before folds
    accounts too, where it charges interest."""
    folded = sa.select(ACCOUNT.c.customer_id).join(STATE, STATE.c.account_id == ACCOUNT.c.id)
    waiting = sa.select(ACCOUNT.c.customer_id).join(CHANGE, CHANGE.c.account_id == ACCOUNT.c.id)
    return sa.union_all(
        folded.where(STATE.c.portfolio_id == portfolio_id, STATE.c.folded_through >= on - timedelta(days=1)),
        waiting.where(CHANGE.c.portfolio_id == portfolio_id),
    )


def next_dates(session: Session, plans: Sequence[DuePlan], on: date) -> dict[int, date]:
    """Of the plans that are on time at the end of `on`: when each is looked at next. The others have to be judged: they
    are short, paid in full or without debt, they settle, or a night has passed since their day."""
    asked = {
        plan.id: plan
        for plan in plans
        if plan.kind is not PlanKind.SETTLEMENT and plan.assess_on is not None and plan.assess_on >= on
    }
    if not asked:
        return {}
    paid = (
        sa.select(PLAN.c.id, sa.func.sum(-ENTRY.c.amount_minor).label("minor"))
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .where(
            among(session, PLAN.c.id, asked),
            came_since(),
            ENTRY.c.effective_on <= on,
            keeps_agreements(),
        )
        .group_by(PLAN.c.id)
        .subquery("paid")
    )
    due_by, due_before, comes = PART.c.due_on <= on, PART.c.due_on < on, PART.c.due_on > on
    owed = (
        sa.select(
            PART.c.plan_id,
            sa.func.sum(sa.case((due_by, PART.c.amount_minor), else_=0)).label("by_now"),
            sa.func.sum(sa.case((due_before, PART.c.amount_minor), else_=0)).label("before"),
            sa.func.min(sa.case((comes, PART.c.due_on))).label("next_on"),
            sa.func.min(sa.case((comes, PART.c.amount_minor))).label("least"),
        )
        .where(among(session, PART.c.plan_id, asked), PART.c.is_skipped.is_(False))
        .group_by(PART.c.plan_id)
        .subquery("owed")
    )
    columns = (owed.c.by_now, owed.c.before, owed.c.next_on, owed.c.least)
    query = sa.select(owed.c.plan_id, sa.func.coalesce(paid.c.minor, 0), *columns).outerjoin(
        paid, paid.c.id == owed.c.plan_id
    )
    owing = set(session.connection().execute(_owing().where(among(session, PLAN.c.id, asked))).scalars())
    found: dict[int, date] = {}
    for plan_id, came, by_now, before, next_on, least in session.connection().execute(query).all():
        if plan_id not in owing:
            continue
        if came >= by_now:
            if next_on is not None and came - by_now < least:  # who paid ahead is judged
                found[plan_id] = next_on
        # On its day a short instalment that is within the tolerance counts as paid: that is judged.
        elif came >= before and not asked[plan_id].tolerance_minor:
            found[plan_id] = on
    return found


def _owing() -> Query:
    """Plans whose customer still owes what the plan is about: a promise what is past due, others a balance."""
    about = sa.case((PLAN.c.kind == PlanKind.PROMISE, owed_minor()), else_=STATE.c.balance_minor)
    return sa.select(PLAN.c.id).where(
        sa.exists()
        .where(
            ACCOUNT.c.customer_id == PLAN.c.customer_id,
            STATE.c.account_id == ACCOUNT.c.id,
            worked(),
            about > 0,
        )
        .correlate(PLAN)
    )


def set_assess_on(session: Session, plans: Sequence[DuePlan], days: Mapping[int, date]) -> None:
    """Write the day on which each plan is looked at next; one statement for each pair of old and new day. A plan that
    was ended or changed meanwhile has its own day already."""
    changed: dict[tuple[date | None, date], list[int]] = {}
    for plan in plans:
        if plan.id in days and days[plan.id] != plan.assess_on:
            changed.setdefault((plan.assess_on, days[plan.id]), []).append(plan.id)
    for (before, after), ids in changed.items():
        session.execute(
            sa.update(Plan)
            .where(
                among(session, PLAN.c.id, ids),
                PLAN.c.status == PlanStatus.ACTIVE,
                PLAN.c.assess_on.is_(None) if before is None else PLAN.c.assess_on == before,
            )
            .values(assess_on=after),
            execution_options={"synchronize_session": False},
        )
    written = {plan_id for ids in changed.values() for plan_id in ids}
    for row in list(session.identity_map.values()):
        if isinstance(row, Plan) and row.id in written:
            session.expire(row, ["assess_on"])
