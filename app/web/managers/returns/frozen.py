"""A return as it was frozen, what it would be today, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession
from app.reporting.kpis.proof.restatements import LateEntries, late_entries_since
from app.reporting.returns.definitions.catalog import return_named
from app.reporting.returns.models import FrozenReturn
from app.reporting.returns.queries import cell_named, draw_up, frozen_cells, frozen_return, lines_then
from app.reporting.returns.rules import Period, ReturnDefinition
from app.web.lists import csv_download
from app.web.lookups import staff_names
from app.web.managers.returns.grid import HEADER_FROZEN, GridSection, differing_cells, file_rows, grid_of
from app.web.managers.returns.listed import listed_answer
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/returns/frozen")


@dataclass(frozen=True, slots=True)
class FrozenPage(Page):
    template = "managers/returns/frozen.html"
    portfolio: Portfolio
    row: FrozenReturn
    definition: ReturnDefinition
    period: Period
    sections: Sequence[GridSection]
    differing: int
    """Cells that would be others today."""
    causes: Sequence[LateEntries]
    names: dict[str, str]


@router.get("/{return_id}")
def frozen(
    request: Request, _staff: Manager, session: ReadSession, return_id: RowId, format: str = ""
) -> Response:
    row = frozen_return(session, return_id)
    portfolio = session.get_one(Portfolio, row.portfolio_id)
    known = return_named(row.kind)
    now = draw_up(session, portfolio, row.kind, row.business_date, row.months).cells
    sections = grid_of(
        frozen_cells(session, row),
        lambda cell: (
            f"/returns/frozen/{return_id}/lines?{urlencode({'row': cell.row, 'measure': cell.measure.value})}"
        ),
        now,
    )
    name = f"{row.kind}-{portfolio.code}-{row.business_date}-v{row.version}"
    if format == "csv":
        rows = file_rows(portfolio, sections, is_text=True, frozen=True)
        return csv_download(f"{name}.csv", HEADER_FROZEN, list(rows))
    if format == "xlsx":
        numbers = file_rows(portfolio, sections, is_text=False, frozen=True)
        return xlsx_download(f"{name}.xlsx", "Return", HEADER_FROZEN, numbers)
    differing = differing_cells(sections)
    return page(
        request,
        FrozenPage(
            portfolio=portfolio,
            row=row,
            definition=known.definition,
            period=Period(row.business_date, row.months),
            sections=sections,
            differing=differing,
            causes=late_entries_since(session, id_of(portfolio), row.frozen_at) if differing else [],
            names=dict(staff_names(session)),
        ),
    )


@router.get("/{return_id}/lines")
def frozen_lines(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    return_id: RowId,
    row: str,
    measure: str,
    cursor: str = "",
    format: str = "",
) -> Response:
    """The things that a frozen cell counted."""
    of = frozen_return(session, return_id)
    portfolio = session.get_one(Portfolio, of.portfolio_id)
    cell = cell_named(frozen_cells(session, of), row, measure)
    return listed_answer(
        request, session, portfolio, lines_then(of, cell), cell,
        title=return_named(of.kind).definition.title, on=of.business_date, back=f"/returns/frozen/{return_id}",
        name=f"{of.kind}-{row}-{portfolio.code}-{of.business_date}-v{of.version}", cursor=cursor, format=format,
    )  # fmt: skip
