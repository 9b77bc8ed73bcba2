"""Incremental cash of ordinary reminders: the control share of a portfolio beside the customers reminded at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.strategy.experiments import FEWEST
from app.reporting.experiments.control import ControlResult, control_result
from app.web.managers.strategies.versions import all_portfolios
from app.web.rendering import Page, page

router = Router(prefix="/strategies/control")


@dataclass(frozen=True, slots=True)
class ControlPage(Page):
    template = "managers/strategies/control.html"
    book: Portfolio
    books: Sequence[Portfolio]
    on: date | None
    result: ControlResult | None
    fewest: int


@router.get("")
def control(request: Request, _staff: Manager, session: ReadSession, portfolio: str) -> Response:
    """Gross and incremental cash of reminders, by the standing comparison."""
    book = get_portfolio(session, portfolio)
    on = last_closed(session, book)
    result = control_result(session, book, on) if on else None
    return page(
        request,
        ControlPage(book=book, books=all_portfolios(session), on=on, result=result, fewest=FEWEST),
    )
