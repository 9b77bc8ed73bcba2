"""Agreements that rest while a hold stands that forbids to enforce the debt, and what happens when it ends (decision
0386)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session, col

from app.book.portfolios.models import Portfolio
from app.casework.holds.queries import at_rest
from app.casework.plans.limits import holidays_of
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rests.queries import plans_at_rests_end, running_at_rest, running_with_us
from app.casework.plans.rests.rates import end_rates
from app.casework.plans.rests.rules import PAID_MEANWHILE, RESTED, dates_after_rest
from app.casework.plans.rules import REGULAR
from app.casework.plans.schedule import MOST_PAYMENTS, SATURDAY_SUNDAY, days_off, due_dates
from app.casework.plans.tracking.changes import give_time
from app.casework.plans.tracking.payments import paid_toward, payments_of, terms_of
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers


def end_rests(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give new dates, at the end of `on`, to the running agreements whose rest ended since the night before, and end
    the lower rates of agreements that ended during it. One that is paid whole while it rests was paid in time. Returns
    how many agreements got new dates. Safe to repeat."""
    end_rates(session, portfolio, on, now=now)
    _date_paid(session, portfolio, on, now=now)
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


def _date_paid(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> None:
    """Count what was paid after its time as paid in time, of the agreements that rest and of which all is paid: the
    night keeps them."""
    query = running_at_rest(portfolio, on)
    plans = session.scalars(query.order_by(col(Plan.id))).all()
    ids = [id_of(plan) for plan in plans]
    parts, paid = instalments_of(session, ids), payments_of(session, ids, on)
    owes = {plan_id: sum(part.amount for part in theirs) for plan_id, theirs in parts.items()}
    came = {plan_id: sum(each.amount for each in theirs) for plan_id, theirs in paid.items()}
    whole = [plan for plan in plans if came.get(id_of(plan), 0) + plan.tolerance_minor >= owes[id_of(plan)]]
    if not whole:
        return
    lock_customers(session, {plan.customer_id for plan in whole})
    fresh = query.where(among(session, table_of(Plan).c.id, [id_of(plan) for plan in whole]))
    fresh = fresh.order_by(col(Plan.id)).with_for_update().execution_options(populate_existing=True)
    for plan in session.scalars(fresh).all():
        dates = dates_after_rest(
            instalments_of(session, [id_of(plan)])[id_of(plan)],
            paid_toward(session, plan, on),
            plan.cadence,
            today=on,
            ended_on=on,
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
            is_off=lambda _: False,
        )
        if not dates.open:
            give_time(session, plan, dates.paid, PAID_MEANWHILE, today=on, now=now)


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
        holidays = holidays_of(session, portfolio, plan.customer_id, on)
        dates = dates_after_rest(
            parts[id_of(plan)],
            [(each.on, each.amount) for each in paid.get(id_of(plan), [])],
            plan.cadence,
            on_schedule=_schedule_of(plan, portfolio, holidays),
            today=on,
            ended_on=ended_on[id_of(plan)],
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
            is_off=days_off(holidays, SATURDAY_SUNDAY),
        )
        give_time(session, plan, dates.open, RESTED, today=on, now=now)
        give_time(session, plan, dates.paid, PAID_MEANWHILE, today=on, now=now)
        changed += bool(dates.open)
    return changed


def _schedule_of(plan: Plan, portfolio: Portfolio, holidays: Collection[date]) -> Sequence[date]:
    """The due dates of the agreed schedule, as if it went on; none where they do not repeat."""
    if plan.cadence not in REGULAR:
        return ()
    return due_dates(replace(terms_of(plan, portfolio), payments=MOST_PAYMENTS), holidays)
