"""A file uploaded: shown as understood, then loaded or discarded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.actions.feeds.background import BEGUN
from app.actions.feeds.uploads import (
    SentFile,
    Upload,
    discard_upload,
    folder_of,
    keep_upload,
    preview_upload,
)
from app.book.feeds.reading.preview_rows import Preview
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import DeskError
from app.core.text import sentence
from app.http.context import Now, settings_of
from app.http.doors import Manager
from app.http.middleware.admission import ceiling
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.accounts.feeds.feeds import feeds_page
from app.web.accounts.feeds.loads import loader_of
from app.web.accounts.feeds.words import KINDS
from app.web.rendering import Page, page, redirect

router = Router(prefix="/feeds")
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
    try:
        token = keep_upload(
            session,
            settings_of(request).upload_dir,
            portfolio,
            kind,
            _sent(file),
            mapping=_sent(mapping),
            known_mapping=known_mapping,
            by=staff.by,
            now=now,
        )
    except DeskError as refused:
        typed = {"portfolio": portfolio, "kind": kind, "known_mapping": known_mapping}
        errors = {refused.field or "": sentence(refused.message)}
        return feeds_page(request, session, typed, errors=errors, status=422)
    return redirect(request, f"/feeds/uploads/{token}")


def _sent(file: UploadFile | None) -> SentFile | None:
    return SentFile(file.filename, file.file) if file is not None and file.filename else None


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
def preview_page(request: Request, token: str, _staff: Manager, session: ReadSession, now: Now) -> Response:
    """The first rows as understood; nothing is stored."""
    shown = preview_upload(session, settings_of(request).upload_dir, token, now=now)
    return page(
        request,
        PreviewPage(
            upload=shown.upload,
            portfolio=get_portfolio(session, shown.upload.portfolio),
            token=token,
            kind_words=KINDS[shown.upload.feed_kind][0],
            found=shown.rows,
            refusal=shown.refusal,
            size=shown.size,
        ),
    )


@router.post("/uploads/{token}/discard")
def discard(request: Request, token: str, _staff: Manager) -> Response:
    discard_upload(settings_of(request).upload_dir, token)
    return redirect(request, "/feeds", "The upload is discarded; nothing was stored.", "info")


@router.post("/uploads/{token}/load")
def load_upload(request: Request, token: str, staff: Manager, session: WriteSession, now: Now) -> Response:
    """Begin the load; it goes on by itself while its page shows how far it is."""
    if (folder_of(settings_of(request).upload_dir, token) / "loading.json").exists():
        return redirect(request, "/feeds", BEGUN, "info")
    load_id = loader_of(request).load_upload(session, token, by=staff.by, now=now)
    return redirect(request, f"/feeds/{load_id}")
