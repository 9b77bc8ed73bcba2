"""Cases: how long they took to end, and how long the open ones have waited."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.cases.models import CollectionsCase
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.family import Days, Family, Shape, days_between, first_account, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Statistic, Thing, Unit

WINDOW = 30


def _closed_rows(_shape: Shape, days: Days) -> Query:
    """Cases that were closed in the window, with the days since they were opened."""
    case = table_of(CollectionsCase)
    return sa.select(
        *thing(
            Thing.CASE, case.c.id, case.c.closed_on, first_account(case.c.customer_id), case.c.customer_id
        ),
        case.c.owner.label("agent"),
        days_between(case.c.opened_on, case.c.closed_on).label("days"),
        sa.literal(1).label("cases"),
    ).where(
        case.c.portfolio_id == days.portfolio_id,
        case.c.closed_on.between(days.before(WINDOW - 1), days.on),
    )


def _open_rows(_shape: Shape, days: Days) -> Query:
    """Cases that were open at the end of the day, with the days since they were opened."""
    case = table_of(CollectionsCase)
    return sa.select(
        *thing(
            Thing.CASE, case.c.id, case.c.opened_on, first_account(case.c.customer_id), case.c.customer_id
        ),
        days_between(case.c.opened_on, days.on).label("days"),
        sa.literal(1).label("cases"),
    ).where(
        case.c.portfolio_id == days.portfolio_id,
        case.c.opened_on <= days.on,
        sa.or_(case.c.closed_on.is_(None), case.c.closed_on > days.on),
    )


def _definition(name: str, title: str, counted: str, out_of: str, statistic: Statistic) -> Definition:
    return Definition(
        name,
        title,
        Unit.DAYS,
        Seed.RESOLUTION,
        counted,
        out_of,
        "days",
        "cases",
        more_is_better=False,
        statistic=statistic,
    )


_TAKEN, _CLOSED = "days from opening to closing", f"cases closed in the last {WINDOW} days"
RESOLUTION = Family(
    "resolution",
    "Resolution of cases",
    (
        _definition("resolution_days", "Days to resolve a case, mean", _TAKEN, _CLOSED, Statistic.RATIO),
        _definition(
            "resolution_days_median", "Days to resolve a case, median", _TAKEN, _CLOSED, Statistic.MEDIAN
        ),
    ),
    _closed_rows,
    (Dimension.AGENT,),
    "The agent is who owned the case when it was closed.",
)
OPEN_CASES = Family(
    "open_cases",
    "Age of open cases",
    (
        _definition(
            "open_age_days",
            "Age of open cases in days, mean",
            "days since opening",
            "open cases",
            Statistic.RATIO,
        ),
    ),
    _open_rows,
    is_sparse=True,
)
