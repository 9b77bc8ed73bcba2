"""Returns to supervisors: as they are known now, and as they were frozen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Day, Limit, PortfolioCode, RowId
from app.api.returns.shapes import (
    DefinitionShape,
    FrozenCells,
    FrozenShape,
    Lines,
    LineShape,
    ReturnShape,
    cells_shape,
    money_or_number,
)
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.reporting.returns.definitions.catalog import known_returns
from app.reporting.returns.models import FrozenReturn
from app.reporting.returns.queries import (
    Listed,
    ask,
    cell_named,
    draw_up,
    frozen_cells,
    frozen_return,
    frozen_returns,
    lines_now,
    lines_then,
    things_listed,
    total_listed,
)
from app.reporting.returns.rules import Cell
from app.reporting.returns.service import freeze_return

router = api_router("/returns", tags=["figures"])
books = api_router("/portfolios/{code}/returns", tags=["figures"])
frozen = api_router("/portfolios/{code}/frozen-returns", tags=["figures"])

Kind = Annotated[Line, Field(min_length=1, max_length=40, examples=["cn-card-tiers"])]
LastDay = Annotated[
    Day, Query(alias="date", description="The last day of the period, a closed business day.")
]
Months = Annotated[
    int | None, Query(ge=0, le=120, description="Length of the period; the usual one if left out.")
]
RowName = Annotated[Line, Query(min_length=1, max_length=40, description="Row of the cell.")]
Column = Annotated[Line, Query(min_length=1, max_length=20, description="Measure of the cell.")]


@router.get("", summary="List the returns that are known")
def list_definitions(_caller: ApiManager) -> Page[DefinitionShape]:
    """Each with the text that asks for it."""
    return Page(items=[DefinitionShape.of(known.definition) for known in known_returns().values()])


@books.get("/{kind}", summary="Draw up a return")
def get_return(
    code: PortfolioCode,
    kind: Kind,
    _caller: ApiManager,
    session: ReadSession,
    on: LastDay,
    months: Months = None,
) -> ReturnShape:
    """Its cells as they are known now."""
    portfolio = get_portfolio(session, code)
    found = draw_up(session, portfolio, kind, on, months)
    period = found.asked.period
    return ReturnShape(
        kind=found.asked.definition.kind,
        first_on=period.first_on,
        last_on=period.on,
        months=period.months,
        definition=found.asked.definition.version,
        currency=portfolio.currency,
        cells=cells_shape(portfolio, found.cells),
    )


@books.get("/{kind}/lines", summary="List what a cell counts")
def get_lines(
    code: PortfolioCode,
    kind: Kind,
    _caller: ApiManager,
    session: ReadSession,
    on: LastDay,
    row: RowName,
    measure: Column,
    months: Months = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Lines:
    """The accounts, complaints or entries of a cell, as they are known now."""
    portfolio = get_portfolio(session, code)
    asked, known = ask(session, portfolio, kind, on, months)
    cell = cell_named(draw_up(session, portfolio, kind, on, months).cells, row, measure)
    return _lines(session, portfolio, lines_now(asked, known, cell), cell, cursor, limit)


class NewFrozenReturn(Input):
    kind: Kind
    last_on: Annotated[Day, Field(description="The last day of the period, a closed business day.")]
    months: Annotated[int | None, Field(ge=0, le=120)] = None


@frozen.get("", summary="List frozen returns")
def list_frozen(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> Page[FrozenShape]:
    """Those of the portfolio, the newest first."""
    portfolio = get_portfolio(session, code)
    return Page(items=[FrozenShape.of(row) for row in frozen_returns(session, id_of(portfolio))])


@frozen.post("", status_code=201, summary="Freeze a return")
def post_frozen(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewFrozenReturn
) -> FrozenShape:
    """Keep its cells and every thing that they count as they are known now; frozen again, it is a further version."""
    portfolio = get_portfolio(session, code)
    row = freeze_return(session, portfolio, body.kind, body.last_on, body.months, by=caller.by, now=now)
    return FrozenShape.of(row)


@frozen.get("/{return_id}", summary="Get a frozen return")
def get_frozen(
    code: PortfolioCode, return_id: RowId, _caller: ApiManager, session: ReadSession
) -> FrozenCells:
    """Its cells as they were frozen, and those that would be others today."""
    portfolio = get_portfolio(session, code)
    row = _of_portfolio(session, portfolio, return_id)
    cells = frozen_cells(session, row)
    kept = {(cell.row, cell.measure): (cell.number, cell.out_of) for cell in cells}
    now = draw_up(session, portfolio, row.kind, row.business_date, row.months).cells
    differ = [
        cell
        for cell in now
        if kept.get((cell.row, cell.measure), (cell.number, cell.out_of)) != (cell.number, cell.out_of)
    ]
    return FrozenCells(
        frozen=FrozenShape.of(row),
        currency=portfolio.currency,
        cells=cells_shape(portfolio, cells),
        now=cells_shape(portfolio, differ),
    )


@frozen.get("/{return_id}/lines", summary="List what a frozen cell counted")
def get_frozen_lines(
    code: PortfolioCode,
    return_id: RowId,
    _caller: ApiManager,
    session: ReadSession,
    row: RowName,
    measure: Column,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Lines:
    """The accounts, complaints or entries that were counted then."""
    portfolio = get_portfolio(session, code)
    of = _of_portfolio(session, portfolio, return_id)
    cell = cell_named(frozen_cells(session, of), row, measure)
    return _lines(session, portfolio, lines_then(of, cell), cell, cursor, limit)


def _of_portfolio(session: Session, portfolio: Portfolio, return_id: int) -> FrozenReturn:
    row = frozen_return(session, return_id)
    if row.portfolio_id != portfolio.id:
        raise NotFound("This portfolio has no frozen return of this number. Choose one from its list.")
    return row


def _lines(
    session: Session, portfolio: Portfolio, listed: Listed, cell: Cell, cursor: str | None, limit: int
) -> Lines:
    seen = decode_cursor(cursor, 4, int, str, str, int)
    after = (int(seen[0]), str(seen[1]), str(seen[2]), int(seen[3])) if seen else None
    found = things_listed(session, listed, after=after, limit=limit + 1)
    count, total = total_listed(session, listed)
    return Lines(
        count=count,
        total=money_or_number(portfolio, cell, total),
        items=[LineShape.of(portfolio, line) for line in found[:limit]],
        next_cursor=encode_cursor(*found[limit - 1].place) if len(found) > limit else None,
    )
