"""Files from a creditor or a bank: uploaded, looked at before anything is stored, loaded with their progress shown.

An upload lies under `settings.upload_dir` in a folder of its own until it is loaded or discarded: `upload.json` says
what it is, and becomes `loading.json` at the moment its load begins, which happens once. Uploads and rejects hold
personal data: managers only, and the file is gone once its load has ended.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import APIRouter, File, Form, UploadFile
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app.book.feeds.positions import check_source
from app.book.feeds.preview import preview
from app.book.feeds.queries import history
from app.book.feeds.reading.mapping import Mapping as FeedMapping
from app.book.feeds.reading.mapping import load_mapping
from app.book.feeds.service import begin, load
from app.book.feeds.uploads import UPLOAD_NAME, forget_uploads
from app.book.ledger.models import FeedLoad, Portfolio
from app.book.ledger.rules import FeedKind, holds_card_number
from app.book.ledger.service import get_portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.db import Busy, exclusive, private
from app.core.errors import Conflict, DeskError, Invalid, NotFound
from app.core.ids import id_of
from app.core.settings import Settings
from app.http.admission import ceiling
from app.http.deps import Manager, Now, ReadSession, engine_of, settings_of
from app.web.accounts.account import AccountId
from app.web.forms import sentence
from app.web.rendering import Column, Tone, page, redirect
from app.web.worklist.worklist import staff_names

router = APIRouter(prefix="/feeds")
log = structlog.get_logger("desk.web")

SHOWN = 50
ROWS_PREVIEWED = 10
TOO_LARGE = (
    "The file is larger than {limit} MB. Load it on the server with `desk feed load`, which knows no such limit, or "
    "have the limit raised (DESK_UPLOAD_LIMIT_MB)."
)
KINDS = {
    FeedKind.ACCOUNTS: ("Accounts", "Cardholders and their accounts"),
    FeedKind.STATEMENTS: ("Statements", "What fell due, and when"),
    FeedKind.TRANSACTIONS: ("Transactions", "Purchases, fees, interest, refunds"),
    FeedKind.PAYMENTS: ("Payments", "What came in"),
    FeedKind.POSITIONS: ("Positions", "What a placing creditor says is owed, where we get no statements"),
    FeedKind.CAMT054: ("Bank credits (camt.054)", "A bank’s own notification; no mapping needed"),
}
COLUMNS = [
    Column("Loaded"),
    Column("What"),
    Column("File"),
    Column("Rows", numeric=True),
    Column("Outcome"),
]


# --- the page: what was loaded, and the next file -----------------------------------------------------------


@router.get("")
def feeds(
    request: Request, _staff: Manager, session: ReadSession, portfolio: str = "", kind: str = ""
) -> Response:
    return _feeds_page(request, session, {"portfolio": portfolio, "kind": kind})


def _feeds_page(
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
        "feeds/feeds.html",
        status,
        portfolios=portfolios,
        chosen=chosen,
        typed=typed,
        errors=errors or {},
        kinds=KINDS,
        limit_mb=settings.upload_limit_mb,
        mappings=_saved_mappings(settings, chosen.code) if chosen else {},
        columns=COLUMNS,
        loads=[(each, _outcome(request, each, chosen)) for each in loads] if chosen else [],
        names=staff_names(session),
    )


def _saved_mappings(settings: Settings, code: str) -> dict[str, Path]:
    """Mapping files uploaded for this portfolio before, by name."""
    return {path.name: path for path in sorted((settings.upload_dir / "mappings" / code).glob("*.toml"))}


@dataclass(frozen=True, slots=True)
class Outcome:
    words: str
    tone: Tone
    running: bool = False
    interrupted: bool = False


def _outcome(request: Request, row: FeedLoad, portfolio: Portfolio) -> Outcome:
    if row.finished_at is None:
        if is_running(request.app.state, engine_of(request), row, portfolio):
            return Outcome("Loading", "info", running=True)
        return Outcome("Interrupted", "warn", interrupted=True)
    if row.failure:
        taken_up = row.failure.startswith("interrupted")
        return Outcome(
            "Gone on with later" if taken_up else "Not read to its end", "neutral" if taken_up else "bad"
        )
    if row.rejected or row.conflicts:
        return Outcome("Some refused", "warn")
    if row.read and row.unchanged == row.read:
        return Outcome("Nothing new", "neutral")
    return Outcome("Done", "good")


def is_running(state: State, engine: Engine, row: FeedLoad, portfolio: Portfolio) -> bool:
    """Whether somebody is at it: a thread of this process, or whoever holds the portfolio's lock elsewhere."""
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


