"""Letters that the law wants by a day: owed and overdue, by portfolio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.complaints.queries import RegisterCounts, register_counts
from app.core.ids import id_of
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.duties.queries import DutyCounts, OwedLetter, duty_counts, owed_letters
from app.web.lists import Column
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page

router = Router(prefix="/duties")
PAGE = 50
SOON = timedelta(days=3)
COLUMNS = [Column("Customer"), Column("Letter"), Column("Law"), Column("Since"), Column("Owed by")]


@dataclass(frozen=True, slots=True)
class DutiesPage(Page):
    template = "managers/duties.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[OwedLetter]
    counts: DutyCounts
    complaints: RegisterCounts | None
    """Answers to complaints, which are owed by a day as letters are; None without a portfolio."""
    today: date
    columns: Sequence[Column]
    next_cursor: str | None


@router.get("")
def duties(
    request: Request, _staff: Manager, session: ReadSession, now: Now, portfolio: str = "", cursor: str = ""
) -> Response:
    portfolios, chosen = choose_portfolio(session, portfolio)
    portfolio_id = id_of(chosen) if chosen else 0
    today = local_today(session, portfolio_id, now) if chosen else now.date()
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    after = (date.fromisoformat(str(seen[0])), int(seen[1])) if seen else None
    rows = owed_letters(session, portfolio_id, after=after, limit=PAGE + 1)
    shown = rows[:PAGE]
    last = shown[-1].duty if len(rows) > PAGE else None
    return page(
        request,
        DutiesPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=shown,
            counts=duty_counts(session, portfolio_id, today),
            complaints=register_counts(session, portfolio_id, today, today + SOON) if chosen else None,
            today=today,
            columns=COLUMNS,
            next_cursor=encode_cursor(last.due_on.isoformat(), id_of(last)) if last else None,
        ),
    )
