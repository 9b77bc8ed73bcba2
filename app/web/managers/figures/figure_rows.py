"""The rows behind a figure of the dashboard: accounts that are overdue, and movements between two days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.facts import MovementKind
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.reporting.kpis import history
from app.reporting.kpis.history import AccountBehind, MovementBehind
from app.reporting.kpis.rules import Figure
from app.web.lists import Column, csv_download
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page

router = Router(prefix="/dashboard")
PAGE = 100
MOVEMENT_TITLES = {
    MovementKind.FELL_PAST_DUE: marked("Fell past due"),
    MovementKind.PAID: marked("Paid toward unpaid dues"),
    MovementKind.ADJUSTED: marked("Adjusted"),
}
BEHIND_COLUMNS = [
    Column(marked("Account")),
    Column(marked("Customer")),
    Column(marked("Days past due"), numeric=True),
    Column(marked("Bucket")),
    Column(marked("Past due"), numeric=True),
    Column(marked("Of it not owed"), numeric=True),
    Column(marked("Balance"), numeric=True),
]
MOVEMENT_COLUMNS = [
    Column(marked("Day")),
    Column(marked("Account")),
    Column(marked("Customer")),
    Column(marked("Amount"), numeric=True),
]


@dataclass(frozen=True, slots=True)
class AccountsBehindPage(Page):
    template = "managers/dashboard/accounts.html"
    portfolio: Portfolio
    on: date
    days: int
    columns: Sequence[Column]
    rows: Sequence[AccountBehind]
    cases: Mapping[int, int]
    figures: Mapping[str, Figure]
    next_cursor: str | None


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
        AccountsBehindPage(
            portfolio=chosen,
            on=on,
            days=days,
            columns=BEHIND_COLUMNS,
            rows=rows[:PAGE],
            cases=history.latest_cases(session, [row.customer_id for row in rows[:PAGE]]),
            figures=_counted(session, chosen, on, days),
            next_cursor=encode_cursor(last_row.balance_minor, last_row.account_id) if last_row else None,
        ),
    )


def _counted(session: Session, portfolio: Portfolio, on: date, days: int) -> dict[str, Figure]:
    """The stored figures that count these rows; none where `days` is not one of the edges that are measured."""
    names = {f"overdue_rate_balance_{days}": "balance", f"overdue_rate_accounts_{days}": "accounts"}
    found = history.series(session, id_of(portfolio), on, on)
    return {names[p.current.kpi]: p.current for p in found if p.current.kpi in names}


@dataclass(frozen=True, slots=True)
class MovementsBehindPage(Page):
    template = "managers/dashboard/movements.html"
    portfolio: Portfolio
    title: str
    first: date
    last: date
    columns: Sequence[Column]
    rows: Sequence[MovementBehind]
    cases: Mapping[int, int]
    count: int
    total: int
    next_cursor: str | None


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
    """Movements between two days, the rows behind a line of the roll-forward."""
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
        MovementsBehindPage(
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
        ),
    )


def _movement_cursor(row: history.MovementBehind) -> str:
    return encode_cursor(row.on.isoformat(), row.movement_id)


def _movement_seen(cursor: str) -> tuple[date, int] | None:
    """The last row of the page before. Invalid for a damaged link."""
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    return (date.fromisoformat(seen[0]), seen[1]) if seen else None


def _closed(session: Session, code: str, on: date) -> tuple[Portfolio, date]:
    """The portfolio and its last closed day. NotFound for a day that has not been closed yet."""
    _, chosen = choose_portfolio(session, code)
    last = last_closed(session, chosen) if chosen else None
    if chosen is None or last is None or on > last:
        raise NotFound("That day is not closed yet. Choose an earlier one.")
    return chosen, last
