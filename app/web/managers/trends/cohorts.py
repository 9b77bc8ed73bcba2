"""Cohorts: liquidation since placement or charge-off, and vintages of late accounts, as chart, table and file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import Invalid
from app.core.money import exponent, to_decimal_string
from app.core.types import JsonObject, Rows
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.cohorts.queries import cohorts_of
from app.reporting.cohorts.rules import CURVES, Cohort, Curve, CurveWords, Point
from app.web.lists import csv_download
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/trends/cohorts")
MOST_LINES = 6
SHADES = 9
HEADER = ("cohort", "months", "date", "value", "numerator", "denominator", "unit")


@dataclass(frozen=True, slots=True)
class Cell:
    """A point of a curve; `shade` draws it from 0 to 9. Without an address it is of a time before the first closed
    day."""

    point: Point
    shade: int
    href: str


@dataclass(frozen=True, slots=True)
class CohortsPage(Page):
    template = "managers/trends/cohorts.html"
    book: ClosedBook
    curve: Curve
    curves: Sequence[tuple[Curve, str]]
    words: CurveWords
    months: Sequence[int]
    rows: Sequence[tuple[Cohort, Sequence[Cell | None]]]
    chart: JsonObject
    drawn: int


@router.get("")
def cohorts(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    date: str = "",
    curve: str = "",
    format: str = "",
) -> Response:
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen_one = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen_one, portfolios=portfolios))
    if curve and curve not in set(Curve):
        raise Invalid(f"There is no curve {curve[:20]!r}. Known are: {', '.join(Curve)}.", "curve")
    chosen, found = _chosen(session, book, curve)
    words = CURVES[chosen]
    name = f"cohorts-{chosen}-{book.portfolio.code}-{book.on}"
    if format == "csv":
        return csv_download(f"{name}.csv", HEADER, _rows(book, words, found, is_text=True))
    if format == "xlsx":
        return xlsx_download(f"{name}.xlsx", "Cohorts", HEADER, _rows(book, words, found, is_text=False))
    known = [point.months for cohort in found for point in cohort.points]
    months = list(range(min(known, default=0), max(known, default=0) + 1))
    drawn = [cohort for cohort in found if len(cohort.points) > 1][-MOST_LINES:] or found[-MOST_LINES:]
    top = max((point.value or 0 for cohort in found for point in cohort.points), default=0)
    return page(
        request,
        CohortsPage(
            book=book,
            curve=chosen,
            curves=[(each, CURVES[each].title) for each in Curve],
            words=words,
            months=months,
            rows=[(cohort, [_cell(book, words, cohort, n, top) for n in months]) for cohort in found],
            chart=chart_spec(
                "line",
                [str(n) for n in months],
                "percent",
                {cohort.month: [_value(cohort, n) for n in months] for cohort in drawn},
            ),
            drawn=len(drawn),
        ),
    )


def _chosen(session: Session, book: ClosedBook, curve: str) -> tuple[Curve, Sequence[Cohort]]:
    """The curve that is asked for with its cohorts; without one the first curve that has a value, or else the first."""
    if curve:
        return Curve(curve), cohorts_of(session, book.portfolio, Curve(curve), book.on)
    for each in Curve:
        found = cohorts_of(session, book.portfolio, each, book.on)
        if any(point.value for cohort in found for point in cohort.points):
            return each, found
    first = next(iter(Curve))
    return first, cohorts_of(session, book.portfolio, first, book.on)


def _value(cohort: Cohort, months: int) -> float | None:
    point = cohort.at(months)
    return point.value if point else None


def _cell(book: ClosedBook, words: CurveWords, cohort: Cohort, months: int, top: float) -> Cell | None:
    point = cohort.at(months)
    if point is None:
        return None
    shade = round(SHADES * max(point.value or 0, 0) / top) if top > 0 else 0
    where = (words.kpi, book.portfolio.code, point.on, words.dimension.value, cohort.month)
    return Cell(point, shade, figure_href(*where) if point.is_stored else "")


def _rows(book: ClosedBook, words: CurveWords, cohorts: Sequence[Cohort], *, is_text: bool) -> Iterator[Rows]:
    """A row for each point. Amounts are in units of the currency: exact texts in CSV, numbers in a workbook."""
    currency = book.portfolio.currency

    def amount(number: int) -> str | float:
        if words.late_days:
            return number
        return to_decimal_string(number, currency) if is_text else number / 10 ** exponent(currency)

    unit = "accounts" if words.late_days else currency
    for cohort in cohorts:
        for point in cohort.points:
            sides = amount(point.numerator), amount(point.denominator)
            yield cohort.month, point.months, point.on, point.value, *sides, unit
