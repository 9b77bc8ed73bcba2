"""One load: its progress, its rejects, and resuming it after an interruption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.actions.feeds.background import FeedLoader, LoadState, get_load
from app.book.feeds.models import FeedLoad
from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound
from app.http.context import Now, engine_of, running_jobs, settings_of
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.accounts.feeds.words import KINDS
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/feeds")


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    words: str
    tone: Tone
    running: bool = False
    interrupted: bool = False


UNDONE = {
    LoadState.LOADING: LoadOutcome("Loading", "info", running=True),
    LoadState.INTERRUPTED: LoadOutcome("Interrupted", "warn", interrupted=True),
    LoadState.RESUMED_LATER: LoadOutcome("Gone on with later", "neutral"),
    LoadState.FAILED: LoadOutcome("Not read to its end", "bad"),
}


def loader_of(request: Request) -> FeedLoader:
    return FeedLoader(engine_of(request), settings_of(request).upload_dir, running_jobs(request, "feeds"))


def outcome_of(request: Request, row: FeedLoad, portfolio: Portfolio) -> LoadOutcome:
    state = loader_of(request).state_of(row, portfolio)
    if state is not LoadState.DONE:
        return UNDONE[state]
    if row.rejected or row.conflicts:
        return LoadOutcome("Some refused", "warn")
    if row.read and row.unchanged == row.read:
        return LoadOutcome("Nothing new", "neutral")
    return LoadOutcome("Done", "good")


@router.post("/{load_id}/resume")
def resume(request: Request, load_id: RowId, staff: Manager, session: WriteSession, now: Now) -> Response:
    """Resume an interrupted load."""
    row, portfolio = _row(session, load_id)
    if not outcome_of(request, row, portfolio).interrupted:
        return redirect(request, f"/feeds/{load_id}", "This load is not interrupted.", "info")
    loader_of(request).resume_load(session, row, by=staff.by, now=now)
    return redirect(request, f"/feeds/{load_id}")


@dataclass(frozen=True, slots=True)
class LoadPage(Page):
    template = "accounts/feeds/load.html"
    row: FeedLoad
    portfolio: Portfolio
    outcome: LoadOutcome
    kind_words: str
    names: Mapping[str, str]
    can_resume: bool
    has_rejects: bool
    has_warnings: bool


@router.get("/{load_id}")
def load_page(request: Request, load_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    row, portfolio = _row(session, load_id)
    return page(
        request,
        LoadPage(
            row=row,
            portfolio=portfolio,
            outcome=outcome_of(request, row, portfolio),
            kind_words=KINDS[row.kind][0],
            names=staff_names(session),
            can_resume=bool(row.stored_path) and Path(row.stored_path).is_file(),
            has_rejects=_rejects(row) is not None,
            has_warnings=_existing(row.warnings_file) is not None,
        ),
    )


@dataclass(frozen=True, slots=True)
class LoadProgress(Page):
    template = "accounts/feeds/_progress.html"
    row: FeedLoad
    outcome: LoadOutcome


@router.get("/{load_id}/progress")
def progress(request: Request, load_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    """The part of the page that changes, for its script."""
    row, portfolio = _row(session, load_id)
    return page(request, LoadProgress(row=row, outcome=outcome_of(request, row, portfolio)))


@router.get("/{load_id}/rejects")
def rejects(load_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    """Line, column, reason and row of each that was refused."""
    row, _ = _row(session, load_id)
    path = _rejects(row)
    if path is None:
        raise NotFound("This load has no file of rejects, or it was removed.")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


@router.get("/{load_id}/warnings")
def warnings(load_id: RowId, _staff: Manager, session: ReadSession) -> Response:
    """Line, column, word and row of each cell that was put right or left out."""
    row, _ = _row(session, load_id)
    path = _existing(row.warnings_file)
    if path is None:
        raise NotFound("This load has no file of warnings, or it was removed.")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


def _rejects(row: FeedLoad) -> Path | None:
    return _existing(row.rejects_file)


def _existing(name: str) -> Path | None:
    path = Path(name) if name else None
    return path if path is not None and path.is_file() else None


def _row(session: Session, load_id: int) -> tuple[FeedLoad, Portfolio]:
    row = get_load(session, load_id)
    return row, session.get_one(Portfolio, row.portfolio_id)
