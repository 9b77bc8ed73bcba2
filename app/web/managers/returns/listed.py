"""The list behind a cell of a return, as page and as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.core.money import exponent, to_decimal_string
from app.core.types import Rows
from app.http.cursors import decode_cursor, encode_cursor
from app.http.interface import marked
from app.reporting.kpis.history import latest_cases
from app.reporting.returns.queries import LineBehind, Listed, things_listed, total_listed
from app.reporting.returns.rules import Cell, Measure
from app.web.lists import Column, csv_download
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

PAGE = 100
HEADER = ("row", "kind", "id", "on", "account_ref", "balance", "past_due", "currency")


@dataclass(frozen=True, slots=True)
class ListedPage(Page):
    template = "managers/returns/lines.html"
    portfolio: Portfolio
    title: str
    back: str
    cell: Cell
    on: date
    is_money: bool
    columns: Sequence[Column]
    rows: Sequence[LineBehind]
    cases: Mapping[int, int]
    count: int
    total: int
    next_cursor: str | None


def listed_answer(
    request: Request,
    session: Session,
    portfolio: Portfolio,
    listed: Listed,
    cell: Cell,
    *,
    title: str,
    on: date,
    back: str,
    name: str,
    cursor: str,
    format: str,
) -> Response:
    """A page of the list, or all of it as CSV or XLSX: one line for each thing, without names."""
    if format == "csv":
        return csv_download(
            f"{name}.csv", HEADER, _rows(portfolio, things_listed(session, listed), is_text=True)
        )
    if format == "xlsx":
        numbers = _rows(portfolio, things_listed(session, listed), is_text=False)
        return xlsx_download(f"{name}.xlsx", "Lines", HEADER, numbers)
    seen = decode_cursor(cursor, 4, int, str, str, int)
    after = (int(seen[0]), str(seen[1]), str(seen[2]), int(seen[3])) if seen else None
    found = things_listed(session, listed, after=after, limit=PAGE + 1)
    shown = found[:PAGE]
    count, total = total_listed(session, listed)
    return page(
        request,
        ListedPage(
            portfolio=portfolio,
            title=title,
            back=back,
            cell=cell,
            on=on,
            is_money=cell.measure is not Measure.NUMBER,
            columns=[
                Column(marked("Day")),
                Column(marked("Account")),
                Column(marked("Customer")),
                Column(marked("Balance"), numeric=True),
                Column(marked("Past due"), numeric=True),
            ],
            rows=shown,
            cases=latest_cases(session, [row.customer_id for row in shown]),
            count=count,
            total=total,
            next_cursor=encode_cursor(*shown[-1].place) if len(found) > PAGE else None,
        ),
    )


def _rows(portfolio: Portfolio, lines: Sequence[LineBehind], *, is_text: bool) -> Iterator[Rows]:
    """Amounts are in units of the currency: exact texts in CSV, numbers in a workbook."""
    currency = portfolio.currency

    def amount(minor: int) -> str | float:
        return to_decimal_string(minor, currency) if is_text else minor / 10 ** exponent(currency)

    for each in lines:
        money = amount(each.balance_minor), amount(each.past_due_minor)
        yield each.row, each.kind.value, each.thing_id, each.on, each.account_ref, *money, currency
