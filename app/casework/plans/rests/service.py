"""Agreements that rest while a hold stands that forbids to enforce the debt, and what happens when it ends (decision
0386)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.charges.concessions import end_concessions
from app.book.charges.models import Concession
from app.book.portfolios.models import Portfolio
from app.casework.holds.queries import at_rest
from app.casework.plans.limits import holidays_of
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rests.queries import plans_at_rests_end, running_with_us
from app.casework.plans.rests.rules import PAID_MEANWHILE, RESTED, dates_after_rest
from app.casework.plans.rules import LIVE, PlanStatus
from app.casework.plans.schedule import SATURDAY_SUNDAY, days_off
from app.casework.plans.tracking.changes import give_time
from app.casework.plans.tracking.payments import payments_of
from app.core.actor import SYSTEM
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers


def end_rests(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give new dates, at the end of `on`, to the running agreements whose rest ended since the night before, and end
    the lower rates of agreements that ended during it. Returns how many agreements got new dates. Safe to repeat."""
    _end_rates(session, portfolio, on, now=now)
    rested = plans_at_rests_end(session, portfolio, on)
    if not rested:
        return 0
    lock_customers(session, {plan.customer_id for plan, _ in rested})
    fresh = running_with_us(portfolio).where(
        among(session, table_of(Plan).c.id, [id_of(plan) for plan, _ in rested])
    )
    fresh = fresh.order_by(col(Plan.id)).with_for_update().execution_options(populate_existing=True)
    ended_on = {id_of(plan): day for plan, day in rested}
    return _give_dates(session, portfolio, session.scalars(fresh).all(), ended_on, on, now=now)


def _give_dates(
    session: Session,
    portfolio: Portfolio,
    plans: Sequence[Plan],
    ended_on: Mapping[int, date],
    on: date,
    *,
    now: datetime,
) -> int:
    still = at_rest(session, {plan.customer_id for plan in plans})
    plans = [plan for plan in plans if plan.customer_id not in still]
    ids = [id_of(plan) for plan in plans]
    parts, paid, changed = instalments_of(session, ids), payments_of(session, ids, on), 0
    for plan in plans:
        dates = dates_after_rest(
            parts[id_of(plan)],
            [(each.on, each.amount) for each in paid.get(id_of(plan), [])],
            plan.cadence,
            today=on,
            ended_on=ended_on[id_of(plan)],
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
            is_off=days_off(holidays_of(session, portfolio, plan.customer_id, on), SATURDAY_SUNDAY),
        )
        give_time(session, plan, dates.open, RESTED, today=on, now=now)
        give_time(session, plan, dates.paid, PAID_MEANWHILE, today=on, now=now)
        changed += bool(dates.open)
    return changed


def _end_rates(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> None:
    """End the lower rates that outlived their agreement, because a rate does not rise during a rest."""
    running, plan = table_of(Concession), table_of(Plan)
    query = (
        sa.select(plan.c.id, plan.c.customer_id)
        .join(running, running.c.plan_id == plan.c.id)
        .where(
            running.c.portfolio_id == portfolio.id,
            running.c.to_on.is_(None),
            plan.c.status.not_in((*LIVE, PlanStatus.KEPT)),
        )
        .distinct()
        .order_by(plan.c.id)
    )
    found = {plan_id: customer_id for plan_id, customer_id in session.connection().execute(query)}
    if not found:
        return
    lock_customers(session, set(found.values()))
    still = at_rest(session, set(found.values()))
    for plan_id, customer_id in found.items():
        if customer_id not in still:
            end_concessions(session, plan_id, on, by=SYSTEM, now=now)
