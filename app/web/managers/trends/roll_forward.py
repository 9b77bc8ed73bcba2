"""The roll-forward of each bucket, of the month to date of a closed day: each amount with its list, to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.core.money import exponent, to_decimal_string
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.kpis.definitions.outcomes.rules import ROLL_FORWARD_PREFIX
from app.reporting.kpis.definitions.roll_forward import LINES
from app.reporting.kpis.family import month_end_before
from app.reporting.kpis.queries import bucket_flows
from app.reporting.kpis.rules import BucketFlow, Dimension
from app.web.lists import csv_download
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/trends/roll-forward")
HEADER = ("bucket", *LINES, "currency")
SIGNS = {
    "fell": "+",
    "moved_in": "+",
    "moved_out": "−",
    "cured": "−",
    "paid": "−",
    "adjusted": "−",
    "closing": "=",
}


@dataclass(frozen=True, slots=True)
class RollForwardPage(Page):
    template = "managers/trends/roll_forward.html"
    book: ClosedBook
    month_end: object
    lines: Mapping[str, tuple[str, str]]
    signs: Mapping[str, str]
    rows: Sequence[tuple[str, Sequence[tuple[int, str]], bool]]
    """Bucket, its amounts each with the address of its list, and whether they close."""
    total: Sequence[tuple[int, str]]
    closes: bool
    is_empty: bool


@router.get("")
def roll_forward(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    date: str = "",
    format: str = "",
) -> Response:
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    flows = bucket_flows(session, book.portfolio, book.on)
    total = sum(flows.values(), BucketFlow())
    currency = book.portfolio.currency
    name = f"roll-forward-{book.portfolio.code}-{book.on}"
    named = [*flows.items(), ("all", total)]
    if format == "csv":
        rows = [
            (bucket, *(to_decimal_string(minor, currency) for minor in astuple(flow)), currency)
            for bucket, flow in named
        ]
        return csv_download(f"{name}.csv", HEADER, rows)
    if format == "xlsx":
        unit = 10 ** exponent(currency)
        numbers = [(bucket, *(minor / unit for minor in astuple(flow)), currency) for bucket, flow in named]
        return xlsx_download(f"{name}.xlsx", "Roll-forward", HEADER, numbers)
    return page(
        request,
        RollForwardPage(
            book=book,
            month_end=month_end_before(book.on),
            lines=LINES,
            signs=SIGNS,
            rows=[(bucket, _cells(book, flow, bucket), flow.closes) for bucket, flow in flows.items()],
            total=_cells(book, total, None),
            closes=all(flow.closes for flow in (*flows.values(), total)),
            is_empty=not any(astuple(total)),
        ),
    )


def _cells(book: ClosedBook, flow: BucketFlow, bucket: str | None) -> list[tuple[int, str]]:
    where = ("", "") if bucket is None else (Dimension.BUCKET.value, bucket)
    return [
        (minor, figure_href(f"{ROLL_FORWARD_PREFIX}{line}", book.portfolio.code, book.on, *where))
        for line, minor in zip(LINES, astuple(flow), strict=True)
    ]
