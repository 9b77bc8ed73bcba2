"""A file uploaded: shown as understood, then loaded or discarded."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.book.feeds.uploads import forget_uploads
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.clock import local_date
from app.core.database.engine import private
from app.core.errors import DeskError, Invalid
from app.core.text import sentence
from app.http.admission import ceiling
from app.http.context import Now, engine_of, settings_of
from app.http.doors import Manager
from app.http.transactions import ReadSession
from app.web.accounts.feeds.feeds import feeds_page
from app.web.accounts.feeds.loads import require_free, start_load
from app.web.accounts.feeds.upload_files import (
    Upload,
    folder_of,
    keep_file,
    keep_mapping,
    mapping_of,
    read_upload,
)
from app.web.accounts.feeds.words import KINDS
from app.web.rendering import Page, page, redirect

if TYPE_CHECKING:
    from app.book.feeds.preview import Preview

router = APIRouter(prefix="/feeds")
ROWS_PREVIEWED = 10
TOO_LARGE = (
    "The file is larger than {limit} MB. Load it on the server with `desk feed load`, which knows no such limit, or "
    "have the limit raised (DESK_UPLOAD_LIMIT_MB)."
)


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
    from app.book.feeds.storing.positions import check_source  # brings polars

    settings = settings_of(request)
    typed = {"portfolio": portfolio, "kind": kind, "known_mapping": known_mapping}
    forget_uploads(settings.upload_dir, now=now)
    token = secrets.token_urlsafe(18)
    folder = folder_of(settings, token)
    try:
        if kind not in set(FeedKind):
            raise Invalid("Choose what the file holds.", "kind")
        book = get_portfolio(session, portfolio)
        check_source(book, FeedKind(kind))
        settings.upload_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        name = keep_file(file, folder / "data", "file")
        told = keep_mapping(settings, folder, portfolio, known_mapping, mapping)
        upload = Upload(portfolio, kind, name, told, staff.by)
        with open(folder / "upload.json", "w", encoding="utf-8", opener=private) as note:
            json.dump(asdict(upload), note)
    except BaseException as broken:
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(broken, DeskError):
            raise
        errors = {getattr(broken, "field", None) or "": sentence(broken.message)}
        return feeds_page(request, session, typed, errors=errors, status=422)
    return redirect(request, f"/feeds/uploads/{token}")


@dataclass(frozen=True, slots=True)
class PreviewPage(Page):
    template = "accounts/feeds/preview.html"
    upload: Upload
    portfolio: Portfolio
    token: str
    kind_words: str
    found: Preview | None
    refusal: str
    size: int


@router.get("/uploads/{token}")
def preview_upload(request: Request, token: str, _staff: Manager, session: ReadSession, now: Now) -> Response:
    """The first rows as understood; nothing is stored."""
    from app.book.feeds.preview import preview  # brings polars

    folder = folder_of(settings_of(request), token)
    upload = read_upload(folder)
    portfolio = get_portfolio(session, upload.portfolio)
    found, refusal = None, ""
    try:
        mapping = mapping_of(folder, upload)
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
        PreviewPage(
            upload=upload,
            portfolio=portfolio,
            token=token,
            kind_words=KINDS[upload.feed_kind][0],
            found=found,
            refusal=refusal,
            size=(folder / "data").stat().st_size,
        ),
    )


@router.post("/uploads/{token}/discard")
def discard(request: Request, token: str, _staff: Manager) -> Response:
    folder = folder_of(settings_of(request), token)
    read_upload(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return redirect(request, "/feeds", "The upload is discarded; nothing was stored.", "info")


@router.post("/uploads/{token}/load")
def load_upload(request: Request, token: str, staff: Manager, now: Now) -> Response:
    """Begin the load; it goes on by itself while its page shows how far it is."""
    from app.book.feeds.service import begin  # brings polars

    folder = folder_of(settings_of(request), token)
    if (folder / "loading.json").exists():
        return redirect(request, "/feeds", "This file is being loaded already.", "info")
    upload = read_upload(folder)
    require_free(request, upload.portfolio)
    mapping = mapping_of(folder, upload)
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
    start_load(request, upload, folder, mapping, load_id, staff.by, now)
    return redirect(request, f"/feeds/{load_id}")
