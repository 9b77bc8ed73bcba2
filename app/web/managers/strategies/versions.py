"""Strategies: what is live, its versions, and going back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions import strategies as acts
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader, Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.outreach.strategy import ladders, queries, service
from app.outreach.strategy.file.problems import BadStrategy, Problem
from app.outreach.strategy.models import Experiment, LiveStrategy, StrategyVersion
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.managers.strategies.words import LadderWords, find_version, ladders_of, letters_of
from app.web.rendering import Page, page, redirect

router = Router(prefix="/strategies")
VERSION_COLUMNS = [
    Column("Version"),
    Column("Saved"),
    Column("By"),
    Column("Note"),
    Column(""),
]
LIVE_COLUMNS = [Column("Version"), Column("Live from"), Column("To"), Column("By")]


@dataclass(frozen=True, slots=True)
class NoStrategiesPage(Page):
    template = "managers/strategies/list.html"
    books: Sequence[object]
    book: None


@dataclass(frozen=True, slots=True)
class StrategiesPage(Page):
    template = "managers/strategies/list.html"
    books: Sequence[Portfolio]
    choices: Sequence[tuple[str, str]]
    book: Portfolio
    live: StrategyVersion | None
    live_ref: str
    shown: Sequence[LadderWords]
    before: StrategyVersion | None
    versions: Sequence[StrategyVersion]
    history: Sequence[tuple[LiveStrategy, StrategyVersion]]
    experiments: Sequence[Experiment]
    running: Experiment | None
    by_id: Mapping[int | None, StrategyVersion]
    names: Mapping[str, str]
    may_change: bool
    columns: Sequence[Column]
    live_columns: Sequence[Column]


@router.get("")
def strategies(request: Request, staff: CaseReader, session: ReadSession, portfolio: str = "") -> Response:
    """The live strategy of a portfolio, all versions, and experiments."""
    portfolios = all_portfolios(session)
    if not portfolios:
        return page(request, NoStrategiesPage(books=[], book=None))
    book = get_portfolio(session, portfolio) if portfolio else portfolios[0]
    live = ladders.live_version(session, id_of(book))
    found = ladders.load_ladders(session, book)
    versions = service.versions(session, id_of(book))
    return page(
        request,
        StrategiesPage(
            books=portfolios,
            choices=[(each.code, each.code) for each in portfolios],
            book=book,
            live=live,
            live_ref=found.live.ref,
            shown=ladders_of(request, found.live.strategy, book),
            before=service.version_before(session, id_of(book)),
            versions=versions,
            history=queries.live_history(session, id_of(book)),
            experiments=queries.experiments(session, id_of(book)),
            running=ladders.running_experiment(session, id_of(book)),
            by_id={version.id: version for version in versions},
            names=staff_names(session),
            may_change=staff.role in MANAGEMENT,
            columns=VERSION_COLUMNS,
            live_columns=LIVE_COLUMNS,
        ),
    )


@dataclass(frozen=True, slots=True)
class VersionPage(Page):
    template = "managers/strategies/version.html"
    book: Portfolio
    version: StrategyVersion
    shown: Sequence[LadderWords]
    problems: Sequence[Problem]
    is_live: bool
    running: Experiment | None
    names: Mapping[str, str]
    may_change: bool


@router.get("/versions/{version_id}")
def version_page(request: Request, version_id: RowId, staff: CaseReader, session: ReadSession) -> Response:
    version, portfolio = find_version(session, version_id)
    live = ladders.live_version(session, id_of(portfolio))
    try:
        shown, problems = ladders_of(request, ladders.side_of(portfolio, version).strategy, portfolio), []
    except BadStrategy as bad:
        shown, problems = [], bad.problems
    return page(
        request,
        VersionPage(
            book=portfolio,
            version=version,
            shown=shown,
            problems=problems,
            is_live=live is not None and live.id == version.id,
            running=ladders.running_experiment(session, id_of(portfolio)),
            names=staff_names(session),
            may_change=staff.role in MANAGEMENT,
        ),
    )


@router.get("/versions/{version_id}/toml")
def export(version_id: RowId, _staff: CaseReader, session: ReadSession) -> Response:
    version, _ = find_version(session, version_id)
    name = f"{version.code}-{version.number}.toml"
    return Response(
        version.text,
        media_type="application/toml",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.post("/versions/{version_id}/live")
def put_live(
    request: Request, version_id: RowId, staff: Manager, session: WriteSession, now: Now
) -> Response:
    version, portfolio = find_version(session, version_id)
    acts.put_live(session, portfolio, version, letters_of(request), by=staff.by, now=now)
    return redirect(request, home_of(portfolio), f"{version.ref} is live from the next night on.")


@router.post("/rollback")
def rollback(
    request: Request, staff: Manager, session: WriteSession, now: Now, portfolio: Annotated[str, Form()]
) -> Response:
    book = get_portfolio(session, portfolio)
    version = acts.rollback(session, book, by=staff.by, now=now)
    return redirect(request, home_of(book), f"Rolled back: {version.ref} is live from the next night on.")


def all_portfolios(session: Session) -> Sequence[Portfolio]:
    return session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()


def home_of(portfolio: Portfolio) -> str:
    return f"/strategies?portfolio={portfolio.code}"
