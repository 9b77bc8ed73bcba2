"""The flow between buckets since the last month end: the roll-rate matrix as a heat map, each cell with its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from starlette.requests import Request
from starlette.responses import Response

from app.core.money import to_decimal_string
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.kpis.definitions.flow import ARROW
from app.reporting.kpis.family import month_end_before
from app.reporting.kpis.queries import Matrix, roll_matrix
from app.reporting.kpis.rules import Dimension
from app.web.lists import csv_download
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/trends/flow")
SHADES = 9
HEADER = ("from", "to", "accounts", "balance", "currency")


@dataclass(frozen=True, slots=True)
class Cell:
    """Accounts that went from one bucket to another. `share` is theirs of the row; `shade` draws it from 0 to 9."""

    accounts: int
    balance: int
    share: float
    href: str

    @property
    def shade(self) -> int:
        return round(self.share * SHADES)


@dataclass(frozen=True, slots=True)
class FlowPage(Page):
    template = "managers/trends/flow.html"
    book: ClosedBook
    measure: str
    month_end: object
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None], int]]
    """Bucket at the month end, its cells, and the sum of the row."""


@router.get("")
def flow(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    date: str = "",
    measure: str = "accounts",
    format: str = "",
) -> Response:
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    matrix = roll_matrix(session, book.portfolio, book.on)
    name = f"flow-{book.portfolio.code}-{book.on}"
    rows = [
        (then, now, accounts, to_decimal_string(balance, book.portfolio.currency), book.portfolio.currency)
        for then, cells in matrix.items()
        for now, (accounts, balance) in cells.items()
    ]
    if format == "csv":
        return csv_download(f"{name}.csv", HEADER, rows)
    if format == "xlsx":
        numbers = [
            (then, now, accounts, float(balance), currency) for then, now, accounts, balance, currency in rows
        ]
        return xlsx_download(f"{name}.xlsx", "Flow", HEADER, numbers)
    measure = measure if measure in ("accounts", "balance") else "accounts"
    columns = list(dict.fromkeys(chain(matrix, *matrix.values())))
    return page(
        request,
        FlowPage(
            book=book,
            measure=measure,
            month_end=month_end_before(book.on),
            columns=columns,
            rows=[_row(book, matrix, then, columns, by_balance=measure == "balance") for then in matrix],
        ),
    )


def _row(
    book: ClosedBook, matrix: Matrix, then: str, columns: Sequence[str], *, by_balance: bool
) -> tuple[str, Sequence[Cell | None], int]:
    cells = matrix[then]
    total = sum(pair[by_balance] for pair in cells.values())
    kpi = "roll_matrix_balance" if by_balance else "roll_matrix"

    def cell(now: str) -> Cell | None:
        if now not in cells:
            return None
        accounts, balance = cells[now]
        share = cells[now][by_balance] / total if total > 0 else 0.0
        member = f"{then}{ARROW}{now}"
        href = figure_href(kpi, book.portfolio.code, book.on, Dimension.MOVE.value, member)
        return Cell(accounts, balance, min(max(share, 0.0), 1.0), href)

    return then, [cell(now) for now in columns], total
