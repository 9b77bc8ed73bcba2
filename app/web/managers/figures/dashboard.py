"""The dashboard: a portfolio's figures, their rows, and the run of the last day."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.days import CURRENT
from app.book.delinquency.queries import RollForward
from app.book.portfolios.days import last_closed, last_run
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.dates import add_months
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.types import JsonObject, Rows, Values
from app.http.context import Now
from app.http.doors import Manager
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.operations.invariants.checks import Violation, quick
from app.outreach.outbox.queries import WorkerStatus, workers
from app.reporting.kpis import history
from app.reporting.kpis.buckets import buckets_at_close, month_at_close
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.history import Point
from app.reporting.kpis.proof.restatements import Cause, causes_of
from app.reporting.kpis.rules import OVERDUE_DAYS, Definition, Figure, Unit
from app.web.lists import csv_download
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard_charts import charts_of
from app.web.rendering import Page, page

router = Router(prefix="/dashboard")
RANGES = (30, 90, 180, 365)
RESTATED_LISTED = 20


@dataclass(frozen=True, slots=True)
class EmptyDashboardPage(Page):
    template = "managers/dashboard/empty.html"
    portfolio: None | Portfolio
    portfolios: Sequence[object] | Sequence[Portfolio]


@dataclass(frozen=True, slots=True)
class DashboardPage(Page):
    template = "managers/dashboard/dashboard.html"
    portfolios: Sequence[Portfolio]
    portfolio: Portfolio
    days: int
    ranges: tuple[int, int, int, int]
    on: date
    first_on: date
    tiles: Mapping[str, Tile]
    overdue_days: tuple[int, int, int, int]
    restated: Sequence[Point]
    listed: int
    """How many of them the page lists, the newest first."""
    causes: Mapping[int, Sequence[Cause]]
    """Entries behind the restated figures that the page lists."""
    definitions: Mapping[str, Definition]
    charts: Mapping[str, Mapping[str, object]]
    buckets: Sequence[Mapping[str, object]]
    not_owed: int
    roll: RollForward
    steps: Sequence[RollForwardLine]
    workers: Sequence[WorkerStatus]
    last_day: LastDay


@router.get("")
def dashboard(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    now: Now,
    portfolio: str = "",
    days: int = 90,
    format: str = "",
) -> Response:
    portfolios, chosen = choose_portfolio(session, portfolio)
    if chosen is None:
        return page(request, EmptyDashboardPage(portfolio=None, portfolios=[]))
    on = last_closed(session, chosen)
    if on is None:
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    days = days if days in RANGES else 90
    first_on = on - timedelta(days=days - 1)
    compared_on = add_months(on, -1)
    points = history.series(session, id_of(chosen), min(first_on, compared_on), on)
    shown = [point for point in points if point.on >= first_on]
    if format == "csv":
        return csv_download(f"figures-{chosen.code}-{on}.csv", CSV_HEADER, _csv_rows(shown, chosen))
    roll = month_at_close(session, chosen, on)
    buckets = buckets_at_close(session, chosen, on)
    restated = [point for point in reversed(shown) if point.restated]
    causes = causes_of(
        session, {each.restatement_id for each in restated[:RESTATED_LISTED] if each.restatement_id}
    )
    tiles = {tile.definition.name: tile for tile in _tiles(points, chosen, on=on, compared_on=compared_on)}
    return page(
        request,
        DashboardPage(
            portfolios=portfolios,
            portfolio=chosen,
            days=days,
            ranges=RANGES,
            on=on,
            first_on=max(first_on, min((point.on for point in shown), default=on)),
            tiles=tiles,
            overdue_days=OVERDUE_DAYS,
            restated=restated,
            listed=RESTATED_LISTED,
            causes=causes,
            definitions=DEFINITIONS,
            charts=charts_of(request, session, chosen, shown),
            buckets=_bucket_rows(buckets),
            not_owed=sum(total.past_due - total.owed for total in buckets.values()),
            roll=roll,
            steps=_waterfall(roll),
            workers=workers(session, now),
            last_day=_last_day(session, chosen),
        ),
    )


@dataclass(frozen=True, slots=True)
class Tile:
    definition: Definition
    figure: Figure
    first: Figure | None
    """The figure first reported, where it has been restated since."""
    change: float | None
    """Against `compared_on`, as a difference of ratios; None where there is no figure of that day."""
    compared_on: date
    href: str
    more_is_better: bool

    @property
    def tone(self) -> str:
        if not self.change or abs(self.change) < 0.0005:
            return "neutral"
        return "good" if (self.change > 0) == self.more_is_better else "bad"


def _tiles(points: Sequence[Point], portfolio: Portfolio, *, on: date, compared_on: date) -> Iterator[Tile]:
    before = {point.current.kpi: point.current.value for point in points if point.on == compared_on}
    for point in points:
        name = point.current.kpi
        if point.on != on or name not in DEFINITIONS or not DEFINITIONS[name].is_tile:
            continue
        value, earlier = point.current.value, before.get(name)
        yield Tile(
            definition=DEFINITIONS[name],
            figure=point.current,
            first=point.first if point.restated else None,
            change=value - earlier if value is not None and earlier is not None else None,
            compared_on=compared_on,
            href=figure_href(name, portfolio.code, on),
            more_is_better=DEFINITIONS[name].more_is_better,
        )


@dataclass(frozen=True, slots=True)
class RollForwardLine:
    """A line of the roll-forward; `x` and `width` draw its bar on a scale of 100."""

    title: str
    sign: str
    amount_minor: int
    x: float
    width: float
    tone: str
    kind: str = ""


def _waterfall(roll: RollForward) -> list[RollForwardLine]:
    fell = roll.start + roll.fell_past_due
    paid = fell - roll.paid
    scale = max(roll.start, fell, paid, roll.end, 1) / 100
    spans = [
        (marked("Start of the month"), "", roll.start, 0, roll.start, "total", ""),
        (marked("Fell past due"), "+", roll.fell_past_due, roll.start, fell, "up", "fell_past_due"),
        (marked("Paid toward unpaid dues"), "−", roll.paid, paid, fell, "down", "paid"),
        (marked("Refunds and credits"), "−", roll.adjusted, roll.end, paid, "down", "adjusted"),
        (marked("Past due now"), "=", roll.end, 0, roll.end, "total", ""),
    ]
    return [
        RollForwardLine(
            title, sign, amount, round(min(a, b) / scale, 2), round(abs(b - a) / scale, 2), tone, kind
        )
        for title, sign, amount, a, b, tone, kind in spans
    ]


def _bucket_rows(buckets: Values) -> list[JsonObject]:
    return [
        {
            "label": label,
            "current": label == CURRENT,
            "accounts": total.accounts,
            "balance": total.balance,
            "past_due": total.past_due,
            "not_owed": total.past_due - total.owed,
        }
        for label, total in buckets.items()
    ]


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last business day's stages, and what its invariants found (asked again, so that rows can be shown)."""

    run: DailyRun
    stages: Sequence[Mapping[str, object]]
    seconds: float
    found: int
    violations: Sequence[Violation]


