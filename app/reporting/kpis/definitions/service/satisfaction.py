"""Customer satisfaction: the mean score that customers gave in surveys."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.cases.models import CollectionsCase
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.family import Days, Family, Shape, first_account, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _rows(_shape: Shape, days: Days) -> Query:
    """Answers of the window, each with its score from 1 to 5. Surveys are not recorded yet: there is no row."""
    case = table_of(CollectionsCase)
    return sa.select(
        *thing(Thing.CASE, case.c.id, days.on, first_account(case.c.customer_id), case.c.customer_id),
        sa.literal(0).label("score"),
        sa.literal(0).label("answers"),
    ).where(case.c.portfolio_id == days.portfolio_id, sa.false())


SATISFACTION = Family(
    "satisfaction",
    "Customer satisfaction",
    (
        Definition(
            "csat",
            "Customer satisfaction, mean score",
            Unit.ANSWERS,
            Seed.SATISFACTION,
            f"scores from 1 to 5 that customers gave in the last {WINDOW} days",
            f"answers of the last {WINDOW} days",
            "score",
            "answers",
            more_is_better=True,
        ),
    ),
    _rows,
    about="No survey is recorded yet, so there is nothing yet.",
)
