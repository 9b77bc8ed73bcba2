"""Trends: any figure and slice over a range of days, beside an earlier period, as chart, table and file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel import Locale
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.money import exponent, to_decimal_string
from app.core.types import JsonObject, Rows
from app.http.doors import Manager
from app.http.formats import day_words, reader_locale
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.reporting.kpis.definitions.catalog import DEFINITIONS, figure_named
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.rules import SEED_TITLES, Definition, Dimension, Scale, Unit
from app.web.lists import csv_download
from app.web.managers.figures.asked import closed_book, day_of
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.managers.trends.lines import Asked, Line, Period, check_range, lines_of
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/trends")
USUAL = "recovery_rate_30d"
USUAL_DAYS = 90
PERIODS = {
    Period.NONE: marked("nothing"),
    Period.BEFORE: marked("the same number of days before"),
    Period.YEAR: marked("the same days a year before"),
}
HEADER = ("line", "date", "value", "numerator", "denominator", "unit")


@dataclass(frozen=True, slots=True)
class TrendsPage(Page):
    template = "managers/trends/trends.html"
    portfolios: Sequence[Portfolio]
    asked: Asked
    groups: Sequence[tuple[str, Sequence[Definition]]]
    """Figures to choose from, by the question that they answer."""
    dimensions: Sequence[str]
    members: Sequence[str]
    member: str
    """The chosen member as an address has it; `*` = every member."""
    periods: dict[Period, str]
    lines: Sequence[Line]
    left_out: int
    chart: JsonObject
    last_on: date
    href: str
    """The list behind the last day's figure."""


@router.get("")
def trends(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    portfolio: str = "",
    figure: str = USUAL,
    dimension: str = "",
    member: str = "*",
    first: str = "",
    last: str = "",
    compare: str = "",
    format: str = "",
) -> Response:
    book = closed_book(session, portfolio, "")
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    _, definition = figure_named(figure)
    begun_on = first_day(session, book.portfolio) or book.last_on
    last_on = day_of(last, "last") or book.last_on
    first_on = day_of(first, "first") or max(begun_on, last_on - timedelta(days=USUAL_DAYS - 1))
    check_range(first_on, last_on, begun_on, book.last_on)
    if compare not in set(Period):
        raise Invalid(
            f"Nothing is compared with {compare[:20]!r}. Choose before, year or nothing.", "compare"
        )
    by_dimension = _members(session, book.portfolio, figure, book.last_on)
    if dimension and dimension not in by_dimension:
        known = ", ".join(sorted(by_dimension)) or "none"
        raise Invalid(
            f"{definition.title} has no slices by {dimension[:30]!r}. Known are: {known}.", "dimension"
        )
    one = member if dimension and member != "*" else None
    asked = Asked(book.portfolio, definition, first_on, last_on, dimension, one, Period(compare))
    locale = reader_locale(request)
    lines, left_out = lines_of(session, asked, locale)
    name = f"{figure}-{book.portfolio.code}-{first_on}-{last_on}"
    if format == "csv":
        return csv_download(f"{name}.csv", HEADER, _rows(asked, lines, is_text=True))
    if format == "xlsx":
        return xlsx_download(f"{name}.xlsx", "Figures", HEADER, _rows(asked, lines, is_text=False))
    return page(
        request,
        TrendsPage(
            portfolios=book.portfolios,
            asked=asked,
            groups=_groups(),
            dimensions=sorted(by_dimension),
            members=by_dimension.get(dimension, []),
            member=member,
            periods=PERIODS,
            lines=lines,
            left_out=left_out,
            chart=_chart(asked, lines, locale),
            last_on=min(last_on, book.last_on),
            href=figure_href(
                figure,
                book.portfolio.code,
                min(last_on, book.last_on),
                dimension if one is not None else "",
                one or "",
            ),
        ),
    )


def _groups() -> list[tuple[str, list[Definition]]]:
    """The figures of the tiles, by the titles of their groups."""
    tiles = [each for each in DEFINITIONS.values() if each.is_tile]
    return [(title, [each for each in tiles if each.seed is seed]) for seed, title in SEED_TITLES.items()]


def _chart(asked: Asked, lines: Sequence[Line], locale: Locale) -> JsonObject:
    scale = asked.definition.scale
    return {
        "type": "line",
        "labels": [day_words(day, locale) for day in asked.days],
        "unit": "percent" if scale is Scale.PERCENT else "count",
        "series": [
            {"name": line.name, "values": [_shown(value, scale) for value in line.values]} for line in lines
        ],
    }


def _shown(value: float | None, scale: Scale) -> float | None:
    """As a chart has it: a share as it is, any other value as it reads."""
    return value if value is None or scale is Scale.PERCENT else value * scale.factor


def _members(session: Session, portfolio: Portfolio, kpi: str, on: date) -> dict[str, list[str]]:
    """Members of each dimension that the figure has on a day."""
    found: dict[str, list[str]] = {}
    for name, dimension, member in latest_versions(session, id_of(portfolio), on):
        if name == kpi and dimension in set(Dimension):
            found.setdefault(dimension, []).append(member)
    return {dimension: sorted(members) for dimension, members in found.items()}


def _rows(asked: Asked, lines: Sequence[Line], *, is_text: bool) -> Iterator[Rows]:
    """A row for each reading. Amounts are in units of the currency: exact texts in CSV, numbers in a workbook."""
    currency = asked.portfolio.currency
    is_money = asked.definition.unit is Unit.MONEY

    def amount(minor: int) -> str | float:
        if not is_money:
            return str(minor) if is_text else minor
        return to_decimal_string(minor, currency) if is_text else minor / 10 ** exponent(currency)

    unit = currency if is_money else asked.definition.unit.value
    for line in lines:
        for reading in line.readings:
            if reading is not None:
                yield (
                    line.name,
                    reading.on,
                    reading.value,
                    amount(reading.numerator),
                    amount(reading.denominator),
                    unit,
                )
