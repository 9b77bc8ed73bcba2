"""Settlement yield: the cash that kept settlements brought, of the debt that they ended."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.ledger.models import Entry
from app.book.ledger.rules import MONEY_IN, AccountStatus
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.family import Days, Family, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit

WINDOW = 365
"""Days, the last of which is the day of the figure: settlements are few."""


def _rows(_shape: Shape, days: Days) -> Query:
    """Settlements that were kept in the window: what was paid on their accounts from the offer to the end, and what was
    taken off the book then."""
    plan, settled, entry = table_of(Plan), table_of(PlanAccount), table_of(Entry)
    mirror = entry.alias("mirror")
    stands = ~sa.exists().where(mirror.c.reverses_id == entry.c.id)

    def total(*where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        """The sum of these credits of the settlement's accounts."""
        query = (
            sa.select(sa.cast(sa.func.coalesce(sa.func.sum(-entry.c.amount_minor), 0), sa.BigInteger))
            .select_from(settled)
            .join(entry, entry.c.account_id == settled.c.account_id)
            .where(settled.c.plan_id == plan.c.id, stands, *where)
        )
        return query.scalar_subquery()

    since = sa.func.coalesce(plan.c.counts_from, plan.c.accepted_on)
    cash = total(entry.c.kind.in_(list(MONEY_IN)), entry.c.effective_on.between(since, plan.c.ended_on))
    waived = total(entry.c.ended_as == AccountStatus.SETTLED, entry.c.effective_on == plan.c.ended_on)
    kept = (
        sa.select(
            plan.c.id,
            plan.c.ended_on,
            plan.c.customer_id,
            plan.c.offered_by,
            cash.label("cash"),
            waived.label("waived"),
        )
        .where(
            plan.c.portfolio_id == days.portfolio_id,
            plan.c.kind == PlanKind.SETTLEMENT,
            plan.c.status == PlanStatus.KEPT,
            plan.c.ended_on.between(days.before(WINDOW - 1), days.on),
        )
        .subquery("kept")
    )
    return sa.select(
        *thing(
            Thing.AGREEMENT, kept.c.id, kept.c.ended_on, first_account(kept.c.customer_id), kept.c.customer_id
        ),
        agent_of(kept.c.offered_by).label("agent"),
        kept.c.cash,
        (kept.c.cash + kept.c.waived).label("settled"),
    )


SETTLEMENTS = Family(
    "settlements",
    "Settlements",
    (
        Definition(
            "settlement_yield",
            "Settlement yield, 12 months",
            Unit.MONEY,
            Seed.RECOVERY,
            "payments on the accounts of settlements that were kept, from the offer to the end",
            f"the same + what was waived at their end, of settlements kept in the last {WINDOW} days",
            "cash",
            "settled",
            more_is_better=True,
        ),
    ),
    _rows,
    (Dimension.AGENT,),
    "Money that came back is not counted. The agent is who made the offer.",
)
