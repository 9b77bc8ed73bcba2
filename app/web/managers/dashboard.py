"""The manager's figures: what was recovered, what is overdue, whether it all adds up, and the rows behind it."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.dates import format_skeleton
from fastapi import APIRouter
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.queries import RollForward
from app.book.delinquency.rules import CURRENT, MovementKind
from app.book.ledger.models import DailyRun, Portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.money import exponent, to_decimal_string
from app.http.deps import Manager, Now, ReadSession, StreamSession, decode_cursor, encode_cursor
from app.operations.day import last_closed
from app.operations.invariants import Violation, quick
from app.outreach.outbox.queries import workers
from app.reporting.kpis import history
from app.reporting.kpis.history import Point
from app.reporting.kpis.queries import month_roll_forward
from app.reporting.kpis.rules import DEFINITIONS, OVERDUE_DAYS, Definition, Figure, Unit, month_start
from app.web.rendering import Column, csv_download, page, reader_locale

router = APIRouter(prefix="/dashboard")

RANGES = (30, 90, 180, 365)
PAGE = 100
MOVEMENT_TITLES = {
    MovementKind.FELL_PAST_DUE: "Fell past due",
    MovementKind.PAID: "Paid toward unpaid dues",
    MovementKind.ADJUSTED: "Adjusted",
}
BEHIND_COLUMNS = [
    Column("Account"),
    Column("Customer"),
    Column("Days past due", numeric=True),
    Column("Bucket"),
    Column("Past due", numeric=True),
    Column("Of it not owed", numeric=True),
    Column("Balance", numeric=True),
]
MOVEMENT_COLUMNS = [Column("Day"), Column("Account"), Column("Customer"), Column("Amount", numeric=True)]


# --- the dashboard ------------------------------------------------------------------------------------------


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
    portfolios, chosen = _choose(session, portfolio)
    if chosen is None:
        return page(request, "dashboard_empty.html", portfolio=None, portfolios=[])
    on = last_closed(session, chosen)
    if on is None:
        return page(request, "dashboard_empty.html", portfolio=chosen, portfolios=portfolios)
    days = days if days in RANGES else 90
    first_on = on - timedelta(days=days - 1)
    compared_on = _month_before(on)
    points = history.series(session, id_of(chosen), min(first_on, compared_on), on)
    shown = [point for point in points if point.on >= first_on]
    if format == "csv":
        return csv_download(f"figures-{chosen.code}-{on}.csv", CSV_HEADER, _csv_rows(shown, chosen))
    roll = month_roll_forward(session, id_of(chosen), on)
    buckets = history.buckets_now(session, chosen)
    tiles = {tile.definition.name: tile for tile in _tiles(points, chosen, on=on, compared_on=compared_on)}
    return page(
        request,
        "dashboard.html",
        portfolios=portfolios,
        portfolio=chosen,
        days=days,
        ranges=RANGES,
        on=on,
        first_on=max(first_on, min((point.on for point in shown), default=on)),
        tiles=tiles,
        overdue_days=OVERDUE_DAYS,
        restated=[point for point in reversed(shown) if point.restated],
        definitions=DEFINITIONS,
        charts=_charts(request, session, chosen, shown),
        buckets=_bucket_rows(buckets),
        not_owed=sum(total.past_due - total.owed for total in buckets.values()),
        roll=roll,
        steps=_waterfall(roll, on),
        workers=workers(session, now),
        **_last_day(session, chosen),
    )


def _choose(session: Session, code: str) -> tuple[list[Portfolio], Portfolio | None]:
    """All portfolios, and the one asked for; otherwise the first one that has figures."""
    portfolios = list(session.scalars(select(Portfolio).order_by(col(Portfolio.code))))
    if code:
        chosen = next((p for p in portfolios if p.code == code), None)
        if chosen is None:
            raise NotFound("There is no such portfolio.")
        return portfolios, chosen
    closed = (p for p in portfolios if last_closed(session, p) is not None)
    return portfolios, next(closed, portfolios[0] if portfolios else None)


def _month_before(on: date) -> date:
    """The same day of the month before, or its last day where that month is shorter."""
    last = month_start(on) - timedelta(days=1)
    return last.replace(day=min(on.day, monthrange(last.year, last.month)[1]))


# --- tiles --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tile:
    definition: Definition
    figure: Figure
    first: Figure | None
    """What was reported that night, where it has been restated since."""
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
        if point.on != on or name not in DEFINITIONS:
            continue
        value, earlier = point.current.value, before.get(name)
        yield Tile(
            definition=DEFINITIONS[name],
            figure=point.current,
            first=point.first if point.restated else None,
            change=value - earlier if value is not None and earlier is not None else None,
            compared_on=compared_on,
            href=_behind(name, portfolio.code, on),
            more_is_better=name.startswith("recovery"),
        )


def _behind(kpi: str, code: str, on: date) -> str:
    """Where the rows that a figure counts are listed."""
    if kpi.startswith("overdue_rate_"):
        return f"/dashboard/accounts?portfolio={code}&on={on}&days={kpi.rpartition('_')[2]}"
    first_on = month_start(on) if kpi == "recovery_rate" else on - timedelta(days=29)
    return f"/dashboard/movements?portfolio={code}&kind=paid&first={first_on}&last={on}"


# --- charts -------------------------------------------------------------------------------------------------


def _charts(
    request: Request, session: Session, portfolio: Portfolio, points: Sequence[Point]
) -> dict[str, dict[str, Any]]:
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
        charts[what] = _spec("line", labels, "percent", lines)
    amounts = history.past_due_by_bucket(session, portfolio, days[0], days[-1])
    unit = 10 ** exponent(portfolio.currency)
    stacks = {
        f"{label} days": [amount[(day - days[0]).days] / unit for day in days]
        for label, amount in amounts.items()
        if any(amount)
    }
    charts["buckets"] = _spec("bar", labels, portfolio.currency, stacks) | {"stacked": True, "ramp": True}
    return charts


def _recovery_chart(
    labels: list[str], days: list[date], by_day: Mapping[tuple[str, date], Point]
) -> dict[str, Any]:
    """With the figures as first reported beside them, once a late entry has restated any."""
    lines = {"Month to date": _values(by_day, "recovery_rate", days)}
    lines["Last 30 days"] = _values(by_day, "recovery_rate_30d", days)
    if any(point.restated for (name, _), point in by_day.items() if name == "recovery_rate"):
        lines["Month to date, as first reported"] = _values(by_day, "recovery_rate", days, first=True)
    return _spec("line", labels, "percent", lines)


def _values(
    by_day: Mapping[tuple[str, date], Point], kpi: str, days: Sequence[date], *, first: bool = False
) -> list[float | None]:
    found = (by_day.get((kpi, day)) for day in days)
    return [(point.first if first else point.current).value if point else None for point in found]


def _spec(kind: str, labels: list[str], unit: str, lines: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    named = [{"name": name, "values": list(values)} for name, values in lines.items()]
    return {"type": kind, "labels": labels, "unit": unit, "series": named}


# --- the month adds up --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the roll-forward; `x` and `width` draw its bar on a scale of 100."""

    title: str
    sign: str
    amount_minor: int
    x: float
    width: float
    tone: str
    kind: str = ""


