"""Lower rates of agreements that ended during a rest (decision 0386)."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.concessions import end_concessions
from app.book.charges.models import Concession
from app.book.portfolios.models import Portfolio
from app.casework.holds.queries import at_rest
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, PlanStatus
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.core.timeline.service import lock_customers


def end_rates(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> None:
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
