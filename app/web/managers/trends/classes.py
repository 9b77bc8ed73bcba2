"""Supervisory classes of the accounts that are past due, by a named scheme: each class with its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import Invalid
from app.core.money import exponent, to_decimal_string
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.kpis.definitions.outcomes.schemes import Scheme, schemes
from app.reporting.kpis.queries import class_totals
from app.reporting.kpis.rules import Dimension
from app.web.lists import csv_download
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.rendering import Page, page
from app.web.workbooks import xlsx_download

router = Router(prefix="/trends/classes")
HEADER = ("scheme", "class", "days_past_due", "accounts", "balance", "currency")


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class, the days past due that it covers, and its sums."""

    name: str
    days: str
    accounts: int
    balance: int
    share: float | None
    """Of the balance past due."""
    accounts_href: str
    balance_href: str


@dataclass(frozen=True, slots=True)
class ClassesPage(Page):
    template = "managers/trends/classes.html"
    book: ClosedBook
    scheme: Scheme
    schemes: Sequence[Scheme]
    rows: Sequence[ClassRow]
    accounts: int
    balance: int


@router.get("")
def classes(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    date: str = "",
    scheme: str = "",
    format: str = "",
) -> Response:
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    known = schemes()
    if scheme and scheme not in known:
        raise Invalid(f"There is no scheme {scheme[:20]!r}. Known are: {', '.join(known)}.", "scheme")
    named = known[Dimension(scheme)] if scheme else next(iter(known.values()))
    totals = class_totals(session, book.portfolio, book.on, named.dimension)
    rows = [_row(book, named, n, totals) for n in range(len(named.classes))]
    currency = book.portfolio.currency
    name = f"classes-{named.dimension}-{book.portfolio.code}-{book.on}"
    if format == "csv":
        lines = [
            (
                named.title,
                row.name,
                row.days,
                row.accounts,
                to_decimal_string(row.balance, currency),
                currency,
            )
            for row in rows
        ]
        return csv_download(f"{name}.csv", HEADER, lines)
    if format == "xlsx":
        unit = 10 ** exponent(currency)
        numbers = [
            (named.title, row.name, row.days, row.accounts, row.balance / unit, currency) for row in rows
        ]
        return xlsx_download(f"{name}.xlsx", "Classes", HEADER, numbers)
    return page(
        request,
        ClassesPage(
            book=book,
            scheme=named,
            schemes=list(known.values()),
            rows=rows,
            accounts=sum(row.accounts for row in rows),
            balance=sum(row.balance for row in rows),
        ),
    )


def _row(book: ClosedBook, scheme: Scheme, n: int, totals: dict[str, tuple[int, int]]) -> ClassRow:
    own, following = scheme.classes[n], scheme.classes[n + 1 : n + 2]
    accounts, balance = totals.get(own.name, (0, 0))
    whole = sum(pair[1] for pair in totals.values())
    where = (book.portfolio.code, book.on, scheme.dimension.value, own.name)
    return ClassRow(
        own.name,
        f"{own.from_day}–{following[0].from_day - 1}" if following else f"{own.from_day}+",
        accounts,
        balance,
        balance / whole if whole else None,
        figure_href("supervisory_class_accounts", *where),
        figure_href("supervisory_class_balance", *where),
    )
