"""Uploaded files: keep one, look at it, discard it.

An upload lies under the upload folder in a folder of its own until it is loaded or discarded: `upload.json` says
what it is, and becomes `loading.json` at the moment its load begins, which happens once. Uploads and rejects hold
personal data: managers only, and the file is gone once its load has ended.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sqlmodel import Session

from app.book.feeds.reading.preview_rows import Preview
from app.book.feeds.uploads import UPLOAD_NAME, forget_uploads
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.engine import private
from app.core.errors import DeskError, Invalid, NotFound
from app.core.text import refuse_card_number, sentence

if TYPE_CHECKING:
    from app.book.feeds.reading.mapping import Mapping

# The readers of files are imported where a file is read: a third of a second that a start need not wait for.
ROWS_PREVIEWED = 10
GONE = "This upload is gone: it was loaded, discarded, or forgotten for two days. Upload the file again."


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as a person or a program sends it: its own name, and its bytes."""

    name: str
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """The content of `upload.json`: which file this is and who uploaded it."""

    portfolio: str
    kind: str
    file_name: str
    mapping: str
    """File name of the mapping that lies beside it; '' = our own layout."""
    by: str

    @property
    def feed_kind(self) -> FeedKind:
        return FeedKind(self.kind)


def keep_upload(
    session: Session,
    upload_dir: Path,
    portfolio_code: str,
    kind: str,
    file: SentFile | None,
    *,
    mapping: SentFile | None = None,
    known_mapping: str = "",
    by: Actor,
    now: datetime,
) -> str:
    """Keep the file on disk with its mapping and return its token. Nothing is stored in the database.
    Invalid, with its field, for a kind, file or mapping that cannot be taken."""
    from app.book.feeds.storing.positions import check_source

    forget_uploads(upload_dir, now=now)
    if kind not in set(FeedKind):
        raise Invalid("Choose what the file holds.", "kind")
    check_source(get_portfolio(session, portfolio_code), FeedKind(kind))
    token = secrets.token_urlsafe(18)
    folder = folder_of(upload_dir, token)
    upload_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700)
    try:
        name = _keep_file(file, folder / "data", "file")
        used = _keep_mapping(upload_dir, folder, portfolio_code, known_mapping, mapping)
        upload = Upload(portfolio_code, kind, name, used, by)
        with open(folder / "upload.json", "w", encoding="utf-8", opener=private) as note:
            json.dump(asdict(upload), note)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return token


@dataclass(frozen=True, slots=True)
class UploadPreview:
    """The first rows of an upload as understood, or the reason why the file cannot be read."""

    upload: Upload
    size: int
    rows: Preview | None
    refusal: str


def preview_upload(session: Session, upload_dir: Path, token: str, *, now: datetime) -> UploadPreview:
    """Read the first rows; nothing is stored. NotFound for an upload that is gone."""
    from app.book.feeds.preview import preview

    folder = folder_of(upload_dir, token)
    upload = read_upload(folder)
    portfolio = get_portfolio(session, upload.portfolio)
    found, refusal = None, ""
    try:
        found = preview(
            portfolio,
            upload.feed_kind,
            folder / "data",
            mapping_of(folder, upload),
            ROWS_PREVIEWED,
            file_name=upload.file_name,
            today=local_date(now, portfolio.timezone),
        )
    except DeskError as refused:
        refusal = sentence(refused.message)
    return UploadPreview(upload, (folder / "data").stat().st_size, found, refusal)


def discard_upload(upload_dir: Path, token: str) -> None:
    """Delete an upload that was not loaded. NotFound where it is gone already."""
    folder = folder_of(upload_dir, token)
    read_upload(folder)
    shutil.rmtree(folder, ignore_errors=True)


def folder_of(upload_dir: Path, token: str) -> Path:
    if not UPLOAD_NAME.fullmatch(token):
        raise NotFound("The upload of this link does not exist. Upload the file first.")
    return upload_dir / token


def read_upload(folder: Path, name: str = "upload.json") -> Upload:
    try:
        return Upload(**json.loads((folder / name).read_text("utf-8")))
    except FileNotFoundError:
        raise NotFound(GONE) from None


def mapping_of(folder: Path, upload: Upload) -> Mapping | None:
    from app.book.feeds.reading.mapping_file import load_mapping

    return load_mapping(folder / upload.mapping) if upload.mapping else None


def saved_mappings(upload_dir: Path, portfolio: Portfolio) -> dict[str, Path]:
    """Mapping files uploaded for this portfolio before, by name."""
    return _saved(upload_dir, portfolio.code)


def _saved(upload_dir: Path, code: str) -> dict[str, Path]:
    return {path.name: path for path in sorted((upload_dir / "mappings" / code).glob("*.toml"))}


def _keep_file(file: SentFile | None, path: Path, field: str) -> str:
    """Copy an upload to disk and return the name that people know it by."""
    if file is None or not file.name:
        raise Invalid("Choose a file.", field)
    name = "".join(char for char in Path(file.name.replace("\\", "/")).name if char.isprintable())[:200]
    refuse_card_number(
        name, field, "The file's name holds what looks like a full card number. Rename it first."
    )
    with open(path, "wb", opener=private) as target:
        shutil.copyfileobj(file.content, target, 1 << 20)
    return name


def _keep_mapping(upload_dir: Path, folder: Path, code: str, known: str, sent: SentFile | None) -> str:
    """Put the mapping beside the file; a mapping that was sent is kept for the next time too."""
    from app.book.feeds.reading.mapping_file import load_mapping

    saved = _saved(upload_dir, code)
    if sent is not None and sent.name:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", Path(sent.name).stem)[:60] + ".toml"
        _keep_file(sent, folder / name, "mapping")
        try:
            load_mapping(folder / name)
        except Invalid as error:
            raise Invalid(error.message, "mapping") from None
        kept = upload_dir / "mappings" / code / name
        kept.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with (folder / name).open("rb") as source, open(kept, "wb", opener=private) as target:
            shutil.copyfileobj(source, target)
        return name
    if known:
        if known not in saved:
            raise Invalid("This mapping is not kept any more. Upload it again.", "mapping")
        shutil.copyfile(saved[known], folder / known)
    return known
