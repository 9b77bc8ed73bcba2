"""Complaints: how many customers complained, and how many complaints were closed in time."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.vocabulary import HoldKind
from app.reporting.kpis.family import Days, Family, Rows, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit
from app.reporting.kpis.standing import standing_on

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _opened_rows(shape: Shape, days: Days) -> Rows:
    """Complaints that began in the window, and every counted account; without a complaint there is nothing yet, and no
    account is looked at."""
    hold, case = table_of(CaseHold), table_of(CollectionsCase)
    begin, end = days.window(WINDOW)
    began = (
        case.c.portfolio_id == days.portfolio_id,
        hold.c.kind == HoldKind.COMPLAINT,
        hold.c.started_at >= begin,
        hold.c.started_at < end,
    )
    complaints = (
        sa.select(
            *thing(
                Thing.COMPLAINT,
                hold.c.id,
                days.local_day(hold.c.started_at),
                first_account(hold.c.customer_id),
                hold.c.customer_id,
            ),
            sa.literal(1).label("complaints"),
            sa.literal(0).label("accounts"),
        )
        .select_from(hold)
        .join(case, case.c.id == hold.c.case_id)
        .where(*began)
    )
    stands = standing_on(shape, days)
    there_is_one = sa.exists().where(case.c.id == hold.c.case_id, *began).correlate(None)
    accounts = sa.select(
        *thing(Thing.ACCOUNT, stands.c.account_id, days.on, stands.c.account_id, stands.c.customer_id),
        sa.literal(0).label("complaints"),
        sa.literal(1).label("accounts"),
    ).where(there_is_one)
    return sa.union_all(complaints, accounts)


def _closed_rows(_shape: Shape, days: Days) -> Query:
    """Complaints that ended in the window. One that its day ended was not closed by anybody."""
    hold, case = table_of(CaseHold), table_of(CollectionsCase)
    begin, end = days.window(WINDOW)
    by_somebody = agent_of(hold.c.ended_by) != ""
    in_time = days.local_day(hold.c.ended_at) <= hold.c.until
    return (
        sa.select(
            *thing(
                Thing.COMPLAINT,
                hold.c.id,
                days.local_day(hold.c.ended_at),
                first_account(hold.c.customer_id),
                hold.c.customer_id,
            ),
            sa.literal(1).label("ended"),
            sa.case((sa.and_(by_somebody, in_time), 1), else_=0).label("on_time"),
        )
        .select_from(hold)
        .join(case, case.c.id == hold.c.case_id)
        .where(
            case.c.portfolio_id == days.portfolio_id,
            hold.c.kind == HoldKind.COMPLAINT,
            hold.c.ended_at >= begin,
            hold.c.ended_at < end,
        )
    )


COMPLAINTS = Family(
    "complaints",
    "Complaints",
    (
        Definition(
            "complaints_per_1000",
            "Complaints of 30 days per 1,000 accounts",
            Unit.COMPLAINTS,
            Seed.SATISFACTION,
            f"complaints that were made in the last {WINDOW} days",
            "all accounts not charged off",
            "complaints",
            "accounts",
            more_is_better=False,
            per_1000=True,
        ),
    ),
    _opened_rows,
    about="A complaint is sliced by the first account of the customer.",
)
COMPLAINTS_CLOSED = Family(
    "complaints_closed",
    "Complaints closed",
    (
        Definition(
            "complaints_on_time",
            "Complaints closed in time",
            Unit.COMPLAINTS,
            Seed.SATISFACTION,
            "complaints that a person closed by the day that was set for them",
            f"complaints that ended in the last {WINDOW} days",
            "on_time",
            "ended",
            more_is_better=True,
        ),
    ),
    _closed_rows,
    about="A complaint that its day ended was closed by nobody.",
)
