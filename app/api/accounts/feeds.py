"""Files from a creditor or a bank: upload one, look at it, load it, follow the load."""

from __future__ import annotations

import base64
import binascii
import io
from datetime import datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field
from sqlmodel import Session

from app.actions.feeds.background import FeedLoader, LoadState, get_load
from app.actions.feeds.uploads import (
    SentFile,
    Upload,
    discard_upload,
    folder_of,
    keep_upload,
    preview_upload,
    read_upload,
)
from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, RowId, after, naming, page_of
from app.api.shapes import Shape
from app.book.feeds.models import FeedLoad
from app.book.feeds.queries import loads_after
from app.book.feeds.reading.preview_rows import Preview, PreviewReject
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now, engine_of, running_jobs, settings_of
from app.http.middleware.admission import ceiling

router = api_router("/portfolios/{code}", tags=["feeds"])

Token = Annotated[str, Field(max_length=40, description="Names an upload; it cannot be guessed.")]
MOST_MB = 48
"""A file as base64 is held in memory; larger ones are uploaded on the page or loaded by command."""
TOO_LARGE = "The request is larger than {limit} MB. Load the file on its page, or with `desk feed load`."


class NewUpload(Input):
    kind: Annotated[FeedKind, Field(strict=False)]
    file_name: Annotated[Line, Field(min_length=1, max_length=200, examples=["payments.csv"])]
    content_base64: Annotated[
        str, Field(min_length=1, description="CSV, CSV.gz, XLSX or camt.054, as base64.")
    ]
    mapping: Annotated[
        Paragraph, Field(max_length=200_000, description="TOML of a mapping; '' = none is sent.")
    ] = ""
    mapping_name: Annotated[
        Line, Field(max_length=60, description="Name of the mapping sent, or of one that is kept.")
    ] = ""


class UploadShape(Shape):
    """An upload. Nothing is stored before it is loaded."""

    token: Token
    kind: FeedKind
    file_name: str
    mapping: str = Field(description="Name of its mapping; '' = our own layout.")

    @classmethod
    def of(cls, token: str, upload: Upload) -> Self:
        return cls(token=token, kind=upload.feed_kind, file_name=upload.file_name, mapping=upload.mapping)


class UploadPreviewShape(UploadShape):
    """The first thousand rows of an upload as they are understood. Values of cells stay in the desk."""

    size: int = Field(description="Bytes.")
    refusal: str = Field(description="Why the file cannot be read; '' = it can.")
    read_as: str
    columns: dict[str, str] = Field(description="Our column -> the source of its values.")
    ignored: list[str]
    read: int
    understood: int
    rejected: int
    rejects: list[PreviewReject] = Field(description="The first rejected rows, with line, column and reason.")
    notes: list[str]


class DiscardedUpload(Shape):
    token: Token


class FeedLoadShape(Shape):
    """A load of one file, and how far it is."""

    id: int
    kind: FeedKind
    file_name: str
    mapping: str
    state: LoadState
    by: str
    started_at: datetime
    finished_at: datetime | None
    read: int
    loaded: int
    unchanged: int
    conflicts: int
    rejected: int
    failure: str
    notes: str

    @classmethod
    def of(cls, loader: FeedLoader, portfolio: Portfolio, row: FeedLoad) -> Self:
        own = {name: getattr(row, name) for name in cls.model_fields if name != "state"}
        return cls(**own, state=loader.state_of(row, portfolio))


def _loader(request: Request) -> FeedLoader:
    return FeedLoader(engine_of(request), settings_of(request).upload_dir, running_jobs(request, "feeds"))


def _require_own(loader: FeedLoader, portfolio: Portfolio, token: str) -> None:
    if read_upload(folder_of(loader.upload_dir, token)).portfolio != portfolio.code:
        raise NotFound(f"Portfolio {portfolio.code} has no upload of this token. Upload the file first.")


def _shown(session: Session, loader: FeedLoader, token: str, now: datetime) -> UploadPreviewShape:
    found = preview_upload(session, loader.upload_dir, token, now=now)
    upload = found.upload
    rows = found.rows or Preview(upload.kind, upload.file_name, "")
    return UploadPreviewShape(
        **UploadShape.of(token, upload).model_dump(),
        size=found.size,
        refusal=found.refusal,
        read_as=rows.read_as,
        columns={each.column: each.source for each in rows.columns},
        ignored=rows.ignored,
        read=rows.read,
        understood=rows.understood,
        rejected=rows.rejected,
        rejects=rows.rejects,
        notes=rows.notes,
    )


