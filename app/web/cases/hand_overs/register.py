"""The list of hand-overs with their age: what lies with which desk, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.hand_overs.catalog import desks
from app.casework.hand_overs.models import DeskHandOver
from app.casework.hand_overs.queries import (
    HandOverCounts,
    HandOverFilter,
    after_row,
    count_hand_overs,
    list_query,
)
from app.casework.support_needs.sight import sight_over
from app.core.ids import id_of
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.cases.hand_overs.page import LABELS
from app.web.lists import Column
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page

router = Router(prefix="/hand-overs")
PAGE = 50
STATES = [
    ("open", "Open"), ("overdue", "Overdue"), ("unreceived", "Not received"), ("ended", "Ended"), ("all", "All"),
]  # fmt: skip
COLUMNS = [
    Column("Customer"), Column("Desk"), Column("Wanted"), Column("State"), Column("Age in days", numeric=True),
    Column("Due"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class HandOversPage(Page):
    template = "cases/hand_overs/list.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[tuple[DeskHandOver, str]]
    counts: HandOverCounts | None
    today: date
    state: str
    desk: str
    states: Sequence[tuple[str, str]]
    desks: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]
    columns: Sequence[Column]
    next_cursor: str | None


@router.get("")
def hand_overs(
    request: Request, staff: CaseWorker, session: ReadSession, now: Now, portfolio: str = "", state: str = "open",
    desk: str = "", cursor: str = "",
) -> Response:  # fmt: skip
    portfolios, chosen = choose_portfolio(session, portfolio)
    portfolio_id = id_of(chosen) if chosen else 0
    today = local_today(session, portfolio_id, now) if chosen else now.date()
    names = {code: each.name for code, each in desks().items()}
    query = list_query(portfolio_id, wanted_of(state, desk if desk in names else ""), today)
    seen = decode_cursor(cursor, 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    rows = [(row, name) for row, name in session.execute(query.limit(PAGE + 1))]
    last = rows[PAGE - 1][0] if len(rows) > PAGE else None
    return page(
        request,
        HandOversPage(
            portfolio=chosen,
            portfolios=portfolios,
            rows=rows[:PAGE],
            counts=count_hand_overs(session, portfolio_id, today) if chosen else None,
            today=today,
            state=state,
            desk=desk,
            states=STATES,
            desks=names,
            labels=LABELS,
            columns=COLUMNS,
            next_cursor=encode_cursor(last.due_on.isoformat(), id_of(last)) if last else None,
        ),
        sight=sight_over(session, {row.customer_id for row, _ in rows[:PAGE]}, staff.role, staff.by),
    )


def wanted_of(state: str, desk: str) -> HandOverFilter:
    """The filter that an address names; a state spelt wrongly filters nothing."""
    return HandOverFilter(
        is_open={"open": True, "overdue": True, "unreceived": True, "ended": False}.get(state),
        is_overdue=state == "overdue",
        is_unreceived=state == "unreceived",
        desk=desk,
    )
