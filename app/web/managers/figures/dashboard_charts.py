"""The charts of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from babel.dates import format_skeleton
from sqlmodel import Session
from starlette.requests import Request

from app.book.portfolios.models import Portfolio
from app.core.money import exponent
from app.core.types import JsonObject, Rows
from app.http.formats import reader_locale
from app.reporting.kpis.buckets import past_due_at_close
from app.reporting.kpis.history import Point
from app.reporting.kpis.rules import OVERDUE_DAYS


def charts_of(
    request: Request, session: Session, portfolio: Portfolio, points: Sequence[Point]
) -> dict[str, JsonObject]:
    days = sorted({point.on for point in points})
    if not days:
        return {}
    locale = reader_locale(request)
    labels = [
        format_skeleton("yMMMd" if days[0].year != days[-1].year else "MMMd", d, locale=locale) for d in days
    ]
    by_day = {(point.current.kpi, point.on): point for point in points}
    charts = {"recovery": _recovery_chart(labels, days, by_day)}
    for what in ("balance", "accounts"):
        names = {f"{n}+ days": f"overdue_rate_{what}_{n}" for n in OVERDUE_DAYS}
        lines = {title: _values(by_day, name, days) for title, name in names.items()}
        charts[what] = chart_spec("line", labels, "percent", lines)
    amounts = past_due_at_close(session, portfolio, days)
    unit = 10 ** exponent(portfolio.currency)
    stacks = {
        f"{label} days": [amount / unit for amount in amounts_of_days]
        for label, amounts_of_days in amounts.items()
        if any(amounts_of_days)
    }
    charts["buckets"] = chart_spec("bar", labels, portfolio.currency, stacks) | {
        "stacked": True,
        "ramp": True,
    }
    return charts


def _recovery_chart(
    labels: list[str], days: list[date], by_day: Mapping[tuple[str, date], Point]
) -> JsonObject:
    """With the figures as first reported beside them, once a late entry has restated any."""
    lines = {"Month to date": _values(by_day, "recovery_rate", days)}
    lines["Last 30 days"] = _values(by_day, "recovery_rate_30d", days)
    if any(point.restated for (name, _), point in by_day.items() if name == "recovery_rate"):
        lines["Month to date, as first reported"] = _values(by_day, "recovery_rate", days, first=True)
    return chart_spec("line", labels, "percent", lines)


def _values(
    by_day: Mapping[tuple[str, date], Point], kpi: str, days: Sequence[date], *, first: bool = False
) -> list[float | None]:
    found = (by_day.get((kpi, day)) for day in days)
    return [(point.first if first else point.current).value if point else None for point in found]


def chart_spec(kind: str, labels: Sequence[str], unit: str, lines: Mapping[str, Rows]) -> JsonObject:
    """The data of `ui.chart`: `kind` is line or bar; `unit` percent (ratios), count, or a currency code."""
    named = [{"name": name, "values": list(values)} for name, values in lines.items()]
    return {"type": kind, "labels": list(labels), "unit": unit, "series": named}
