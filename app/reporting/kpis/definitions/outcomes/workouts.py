"""Workouts: repayment and hardship plans that customers entered, and how they left them."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.family import Days, Family, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""
WORKOUTS = (PlanKind.INSTALMENTS, PlanKind.HARDSHIP)


def _rows(_shape: Shape, days: Days) -> Query:
    """Workouts that ran on a day of the window. One that ended later counts as running, whatever became of it."""
    plan = table_of(Plan)
    first_on = days.before(WINDOW - 1)
    has_ended = sa.and_(plan.c.ended_on.is_not(None), plan.c.ended_on <= days.on)

    def counted(condition: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
        return sa.case((condition, 1), else_=0).label(name)

    return sa.select(
        *thing(
            Thing.AGREEMENT,
            plan.c.id,
            plan.c.accepted_on,
            first_account(plan.c.customer_id),
            plan.c.customer_id,
        ),
        agent_of(plan.c.offered_by).label("agent"),
        sa.literal(1).label("ran"),
        counted(plan.c.accepted_on >= first_on, "entered"),
        counted(has_ended, "ended"),
        counted(sa.and_(has_ended, plan.c.status == PlanStatus.KEPT), "kept"),
        counted(sa.and_(has_ended, plan.c.status == PlanStatus.BROKEN), "broken"),
    ).where(
        plan.c.portfolio_id == days.portfolio_id,
        plan.c.kind.in_(WORKOUTS),
        plan.c.accepted_on <= days.on,
        sa.or_(plan.c.ended_on.is_(None), plan.c.ended_on >= first_on),
    )


def _definition(name: str, title: str, columns: tuple[str, str], *, good: bool) -> Definition:
    return Definition(
        name,
        title,
        Unit.AGREEMENTS,
        Seed.RECOVERY,
        _WORDS[columns[0]],
        _WORDS[columns[1]],
        *columns,
        more_is_better=good,
    )


_WORDS = {
    "ran": f"workouts that ran on a day of the last {WINDOW} days",
    "entered": f"workouts that were accepted in the last {WINDOW} days",
    "ended": f"workouts that ended in the last {WINDOW} days",
    "kept": "workouts that ended because all was paid",
    "broken": "workouts that ended because they were broken",
}
WORKOUT = Family(
    "workouts",
    "Workouts",
    (
        _definition("workout_entry_rate", "Workouts entered", ("entered", "ran"), good=True),
        _definition("workout_exit_rate", "Workouts left", ("ended", "ran"), good=False),
        _definition("workout_success_rate", "Workouts left by paying all", ("kept", "ended"), good=True),
        _definition(
            "workout_failure_rate", "Workouts left by breaking them", ("broken", "ended"), good=False
        ),
    ),
    _rows,
    (Dimension.AGENT,),
    "A workout is a repayment or hardship plan. Those that were cancelled or renegotiated ended, too. The agent is who "
    "made it.",
)
