"""Expected cash of the coming months, with its record on past ones."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import Field

from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import PortfolioCode
from app.api.shapes import Shape
from app.book.portfolios.days import last_closed
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.money import to_decimal_string
from app.reporting.forecast.queries import forecast_cash
from app.reporting.forecast.rules import CashForecast

router = api_router("/portfolios/{code}/forecast", tags=["figures"])


class HorizonShape(Shape):
    """One horizon; amounts are null where a guess was nearer in the past, and `why` says so."""

    days: int
    expected: str | None
    low: str | None = Field(description="Of the 80 % interval.")
    high: str | None
    from_agreements: str | None
    why: str
    held: float | None = Field(description="Share of past forecasts whose interval held what came.")
    tests: int = Field(description="Past forecasts with an outcome.")
    miss: str | None = Field(description="Mean distance between forecast and what came.")
    miss_last_month: str | None = Field(description="The same of `as last month`.")
    miss_last_year: str | None = Field(description="The same of `as the same months last year`.")

    @classmethod
    def of(cls, line: CashForecast, currency: str) -> Self:
        def money(amount: float | None) -> str | None:
            return None if amount is None else to_decimal_string(round(amount), currency)

        return cls(
            days=30 * line.expected.months,
            expected=money(line.expected.cash) if line.is_shown else None,
            low=money(line.low),
            high=money(line.high),
            from_agreements=money(line.expected.agreed) if line.is_shown else None,
            why=line.why,
            held=line.covered,
            tests=line.tests,
            miss=money(line.error),
            miss_last_month=money(line.error_last_month),
            miss_last_year=money(line.error_last_year),
        )


class ForecastShape(Shape):
    as_of: date = Field(description="The month end from which it counts.")
    currency: str
    horizons: list[HorizonShape]


@router.get("", summary="Get expected cash")
def get_forecast(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> ForecastShape:
    """Payments toward unpaid dues that are expected within 30, 60 and 90 days of the last closed month end."""
    portfolio = get_portfolio(session, code)
    on = last_closed(session, portfolio)
    found = forecast_cash(session, portfolio, on) if on else None
    if found is None:
        raise NotFound("There is no forecast yet: two month ends have to be closed.")
    lines = [HorizonShape.of(line, portfolio.currency) for line in found.lines]
    return ForecastShape(as_of=found.as_of, currency=portfolio.currency, horizons=lines)
