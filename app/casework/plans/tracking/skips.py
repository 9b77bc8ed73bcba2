"""Skips of instalments: those that the agreement says, and those that a person grants beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.plans.limits import BeyondAuthority, beyond_skips, limits_of
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.rules import InstalmentChange
from app.casework.plans.terms import Authority
from app.casework.plans.tracking.change_rules import check_skip
from app.casework.plans.tracking.payments import progress_of
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.dates import add_months
from app.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class Skip:
    """An instalment that may be skipped now, as far as nobody's authority is concerned."""

    line: InstalmentProgress
    last: InstalmentProgress
    """The instalment with which it falls due."""
    is_granted: bool
    """It is beyond what the agreement says."""
    skipped: int
    """Instalments of the customer that were skipped in the year until now."""


def propose_skip(session: Session, portfolio: Portfolio, plan: Plan, n: int, today: date) -> Skip:
    """The skip of instalment `n`. NotFound or Conflict where nobody may grant it now."""
    standing = progress_of(session, plan, today)
    used = sum(each.state is InstalmentState.SKIPPED for each in standing.instalments)
    is_granted = used >= plan.skips_allowed
    most = limits_of(session, portfolio, plan.customer_id).skips
    if is_granted and used >= (most.value if most else 0):
        raise Conflict(
            f"At most {_payments(most.value)} of an agreement may be skipped in this portfolio. Move its date, or "
            "renegotiate."
            if most and most.value
            else "No payment of an agreement is skipped in this portfolio. Move its date, or renegotiate."
        )
    line, last = check_skip(standing, n, max(plan.skips_allowed, used + 1))
    return Skip(line, last, is_granted, skipped_in_year(session, portfolio, plan.customer_id, today))


def _payments(number: int) -> str:
    return "one payment" if number == 1 else f"{number} payments"


def beyond_grant(skip: Skip, authority: Authority) -> BeyondAuthority | None:
    """Why one person of this authority may not let it be skipped alone; None = they may."""
    return beyond_skips(authority, skip.skipped) if skip.is_granted else None


def skipped_in_year(session: Session, portfolio: Portfolio, customer_id: int, today: date) -> int:
    """Instalments of a customer's agreements that were skipped in the twelve months until `today`."""
    change, plan = table_of(PlanChange), table_of(Plan)
    query = (
        sa.select(change.c.at)
        .join(plan, plan.c.id == change.c.plan_id)
        .where(plan.c.customer_id == customer_id, change.c.change == InstalmentChange.SKIPPED)
    )
    since = add_months(today, -12)
    return sum(local_date(at, portfolio.timezone) > since for at in session.scalars(query))
