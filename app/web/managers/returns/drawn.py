"""A return as it is known now: its cells, each with its list; freezing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import first_day
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid
from app.core.ids import id_of
from app.http.context import Now
from app.http.doors import Manager
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession, WriteSession
from app.reporting.returns.definitions.catalog import known_returns, return_named
from app.reporting.returns.models import FrozenReturn
from app.reporting.returns.queries import (
    ask,
    cell_named,
    draw_up,
    frozen_returns,
    lines_now,
)
from app.reporting.returns.rules import Cell, Period, ReturnDefinition
from app.reporting.returns.service import freeze_return
from app.web.lists import csv_download
from app.web.lookups import staff_names
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.managers.returns.grid import HEADER, GridSection, file_rows, grid_of
from app.web.managers.returns.listed import listed_answer
from app.web.rendering import Page, page, redirect
from app.web.workbooks import xlsx_download

router = Router(prefix="/returns")


@dataclass(frozen=True, slots=True)
class ReturnsPage(Page):
    template = "managers/returns/returns.html"
    book: ClosedBook
    definitions: Sequence[ReturnDefinition]
    titles: dict[str, str]
    frozen: Sequence[FrozenReturn]
    names: dict[str, str]


@router.get("")
def returns(request: Request, _staff: Manager, session: ReadSession, portfolio: str = "") -> Response:
    book = closed_book(session, portfolio, "")
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    definitions = [known.definition for known in known_returns().values()]
    return page(
        request,
        ReturnsPage(
            book=book,
            definitions=definitions,
            titles={each.kind.value: each.title for each in definitions},
            frozen=frozen_returns(session, id_of(book.portfolio)),
            names=dict(staff_names(session)),
        ),
    )


@dataclass(frozen=True, slots=True)
class DrawnPage(Page):
    template = "managers/returns/drawn.html"
    book: ClosedBook
    definition: ReturnDefinition
    period: Period
    begun_on: date
    """The first closed day."""
    sections: Sequence[GridSection]
    frozen: Sequence[FrozenReturn]
    """Versions of this return and period that were frozen, the newest first."""
    names: dict[str, str]


@router.get("/{kind}")
def drawn(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    kind: str,
    portfolio: str = "",
    date: str = "",
    months: str = "",
    format: str = "",
) -> Response:
    definition = return_named(kind).definition
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    found = draw_up(session, book.portfolio, kind, book.on, _months(months))
    period = found.asked.period
    sections = grid_of(found.cells, lambda cell: _href(kind, book, period, cell))
    name = f"{kind}-{book.portfolio.code}-{book.on}"
    if format == "csv":
        rows = file_rows(book.portfolio, sections, is_text=True, frozen=False)
        return csv_download(f"{name}.csv", HEADER, list(rows))
    if format == "xlsx":
        numbers = file_rows(book.portfolio, sections, is_text=False, frozen=False)
        return xlsx_download(f"{name}.xlsx", "Return", HEADER, numbers)
    own = [
        row
        for row in frozen_returns(session, id_of(book.portfolio))
        if (row.kind, row.business_date, row.months) == (definition.kind, period.on, period.months)
    ]
    return page(
        request,
        DrawnPage(
            book=book,
            definition=definition,
            period=period,
            begun_on=first_day(session, book.portfolio) or book.on,
            sections=sections,
            frozen=own,
            names=dict(staff_names(session)),
        ),
    )


@router.post("/{kind}")
def freeze(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    kind: str,
    on: Annotated[date, Form(alias="date")],
    portfolio: Annotated[str, Form(max_length=40)] = "",
    months: Annotated[str, Form(max_length=4)] = "",
) -> Response:
    book = get_portfolio(session, portfolio)
    row = freeze_return(session, book, kind, on, _months(months), by=staff.by, now=now)
    return redirect(
        request, f"/returns/frozen/{id_of(row)}", marked("The return is frozen as it was known now.")
    )


@router.get("/{kind}/lines")
def lines(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    kind: str,
    row: str,
    measure: str,
    portfolio: str,
    on: Annotated[date, Query(alias="date")],
    months: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    """The things that a cell counts, as they are known now."""
    book = get_portfolio(session, portfolio)
    asked, known = ask(session, book, kind, on, _months(months))
    cell = cell_named(draw_up(session, book, kind, on, _months(months)).cells, row, measure)
    where = {"portfolio": book.code, "date": on, "months": asked.period.months}
    return listed_answer(
        request, session, book, lines_now(asked, known, cell), cell,
        title=known.definition.title, on=on, back=f"/returns/{kind}?{urlencode(where)}",
        name=f"{kind}-{row}-{book.code}-{on}", cursor=cursor, format=format,
    )  # fmt: skip


def _href(kind: str, book: ClosedBook, period: Period, cell: Cell) -> str:
    where = {
        "portfolio": book.portfolio.code,
        "date": period.on,
        "months": period.months,
        "row": cell.row,
        "measure": cell.measure.value,
    }
    return f"/returns/{kind}/lines?{urlencode(where)}"


def _months(text: str) -> int | None:
    """Of an address or a form; None where it is empty."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise Invalid("The length of a period is a number of months, such as 6.", "months")
    return int(text)