def _last_day(session: Session, portfolio: Portfolio) -> LastDay:
    """The last business day's stages, and what its invariants found (asked again, so that rows can be shown)."""
    run = last_run(session, id_of(portfolio))
    assert isinstance(run, DailyRun)
    stages = json.loads(run.stages)
    found = sum(stage["counts"].get("violations", 0) for stage in stages)
    violations: list[Violation] = quick(session, portfolio) if found else []
    seconds = sum(stage["seconds"] for stage in stages)
    return LastDay(run=run, stages=stages, seconds=seconds, found=found, violations=violations)


CSV_HEADER = (
    "business_date", "kpi", "value", "numerator", "denominator", "unit", "definition", "version",
    "first_numerator", "first_denominator", "computed_at",
)  # fmt: skip


def _csv_rows(points: Sequence[Point], portfolio: Portfolio) -> Iterator[Rows]:
    for point in points:
        definition = DEFINITIONS.get(point.current.kpi)
        is_money = definition is not None and definition.unit is Unit.MONEY

        def amount(value: int, is_money: bool = is_money) -> str:
            return to_decimal_string(value, portfolio.currency) if is_money else str(value)

        value = point.current.value
        yield (
            point.on,
            point.current.kpi,
            "" if value is None else f"{value:.6f}",
            amount(point.current.numerator),
            amount(point.current.denominator),
            portfolio.currency if is_money else definition.unit.value if definition else "accounts",
            point.definition,
            point.version,
            amount(point.first.numerator),
            amount(point.first.denominator),
            point.computed_at,
        )