@router.post(
    "/feed-uploads",
    status_code=201,
    summary="Upload a file",
    dependencies=[ceiling(lambda settings: min(settings.upload_limit_mb, MOST_MB) * 4 // 3 + 1, TOO_LARGE)],
)
def post_feed_upload(
    request: Request, code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewUpload
) -> UploadShape:
    """Keep a file for two days, to be looked at and loaded. Nothing is stored before it is loaded."""
    loader = _loader(request)
    try:
        content = base64.b64decode(body.content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("This is not base64. Encode the file's bytes.", "content_base64") from None
    mapping = None
    if body.mapping:
        mapping = SentFile(body.mapping_name or "mapping", io.BytesIO(body.mapping.encode()))
    with naming(file="content_base64"):
        token = keep_upload(
            session, loader.upload_dir, code, body.kind, SentFile(body.file_name, io.BytesIO(content)),
            mapping=mapping, known_mapping="" if mapping else body.mapping_name, by=caller.by, now=now,
        )  # fmt: skip
    return UploadShape.of(token, read_upload(folder_of(loader.upload_dir, token)))


@router.get("/feed-uploads/{token}", summary="Look at an upload")
def get_feed_upload(
    request: Request, code: PortfolioCode, token: Token, _caller: ApiManager, session: ReadSession, now: Now
) -> UploadPreviewShape:
    """The first rows as understood."""
    loader = _loader(request)
    _require_own(loader, get_portfolio(session, code), token)
    return _shown(session, loader, token, now)


@router.post("/feed-uploads/{token}/discard", summary="Discard an upload")
def post_feed_upload_discard(
    request: Request, code: PortfolioCode, token: Token, _caller: ApiManager, session: OnceSession
) -> DiscardedUpload:
    """Delete the file. Nothing of it was stored."""
    loader = _loader(request)
    _require_own(loader, get_portfolio(session, code), token)
    discard_upload(loader.upload_dir, token)
    return DiscardedUpload(token=token)


@router.post("/feed-uploads/{token}/load", status_code=201, summary="Load an upload")
def post_feed_upload_load(
    request: Request, code: PortfolioCode, token: Token, caller: ApiManager, session: OnceSession, now: Now
) -> FeedLoadShape:
    """Begin the load, which goes on by itself: ask for it by its id until its state is `done`."""
    loader, portfolio = _loader(request), get_portfolio(session, code)
    _require_own(loader, portfolio, token)
    load_id = loader.load_upload(session, token, by=caller.by, now=now)
    return FeedLoadShape.of(loader, portfolio, get_load(session, load_id))


@router.get("/feed-loads", summary="List loads")
def list_feed_loads(
    request: Request,
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[FeedLoadShape]:
    """Every load of the portfolio, oldest first."""
    loader, portfolio = _loader(request), get_portfolio(session, code)
    rows = loads_after(session, id_of(portfolio), after(cursor), limit + 1)
    shown, next_cursor = page_of(rows, limit, lambda row: id_of(row))
    return Page(items=[FeedLoadShape.of(loader, portfolio, row) for row in shown], next_cursor=next_cursor)


@router.get("/feed-loads/{load_id}", summary="Follow a load")
def get_feed_load(
    request: Request, code: PortfolioCode, load_id: RowId, _caller: ApiManager, session: ReadSession
) -> FeedLoadShape:
    """Counts of rows so far, and its state."""
    portfolio = get_portfolio(session, code)
    return FeedLoadShape.of(_loader(request), portfolio, get_load(session, load_id, id_of(portfolio)))


@router.post("/feed-loads/{load_id}/resume", summary="Resume a load")
def post_feed_load_resume(
    request: Request, code: PortfolioCode, load_id: RowId, caller: ApiManager, session: OnceSession, now: Now
) -> FeedLoadShape:
    """Go on with an interrupted load where it stopped."""
    loader, portfolio = _loader(request), get_portfolio(session, code)
    row = get_load(session, load_id, id_of(portfolio))
    loader.resume_load(session, row, by=caller.by, now=now)
    return FeedLoadShape.of(loader, portfolio, row)
