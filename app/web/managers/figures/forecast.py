"""Expected cash of the next 30, 60 and 90 days, with its record; not shown where a guess was nearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.money import exponent
from app.core.types import JsonObject
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.forecast.queries import PortfolioForecast, forecast_cash
from app.web.managers.figures.choice import choose_portfolio
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page

router = Router(prefix="/forecast")


@dataclass(frozen=True, slots=True)
class ForecastPage(Page):
    template = "managers/forecast.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    found: PortfolioForecast | None
    chart: JsonObject | None


@router.get("")
def forecast(request: Request, _staff: Manager, session: ReadSession, portfolio: str = "") -> Response:
    portfolios, chosen = choose_portfolio(session, portfolio)
    on = last_closed(session, chosen) if chosen else None
    found = forecast_cash(session, chosen, on) if chosen and on else None
    chart = _chart(found, chosen) if found and chosen else None
    return page(request, ForecastPage(portfolio=chosen, portfolios=portfolios, found=found, chart=chart))


def _chart(found: PortfolioForecast, portfolio: Portfolio) -> JsonObject:
    """Cash of each month, by where it came from."""
    unit = 10 ** exponent(portfolio.currency)
    agreed = [flow.paid_minor.get("agreement", 0) / unit for flow in found.flows]
    rolled = [flow.cash / unit - part for flow, part in zip(found.flows, agreed, strict=True)]
    labels = [f"{flow.ends_on:%Y-%m}" for flow in found.flows]
    lines = {"Without an agreement": rolled, "With a live agreement": agreed}
    return chart_spec("bar", labels, portfolio.currency, lines) | {"stacked": True}
