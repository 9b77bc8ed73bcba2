"""Agreements: promises and plans that were kept, of those that ended."""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa

from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.family import Days, Family, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _rows(kinds: Collection[PlanKind]) -> Callable[[Shape, Days], Query]:
    """Agreements of these kinds that were found kept or broken in the window. Grace and tolerance are the agreement's
    own: it is judged when they are over."""

    def rows(_shape: Shape, days: Days) -> Query:
        plan = table_of(Plan)
        is_kept = plan.c.status == PlanStatus.KEPT
        return sa.select(
            *thing(
                Thing.AGREEMENT,
                plan.c.id,
                plan.c.ended_on,
                first_account(plan.c.customer_id),
                plan.c.customer_id,
            ),
            agent_of(plan.c.offered_by).label("agent"),
            sa.literal(1).label("ended"),
            plan.c.total_minor.label("ended_amount"),
            sa.case((is_kept, 1), else_=0).label("kept"),
            sa.case((is_kept, plan.c.total_minor), else_=0).label("kept_amount"),
        ).where(
            plan.c.portfolio_id == days.portfolio_id,
            plan.c.status.in_([PlanStatus.KEPT, PlanStatus.BROKEN]),
            plan.c.kind.in_(list(kinds)),
            plan.c.ended_on.between(days.before(WINDOW - 1), days.on),
        )

    return rows


def _definitions(name: str, title: str, what: str) -> tuple[Definition, Definition]:
    kept, ended = f"{what} that were kept", f"{what} that were kept or broken in the last {WINDOW} days"
    return (
        Definition(
            name, title, Unit.AGREEMENTS, Seed.RECOVERY, kept, ended, "kept", "ended", more_is_better=True
        ),
        Definition(
            f"{name}_amount",
            f"{title}, by amount",
            Unit.MONEY,
            Seed.RECOVERY,
            f"amount of {kept}",
            f"amount of {ended}",
            "kept_amount",
            "ended_amount",
            more_is_better=True,
        ),
    )


_ABOUT = (
    "Judged when the agreement's own grace is over, with its own tolerance. The agent is who made it. Cancelled and "
    "renegotiated ones are not counted."
)
PROMISES = Family(
    "promises",
    "Promises to pay",
    _definitions("promise_kept_rate", "Promises kept", "promises"),
    _rows([PlanKind.PROMISE]),
    (Dimension.AGENT,),
    _ABOUT,
)
PLANS = Family(
    "plans",
    "Plans and settlements",
    _definitions("plan_kept_rate", "Plans kept", "plans and settlements"),
    _rows([PlanKind.INSTALMENTS, PlanKind.SETTLEMENT, PlanKind.HARDSHIP]),
    (Dimension.AGENT,),
    _ABOUT,
)
