"""One load: its start on a thread of its own, its progress, its rejects, and resuming it after an interruption."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from sqlalchemy.engine import Engine
from sqlmodel import Session
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.book.feeds.models import FeedLoad
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import Busy, exclusive
from app.core.errors import Conflict, DeskError, NotFound
from app.http.context import Now, engine_of, settings_of
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.transactions import ReadSession
from app.web.accounts.feeds.upload_files import Upload, mapping_of, read_upload
from app.web.accounts.feeds.words import KINDS
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page, redirect

if TYPE_CHECKING:
    from app.book.feeds.reading.mapping import Mapping as FeedMapping

router = APIRouter(prefix="/feeds")
log = structlog.get_logger("desk.web")


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    words: str
    tone: Tone
    running: bool = False
    interrupted: bool = False


def outcome_of(request: Request, row: FeedLoad, portfolio: Portfolio) -> LoadOutcome:
    if row.finished_at is None:
        if is_running(request.app.state, engine_of(request), row, portfolio):
            return LoadOutcome("Loading", "info", running=True)
        return LoadOutcome("Interrupted", "warn", interrupted=True)
    if row.failure:
        taken_up = row.failure.startswith("interrupted")
        return LoadOutcome(
            "Gone on with later" if taken_up else "Not read to its end", "neutral" if taken_up else "bad"
        )
    if row.rejected or row.conflicts:
        return LoadOutcome("Some refused", "warn")
    if row.read and row.unchanged == row.read:
        return LoadOutcome("Nothing new", "neutral")
    return LoadOutcome("Done", "good")


def is_running(state: State, engine: Engine, row: FeedLoad, portfolio: Portfolio) -> bool:
    """Check whether a thread of this process, or another process that holds the portfolio's lock, runs the load."""
    if row.id in running_loads(state):
        return True
    try:
        with exclusive(engine, f"portfolio-{portfolio.code}", wait=False):
            return False
    except Busy:
        return True


def running_loads(state: State) -> dict[int, str]:
    """Load id -> portfolio code, of this process."""
    if not hasattr(state, "feed_loads"):
        state.feed_loads = {}
    loads: dict[int, str] = state.feed_loads
    return loads


@router.post("/{load_id}/resume")
def resume(request: Request, load_id: RowId, staff: Manager, session: ReadSession, now: Now) -> Response:
    """Resume an interrupted load."""
    row, portfolio = _row(session, load_id)
    if not outcome_of(request, row, portfolio).interrupted:
        return redirect(request, f"/feeds/{load_id}", "This load is not interrupted.", "info")
    folder = Path(row.stored_path).parent
    if not row.stored_path or not Path(row.stored_path).is_file():
        raise Conflict("The file is not kept here. Load it again: what is loaded already is recognised.")
    require_free(request, portfolio.code)
    upload = read_upload(folder, "loading.json")
    start_load(request, upload, folder, mapping_of(folder, upload), load_id, staff.by, now)
    return redirect(request, f"/feeds/{load_id}")


def require_free(request: Request, code: str) -> None:
    if code in running_loads(request.app.state).values():
        raise Conflict("Another file of this portfolio is being loaded; begin when it is done.")


def start_load(
    request: Request,
    upload: Upload,
    folder: Path,
    mapping: FeedMapping | None,
    load_id: int,
    by: Actor,
    now: datetime,
) -> None:
    state, engine = request.app.state, engine_of(request)
    rejects_dir = settings_of(request).upload_dir / "rejects"
    running_loads(state)[load_id] = upload.portfolio

    def run() -> None:
        from app.actions.feeds.loads import load

        try:
            load(
                engine,
                upload.feed_kind,
                folder / "data",
                upload.portfolio,
                rejects_dir=rejects_dir,
                by=by,
                now=now,
                mapping=mapping,
                file_name=upload.file_name,
                stored_path=str(folder / "data"),
                load_id=load_id,
            )
        except DeskError:
            shutil.rmtree(folder, ignore_errors=True)  # its row says why, and the page shows it
        except Exception as error:
            # Not its message, which may quote a row. The row stays unfinished and the file stays: to be resumed.
            log.error("feed_load_broke", load=load_id, error=type(error).__name__)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            running_loads(state).pop(load_id, None)

    threading.Thread(target=run, name=f"feed-{load_id}", daemon=True).start()


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
    row = session.get(FeedLoad, load_id)
    if row is None:
        raise NotFound("There is no such load.")
    return row, session.get_one(Portfolio, row.portfolio_id)