def _waterfall(roll: RollForward, on: date) -> list[Step]:
    first_on = month_start(on)
    fell = roll.start + roll.fell_past_due
    paid = fell - roll.paid
    scale = max(roll.start, fell, paid, roll.end, 1) / 100
    spans = [
        (f"Start of {first_on:%B}", "", roll.start, 0, roll.start, "total", ""),
        ("Fell past due", "+", roll.fell_past_due, roll.start, fell, "up", "fell_past_due"),
        ("Paid toward unpaid dues", "−", roll.paid, paid, fell, "down", "paid"),
        ("Refunds and credits", "−", roll.adjusted, roll.end, paid, "down", "adjusted"),
        ("Past due now", "=", roll.end, 0, roll.end, "total", ""),
    ]
    return [
        Step(title, sign, amount, round(min(a, b) / scale, 2), round(abs(b - a) / scale, 2), tone, kind)
        for title, sign, amount, a, b, tone, kind in spans
    ]


def _bucket_rows(buckets: Mapping[str, Any]) -> list[dict[str, Any]]:
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


# --- how it runs --------------------------------------------------------------------------------------------


def _last_day(session: Session, portfolio: Portfolio) -> dict[str, Any]:
    """The last business day's stages, and what its invariants found (asked again, so that rows can be shown)."""
    run = history.last_run(session, id_of(portfolio))
    assert isinstance(run, DailyRun)
    stages = json.loads(run.stages)
    found = sum(stage["counts"].get("violations", 0) for stage in stages)
    violations: list[Violation] = quick(session, portfolio) if found else []
    seconds = sum(stage["seconds"] for stage in stages)
    return {"run": run, "stages": stages, "seconds": seconds, "found": found, "violations": violations}


CSV_HEADER = (
    "business_date", "kpi", "value", "numerator", "denominator", "unit", "definition", "version",
    "first_numerator", "first_denominator", "computed_at",
)  # fmt: skip


