"""Strategies by programs: versions listed, exported, imported, put live and rolled back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field
from starlette.requests import Request

from app.actions.strategies import put_live, rollback, save_version
from app.api.deps import ApiCaseReader, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, RowId, after, page_of
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of
from app.http.security import MB
from app.outreach.strategy import ladders, service
from app.outreach.strategy.file.reading import LONGEST_TEXT
from app.outreach.strategy.models import StrategyVersion

router = api_router("/portfolios/{code}/strategies", tags=["strategies"])

Ref = Annotated[Line, Field(min_length=1, max_length=60, examples=["standard@3"])]


class StrategyVersionShape(Shape):
    """A version of a strategy; `ref` is how the record names it."""

    id: int
    ref: Ref
    name: str
    sha256: str
    note: str
    saved_at: datetime
    saved_by: str
    live: bool

    @classmethod
    def of(cls, version: StrategyVersion, live: StrategyVersion | None) -> Self:
        return cls(
            id=id_of(version),
            ref=version.ref,
            name=version.name,
            sha256=version.sha256,
            note=version.note,
            saved_at=version.at,
            saved_by=version.by,
            live=live is not None and live.id == version.id,
        )


class StrategyText(StrategyVersionShape):
    text: str = Field(description="TOML, as written.")


class NewStrategy(Input):
    code: Annotated[Line, Field(min_length=1, max_length=40, examples=["standard"])]
    text: Annotated[Paragraph, Field(min_length=1, max_length=LONGEST_TEXT, description="TOML.")]
    note: Annotated[Paragraph, Field(max_length=300)] = ""


class LiveStrategyInput(Input):
    ref: Ref


@router.get("", summary="List strategy versions")
def list_strategy_versions(
    code: PortfolioCode,
    _caller: ApiCaseReader,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[StrategyVersionShape]:
    """Every version of a portfolio's own strategies, oldest first; none while it goes by the shipped one."""
    portfolio = get_portfolio(session, code)
    live = ladders.live_version(session, id_of(portfolio))
    first = after(cursor)
    rows = [v for v in reversed(service.versions(session, id_of(portfolio))) if id_of(v) > first]
    shown, next_cursor = page_of(rows[: limit + 1], limit, lambda version: id_of(version))
    return Page(items=[StrategyVersionShape.of(v, live) for v in shown], next_cursor=next_cursor)


@router.get("/{version_id}", summary="Export a strategy version")
def get_strategy_version(
    code: PortfolioCode, version_id: RowId, _caller: ApiCaseReader, session: ReadSession
) -> StrategyText:
    """One version with its text."""
    portfolio = get_portfolio(session, code)
    version = session.get(StrategyVersion, version_id)
    if version is None or version.portfolio_id != portfolio.id:
        raise NotFound(
            f"Portfolio {portfolio.code} has no strategy version {version_id}. Take one of its list."
        )
    live = ladders.live_version(session, id_of(portfolio))
    return StrategyText(**StrategyVersionShape.of(version, live).model_dump(), text=version.text)


@router.post("", status_code=201, summary="Import a strategy", max_body_size=MB)
def import_strategy(
    code: PortfolioCode,
    request: Request,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewStrategy,
) -> StrategyVersionShape:
    """Keep a text as the next version of its code; it changes nothing until it is put live. A text with faults is
    refused with every one of them, each with its step and field."""
    portfolio = get_portfolio(session, code)
    letters = ports_of(request).catalog.letters
    version = save_version(
        session, portfolio, body.code, body.text, letters, body.note, by=caller.by, now=now
    )
    return StrategyVersionShape.of(version, ladders.live_version(session, id_of(portfolio)))


@router.post("/live", summary="Put a strategy version live")
def put_strategy_live(
    code: PortfolioCode,
    request: Request,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: LiveStrategyInput,
) -> StrategyVersionShape:
    """From the next night on the portfolio goes by this version. A running experiment ends."""
    portfolio = get_portfolio(session, code)
    version = service.version_named(session, portfolio, body.ref)
    letters = ports_of(request).catalog.letters
    put_live(session, portfolio, version, letters, by=caller.by, now=now)
    return StrategyVersionShape.of(version, version)


@router.post("/rollback", summary="Roll back to the strategy before")
def roll_strategy_back(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now
) -> StrategyVersionShape:
    """Back to the version that was live before the present one."""
    portfolio = get_portfolio(session, code)
    version = rollback(session, portfolio, by=caller.by, now=now)
    return StrategyVersionShape.of(version, version)
