"""Key figures of closed days."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import Day, PortfolioCode
from app.api.managers.shapes import KpiSeries, KpisShape
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.reporting.cohorts.queries import all_cohorts
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.queries import bucket_flows, month_roll_forward, roll_matrix, snapshots

router = api_router("/portfolios/{code}/kpis", tags=["figures"])

MAX_DAYS = 366


@router.get("", summary="Get the key figures")
def get_kpis(
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    on: Annotated[Day, Query(alias="date", description="A closed business day.")],
) -> KpisShape:
    """The figures of a closed day and the roll-forward of its month to date, as `desk kpis --json` prints them.
    A day that late entries changed shows its restated figures."""
    portfolio = get_portfolio(session, code)
    rows = snapshots(session, id_of(portfolio), on, on)
    if not rows:
        raise NotFound("This business day has not been closed.")
    rolled = month_roll_forward(session, id_of(portfolio), on)
    return KpisShape.of(
        portfolio,
        on,
        rows,
        rolled,
        roll_matrix(session, portfolio, on),
        bucket_flows(session, portfolio, on),
        all_cohorts(session, portfolio, on),
    )


@router.get("/series", summary="Get key figures over time")
def get_kpi_series(
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    first_on: Annotated[Day, Query(alias="from")],
    last_on: Annotated[Day, Query(alias="to", description="At most 366 days after `from`.")],
    kpi: Annotated[
        list[Annotated[Line, Query(max_length=60)]] | None,
        Query(max_length=20, description="Only these, named once each; all of them if not given."),
    ] = None,
) -> KpiSeries:
    """The closed days from one to another, oldest first; days that were not closed are left out."""
    portfolio = get_portfolio(session, code)
    if last_on < first_on:
        raise Invalid("This day is before the first.", "to")
    if (last_on - first_on).days > MAX_DAYS:
        raise Invalid(f"Ask for at most {MAX_DAYS} days at a time.", "to")
    if not set(kpi or ()) <= set(DEFINITIONS):
        known = ", ".join(DEFINITIONS)
        raise Invalid(f"There is no key figure of this name. Choose from: {known}.", "kpi")
    return KpiSeries.of(portfolio, snapshots(session, id_of(portfolio), first_on, last_on, kpi))
