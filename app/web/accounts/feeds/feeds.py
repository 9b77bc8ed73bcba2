"""Files from a creditor or a bank: past loads, and the form for the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.feeds.uploads import saved_mappings
from app.book.feeds.models import FeedLoad
from app.book.feeds.queries import history
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.http.context import settings_of
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.accounts.feeds.loads import LoadOutcome, outcome_of
from app.web.accounts.feeds.words import KINDS
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/feeds")
SHOWN = 50
COLUMNS = [
    Column("Loaded"),
    Column("What"),
    Column("File"),
    Column("Rows", numeric=True),
    Column("Outcome"),
]


@router.get("")
def feeds(
    request: Request, _staff: Manager, session: ReadSession, portfolio: str = "", kind: str = ""
) -> Response:
    return feeds_page(request, session, {"portfolio": portfolio, "kind": kind})


@dataclass(frozen=True, slots=True)
class FeedsPage(Page):
    template = "accounts/feeds/feeds.html"
    portfolios: Sequence[Portfolio]
    chosen: Portfolio | None
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    kinds: Mapping[FeedKind, tuple[str, str]]
    limit_mb: int
    mappings: Mapping[str, Path]
    columns: Sequence[Column]
    loads: Sequence[tuple[FeedLoad, LoadOutcome]]
    names: Mapping[str, str]


def feeds_page(
    request: Request,
    session: Session,
    typed: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    portfolios = list(session.scalars(select(Portfolio).order_by(col(Portfolio.code))))
    chosen = next((p for p in portfolios if p.code == typed["portfolio"]), None)
    chosen = chosen or (portfolios[0] if portfolios else None)
    loads = history(session, id_of(chosen), SHOWN) if chosen else []
    settings = settings_of(request)
    return page(
        request,
        FeedsPage(
            portfolios=portfolios,
            chosen=chosen,
            typed=typed,
            errors=errors or {},
            kinds=KINDS,
            limit_mb=settings.upload_limit_mb,
            mappings=saved_mappings(settings.upload_dir, chosen) if chosen else {},
            columns=COLUMNS,
            loads=[(each, outcome_of(request, each, chosen)) for each in loads] if chosen else [],
            names=staff_names(session),
        ),
        status,
    )
