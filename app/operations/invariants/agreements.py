"""Invariants of agreements: when they are looked at next, the money of kept ones, and agreed changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.models import Concession
from app.book.portfolios.models import DailyRun, Portfolio
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import RESTING
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import InstalmentChange, PlanStatus
from app.casework.plans.tracking.payments import payments_of
from app.core.clock import local_instant
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of

CHUNK = 5000


def _last_closed(session: Session, portfolio: Portfolio) -> date | None:
    runs = select(sa.func.max(DailyRun.business_date)).where(
        DailyRun.portfolio_id == portfolio.id, col(DailyRun.finished_at).is_not(None)
    )
    return session.scalar(runs)


def live_plans_have_a_next_date(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """The night looked at each live plan whose day had come, and wrote down the next one."""
    closed = _last_closed(session, portfolio)
    plan = table_of(Plan)
    late = (
        plan.c.assess_on.is_(None) if closed is None else sa.func.coalesce(plan.c.assess_on, closed) < closed
    )
    query = sa.select(plan.c.id, plan.c.assess_on).where(
        plan.c.portfolio_id == id_of(portfolio),
        plan.c.status == PlanStatus.ACTIVE,
        sa.or_(plan.c.assess_on.is_(None), late),
    )
    for plan_id, assess_on in session.connection().execute(query):
        yield f"plan {plan_id}: active, to be looked at on {assess_on}, and {closed} is closed"


def kept_plans_have_their_money(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Payments of a kept plan come to its total but for one tolerance, unless nothing was owed any more."""
    kept = select(Plan).where(
        Plan.portfolio_id == id_of(portfolio), Plan.status == PlanStatus.KEPT, Plan.why == ""
    )
    for plans in chunked(session.scalars(kept.order_by(col(Plan.id))).all(), CHUNK):
        last = max(plan.ended_on for plan in plans if plan.ended_on is not None)
        came = payments_of(session, [id_of(plan) for plan in plans], last)
        for plan in plans:
            theirs = came.get(id_of(plan), [])
            paid = sum(each.amount for each in theirs if plan.ended_on is None or each.on <= plan.ended_on)
            if paid < plan.total_minor - plan.tolerance_minor:
                yield f"plan {plan.id}: kept, total {plan.total_minor}, {paid} came until {plan.ended_on}"


def instalment_changes_are_agreed(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Moved and skipped instalments have their change on record; no more are skipped than agreed, no two in a row, and
    never the last."""
    change = table_of(PlanChange)
    changed = sa.select(change.c.plan_id).distinct()
    query = select(Plan).where(Plan.portfolio_id == id_of(portfolio), col(Plan.id).in_(changed))
    for plans in chunked(session.scalars(query.order_by(col(Plan.id))).all(), CHUNK):
        ids = [id_of(plan) for plan in plans]
        parts = instalments_of(session, ids)
        rows = session.connection().execute(
            sa.select(change.c.plan_id, change.c.n, change.c.change).where(
                among(session, change.c.plan_id, ids)
            )
        )
        recorded = Counter((plan_id, n, InstalmentChange(what)) for plan_id, n, what in rows)
        for plan in plans:
            order = sorted(parts[id_of(plan)], key=lambda part: (part.due_on, part.n))
            skipped = [part.n for part in order if part.is_skipped]
            if len(skipped) > plan.skips_allowed:
                yield f"plan {plan.id}: {len(skipped)} instalments skipped, {plan.skips_allowed} agreed"
            if order[-1].is_skipped or any(
                a.is_skipped and b.is_skipped for a, b in zip(order, order[1:], strict=False)
            ):
                yield f"plan {plan.id}: the last instalment is skipped, or two in a row"
            for part in order:
                for what, is_so in (
                    (InstalmentChange.SKIPPED, part.is_skipped),
                    (InstalmentChange.MOVED, part.agreed_on is not None),
                ):
                    if is_so and not recorded[id_of(plan), part.n, what]:
                        yield f"plan {plan.id}: instalment {part.n} is {what.value}, and no change says so"


def concessions_end_with_plans(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """A lower rate runs only while its agreement does, or a rest of the customer's agreements lasts; the night after it
    ends the rate."""
    closed = _last_closed(session, portfolio)
    hold = table_of(CaseHold)
    since = local_instant(closed + timedelta(days=1), 0, 0, portfolio.timezone) if closed else None
    rests = sa.or_(hold.c.ended_at.is_(None), hold.c.ended_at >= since if since else sa.false())
    at_rest = sa.exists().where(hold.c.customer_id == col(Plan.customer_id), hold.c.kind.in_(RESTING), rests)
    query = (
        sa.select(col(Concession.id), col(Plan.id), col(Plan.status))
        .join(Plan, col(Plan.id) == Concession.plan_id)
        .where(
            col(Concession.portfolio_id) == portfolio.id,
            col(Concession.to_on).is_(None),
            col(Plan.status) != PlanStatus.ACTIVE,
            ~at_rest,
        )
    )
    for concession_id, plan_id, status in session.execute(query):
        yield f"concession {concession_id} runs on, and its plan {plan_id} is {status.value}"