def _csv_rows(points: Sequence[Point], portfolio: Portfolio) -> Iterator[Sequence[Any]]:
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
            portfolio.currency if is_money else "accounts",
            point.definition,
            point.version,
            amount(point.first.numerator),
            amount(point.first.denominator),
            point.computed_at,
        )


# --- the rows behind a figure -------------------------------------------------------------------------------


@router.get("/accounts")
def accounts_behind(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    portfolio: str,
    on: date,
    days: int = 1,
    cursor: str = "",
    format: str = "",
) -> Response:
    """The accounts an overdue rate counts on a closed day."""
    chosen, last = _closed(session, portfolio, on)
    if days < 1:
        raise Invalid("Days past due start at 1.", "days")
    after = decode_cursor(cursor, 2, int, int)
    is_csv = format == "csv"
    rows = history.overdue_accounts(
        session,
        id_of(chosen),
        on,
        days,
        after=None if is_csv else after,
        limit=None if is_csv else PAGE + 1,
    )
    if is_csv:
        header = (
            "account_ref",
            "name",
            "days_past_due",
            "bucket",
            "past_due",
            "not_owed",
            "balance",
            "currency",
        )
        return csv_download(
            f"overdue-{days}-{chosen.code}-{on}.csv",
            header,
            (
                (
                    row.reference,
                    row.name,
                    row.days_past_due,
                    row.bucket,
                    to_decimal_string(row.past_due_minor, chosen.currency),
                    to_decimal_string(row.not_owed_minor, chosen.currency),
                    to_decimal_string(row.balance_minor, chosen.currency),
                    chosen.currency,
                )
                for row in rows
            ),
        )
    last_row = rows[PAGE - 1] if len(rows) > PAGE else None
    return page(
        request,
        "dashboard_accounts.html",
        portfolio=chosen,
        on=on,
        days=days,
        columns=BEHIND_COLUMNS,
        rows=rows[:PAGE],
        cases=history.latest_cases(session, [row.customer_id for row in rows[:PAGE]]),
        figures=_counted(session, chosen, on, days),
        next_cursor=encode_cursor(last_row.balance_minor, last_row.account_id) if last_row else None,
    )


def _counted(session: Session, portfolio: Portfolio, on: date, days: int) -> dict[str, Figure]:
    """The stored figures that count these rows; none where `days` is not one of the edges that are measured."""
    names = {f"overdue_rate_balance_{days}": "balance", f"overdue_rate_accounts_{days}": "accounts"}
    found = history.series(session, id_of(portfolio), on, on)
    return {names[p.current.kpi]: p.current for p in found if p.current.kpi in names}


@router.get("/movements")
def movements_behind(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    portfolio: str,
    kind: MovementKind,
    first: date,
    last: date,
    cursor: str = "",
    format: str = "",
) -> Response:
    """What fell past due, was paid or adjusted between two days: the lines of the roll-forward."""
    chosen, _ = _closed(session, portfolio, last)
    span = (id_of(chosen), kind, first, last)
    if format == "csv":
        rows = history.movements(session, *span)
        header = ("on", "account_ref", "name", "kind", "amount", "currency")
        return csv_download(
            f"{kind.value}-{chosen.code}-{first}-{last}.csv",
            header,
            (
                (
                    row.on,
                    row.reference,
                    row.name,
                    kind.value,
                    to_decimal_string(row.amount_minor, chosen.currency),
                    chosen.currency,
                )
                for row in rows
            ),
        )
    rows = history.movements(session, *span, after=_movement_seen(cursor), limit=PAGE + 1)
    count, total = history.movement_total(session, *span)
    return page(
        request,
        "dashboard_movements.html",
        portfolio=chosen,
        title=MOVEMENT_TITLES[kind],
        first=first,
        last=last,
        columns=MOVEMENT_COLUMNS,
        rows=rows[:PAGE],
        cases=history.latest_cases(session, [row.customer_id for row in rows[:PAGE]]),
        count=count,
        total=total,
        next_cursor=_movement_cursor(rows[PAGE - 1]) if len(rows) > PAGE else None,
    )


def _movement_cursor(row: history.MovementBehind) -> str:
    return encode_cursor(row.on.isoformat(), row.movement_id)


def _movement_seen(cursor: str) -> tuple[date, int] | None:
    """Where the page before ended. Invalid for a link that is none of ours."""
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    return (date.fromisoformat(seen[0]), seen[1]) if seen else None


def _closed(session: Session, code: str, on: date) -> tuple[Portfolio, date]:
    """The portfolio and its last closed day. NotFound for a day that has not been closed yet."""
    _, chosen = _choose(session, code)
    last = last_closed(session, chosen) if chosen else None
    if chosen is None or last is None or on > last:
        raise NotFound("That day has not been closed yet.")
    return chosen, last
