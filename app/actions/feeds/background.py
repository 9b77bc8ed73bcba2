"""Loads of uploaded files, each on a thread of its own: begin one, resume one, tell which are running."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.feeds.loads import load
from app.actions.feeds.uploads import Upload, folder_of, mapping_of, read_upload
from app.book.feeds.models import FeedLoad
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import Busy, after_commit, exclusive
from app.core.errors import Conflict, DeskError, NotFound

log = structlog.get_logger("desk.feeds")
BEGUN = "This file is being loaded already."


class LoadState(StrEnum):
    """State of a load. A load is interrupted when its process died: it can be resumed."""

    LOADING = "loading"
    INTERRUPTED = "interrupted"
    RESUMED_LATER = "resumed_later"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class FeedLoader:
    """Starts loads for one application. `running` is shared by its requests: load id -> portfolio code."""

    engine: Engine
    upload_dir: Path
    running: dict[int, str]

    def load_upload(self, session: Session, token: str, *, by: Actor, now: datetime) -> int:
        """Begin the load of an upload, once the session is committed, and return its id. Conflict where this upload
        or another file of its portfolio is being loaded; NotFound where the upload is gone."""
        from app.book.feeds.service import begin  # reads files: see uploads.py

        folder = folder_of(self.upload_dir, token)
        if (folder / "loading.json").exists():
            raise Conflict(BEGUN)
        upload = read_upload(folder)
        self._require_free(upload.portfolio)
        mapping, portfolio = mapping_of(folder, upload), get_portfolio(session, upload.portfolio)
        try:
            (folder / "upload.json").rename(folder / "loading.json")
        except FileNotFoundError:
            raise Conflict(BEGUN) from None
        stored = str(folder / "data")
        try:
            load_id = begin(
                session, portfolio, upload.feed_kind, upload.file_name,
                mapping=mapping, stored_path=stored, by=by, now=now,
            )  # fmt: skip
        except BaseException:
            (folder / "loading.json").rename(folder / "upload.json")
            raise
        self._start(session, upload, folder, load_id, by=by, now=now)
        return load_id

    def resume_load(self, session: Session, row: FeedLoad, *, by: Actor, now: datetime) -> None:
        """Resume an interrupted load. Conflict where it is not interrupted or its file is not kept here."""
        portfolio = session.get_one(Portfolio, row.portfolio_id)
        if self.state_of(row, portfolio) is not LoadState.INTERRUPTED:
            raise Conflict("This load is not interrupted.")
        if not row.stored_path or not Path(row.stored_path).is_file():
            raise Conflict("The file is not kept here. Load it again: what is loaded already is recognised.")
        self._require_free(portfolio.code)
        assert row.id is not None
        folder = Path(row.stored_path).parent
        self._start(session, read_upload(folder, "loading.json"), folder, row.id, by=by, now=now)

    def state_of(self, row: FeedLoad, portfolio: Portfolio) -> LoadState:
        if row.finished_at is None:
            return LoadState.LOADING if self._is_running(row, portfolio) else LoadState.INTERRUPTED
        if row.failure:
            return (
                LoadState.RESUMED_LATER if row.failure.lower().startswith("interrupted") else LoadState.FAILED
            )
        return LoadState.DONE

    def _is_running(self, row: FeedLoad, portfolio: Portfolio) -> bool:
        """Check whether a thread of this process, or another process that holds the portfolio's lock, runs the load."""
        if row.id in self.running:
            return True
        try:
            with exclusive(self.engine, f"portfolio-{portfolio.code}", wait=False):
                return False
        except Busy:
            return True

    def _require_free(self, portfolio_code: str) -> None:
        if portfolio_code in self.running.values():
            raise Conflict("Another file of this portfolio is being loaded. Begin when it is done.")

    def _start(
        self, session: Session, upload: Upload, folder: Path, load_id: int, *, by: Actor, now: datetime
    ) -> None:
        def work() -> None:
            try:
                self._load(upload, folder, load_id, by=by, now=now)
            finally:
                self.running.pop(load_id, None)

        def start() -> None:
            self.running[load_id] = upload.portfolio
            threading.Thread(target=work, name=f"feed-{load_id}", daemon=True).start()

        after_commit(session, start)

    def _load(self, upload: Upload, folder: Path, load_id: int, *, by: Actor, now: datetime) -> None:
        """Load the file and delete it. A load that breaks keeps its file, so that it can be resumed."""
        try:
            load(
                self.engine,
                upload.feed_kind,
                folder / "data",
                upload.portfolio,
                rejects_dir=self.upload_dir / "rejects",
                by=by,
                now=now,
                mapping=mapping_of(folder, upload),
                file_name=upload.file_name,
                stored_path=str(folder / "data"),
                load_id=load_id,
            )
        except DeskError:
            pass  # its row says why
        except Exception as error:
            log.error(
                "feed_load_broke", load=load_id, error=type(error).__name__
            )  # its message may quote a row
            return
        shutil.rmtree(folder, ignore_errors=True)


def get_load(session: Session, load_id: int, portfolio_id: int | None = None) -> FeedLoad:
    """A load; with `portfolio_id`, only of that portfolio. NotFound otherwise."""
    row = session.get(FeedLoad, load_id)
    if row is None or portfolio_id not in (None, row.portfolio_id):
        raise NotFound(f"There is no load {load_id}.")
    return row