# --- an upload ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    """What lies in an upload's folder, as `upload.json` has it."""

    portfolio: str
    kind: str
    file_name: str
    mapping: str
    """File name of the mapping that lies beside it; '' = our own layout."""
    by: str

    @property
    def feed_kind(self) -> FeedKind:
        return FeedKind(self.kind)


def _folder(settings: Settings, token: str) -> Path:
    if not UPLOAD_NAME.fullmatch(token):
        raise NotFound("There is no such upload.")
    return settings.upload_dir / token


def _read_upload(folder: Path, name: str = "upload.json") -> Upload:
    try:
        return Upload(**json.loads((folder / name).read_text("utf-8")))
    except FileNotFoundError:
        raise NotFound("This upload is gone: it was loaded, discarded, or forgotten for two days.") from None


def _mapping_of(folder: Path, upload: Upload) -> FeedMapping | None:
    return load_mapping(folder / upload.mapping) if upload.mapping else None


@router.post("/uploads", dependencies=[ceiling(lambda settings: settings.upload_limit_mb, TOO_LARGE)])
def take_upload(
    request: Request,
    staff: Manager,
    session: ReadSession,
    now: Now,
    portfolio: Annotated[str, Form(max_length=40)] = "",
    kind: Annotated[str, Form(max_length=20)] = "",
    known_mapping: Annotated[str, Form(max_length=80)] = "",
    file: Annotated[UploadFile | None, File()] = None,
    mapping: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep the file and show what is understood of it."""
    settings = settings_of(request)
    typed = {"portfolio": portfolio, "kind": kind, "known_mapping": known_mapping}
    forget_uploads(settings.upload_dir, now=now)
    token = secrets.token_urlsafe(18)
    folder = _folder(settings, token)
    try:
        if kind not in set(FeedKind):
            raise Invalid("Choose what the file holds.", "kind")
        book = get_portfolio(session, portfolio)
        check_source(book, FeedKind(kind))
        settings.upload_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        name = _keep(file, folder / "data", "file")
        told = _keep_mapping(settings, folder, portfolio, known_mapping, mapping)
        upload = Upload(portfolio, kind, name, told, staff.by)
        with open(folder / "upload.json", "w", encoding="utf-8", opener=private) as note:
            json.dump(asdict(upload), note)
    except BaseException as broken:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(broken, DeskError):
            raise
        errors = {getattr(broken, "field", None) or "": sentence(broken.message)}
        return _feeds_page(request, session, typed, errors=errors, status=422)
    return redirect(request, f"/feeds/uploads/{token}")


def _keep(file: UploadFile | None, path: Path, field: str) -> str:
    """Copy an upload to disk and return what people call it."""
    if file is None or not file.filename:
        raise Invalid("Choose a file.", field)
    name = "".join(char for char in Path(file.filename.replace("\\", "/")).name if char.isprintable())[:200]
    if holds_card_number(name):
        raise Invalid("The file's name holds what looks like a full card number; rename it.", field)
    with open(path, "wb", opener=private) as target:
        shutil.copyfileobj(file.file, target, 1 << 20)
    return name


def _keep_mapping(
    settings: Settings, folder: Path, code: str, known: str, uploaded: UploadFile | None
) -> str:
    """Put the mapping beside the file; one that was uploaded is kept for the next time too."""
    saved = _saved_mappings(settings, code)
    if uploaded is not None and uploaded.filename:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", Path(uploaded.filename).stem)[:60] + ".toml"
        _keep(uploaded, folder / name, "mapping")
        try:
            load_mapping(folder / name)
        except Invalid as error:
            raise Invalid(error.message, "mapping") from None
        kept = settings.upload_dir / "mappings" / code / name
        kept.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with (folder / name).open("rb") as source, open(kept, "wb", opener=private) as target:
            shutil.copyfileobj(source, target)
        return name
    if known:
        if known not in saved:
            raise Invalid("This mapping is not kept any more; upload it.", "mapping")
        shutil.copyfile(saved[known], folder / known)
    return known


@router.get("/uploads/{token}")
def preview_upload(request: Request, token: str, _staff: Manager, session: ReadSession, now: Now) -> Response:
    """The first rows as understood; nothing is stored."""
    folder = _folder(settings_of(request), token)
    upload = _read_upload(folder)
    portfolio = get_portfolio(session, upload.portfolio)
    found, refusal = None, ""
    try:
        mapping = _mapping_of(folder, upload)
        found = preview(
            portfolio,
            upload.feed_kind,
            folder / "data",
            mapping,
            ROWS_PREVIEWED,
            file_name=upload.file_name,
            today=local_date(now, portfolio.timezone),
        )
    except DeskError as refused:
        refusal = sentence(refused.message)
    return page(
        request,
        "feeds/preview.html",
        upload=upload,
        portfolio=portfolio,
        token=token,
        kind_words=KINDS[upload.feed_kind][0],
        found=found,
        refusal=refusal,
        size=(folder / "data").stat().st_size,
    )


@router.post("/uploads/{token}/discard")
def discard(request: Request, token: str, _staff: Manager) -> Response:
    folder = _folder(settings_of(request), token)
    _read_upload(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return redirect(request, "/feeds", "The upload is discarded; nothing was stored.", "info")


# --- loading ------------------------------------------------------------------------------------------------


@router.post("/uploads/{token}/load")
def load_upload(request: Request, token: str, staff: Manager, now: Now) -> Response:
    """Begin the load; it goes on by itself while its page shows how far it is."""
    folder = _folder(settings_of(request), token)
    if (folder / "loading.json").exists():
        return redirect(request, "/feeds", "This file is being loaded already.", "info")
    upload = _read_upload(folder)
    _require_free(request, upload.portfolio)
    mapping = _mapping_of(folder, upload)
    try:
        (folder / "upload.json").rename(folder / "loading.json")
    except FileNotFoundError:
        return redirect(request, "/feeds", "This file is being loaded already.", "info")
    load_id = begin(
        engine_of(request),
        upload.feed_kind,
        upload.portfolio,
        file_name=upload.file_name,
        by=staff.by,
        now=now,
        mapping=mapping,
        stored_path=str(folder / "data"),
    )
    _start(request, upload, folder, mapping, load_id, staff.by, now)
    return redirect(request, f"/feeds/{load_id}")


@router.post("/{load_id}/resume")
def resume(request: Request, load_id: AccountId, staff: Manager, session: ReadSession, now: Now) -> Response:
    """Go on where an interrupted load stopped."""
    row, portfolio = _row(session, load_id)
    if not _outcome(request, row, portfolio).interrupted:
        return redirect(request, f"/feeds/{load_id}", "This load is not interrupted.", "info")
    folder = Path(row.stored_path).parent
    if not row.stored_path or not Path(row.stored_path).is_file():
        raise Conflict("The file is not kept here. Load it again: what is loaded already is recognised.")
    _require_free(request, portfolio.code)
    upload = _read_upload(folder, "loading.json")
    _start(request, upload, folder, _mapping_of(folder, upload), load_id, staff.by, now)
    return redirect(request, f"/feeds/{load_id}")


def _require_free(request: Request, code: str) -> None:
    if code in running_loads(request.app.state).values():
        raise Conflict("Another file of this portfolio is being loaded; begin when it is done.")


def _start(
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


# --- one load -----------------------------------------------------------------------------------------------


@router.get("/{load_id}")
def load_page(request: Request, load_id: AccountId, _staff: Manager, session: ReadSession) -> Response:
    row, portfolio = _row(session, load_id)
    return page(
        request,
        "feeds/load.html",
        row=row,
        portfolio=portfolio,
        outcome=_outcome(request, row, portfolio),
        kind_words=KINDS[row.kind][0],
        names=staff_names(session),
        can_resume=bool(row.stored_path) and Path(row.stored_path).is_file(),
        has_rejects=_rejects(row) is not None,
        has_warnings=_existing(row.warnings_file) is not None,
    )


@router.get("/{load_id}/progress")
def progress(request: Request, load_id: AccountId, _staff: Manager, session: ReadSession) -> Response:
    """The part of the page that changes, for its script."""
    row, portfolio = _row(session, load_id)
    return page(request, "feeds/_progress.html", row=row, outcome=_outcome(request, row, portfolio))


@router.get("/{load_id}/rejects")
def rejects(load_id: AccountId, _staff: Manager, session: ReadSession) -> Response:
    """Line, column, reason and row of each that was refused."""
    row, _ = _row(session, load_id)
    path = _rejects(row)
    if path is None:
        raise NotFound("This load has no file of rejects, or it was removed.")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


@router.get("/{load_id}/warnings")
def warnings(load_id: AccountId, _staff: Manager, session: ReadSession) -> Response:
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
