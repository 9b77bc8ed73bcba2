"""Uploads on disk.

An upload lies under `settings.upload_dir` in a folder of its own until it is loaded or discarded: `upload.json` says
what it is, and becomes `loading.json` at the moment its load begins, which happens once. Uploads and rejects hold
personal data: managers only, and the file is gone once its load has ended.

The modules that read feeds import polars and psycopg, which take a third of a second: each is imported by the
function that needs it, so that the web application starts sooner.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import UploadFile

from app.book.feeds.uploads import UPLOAD_NAME
from app.book.ledger.rules import FeedKind
from app.core.database.engine import private
from app.core.errors import Invalid, NotFound
from app.core.settings import Settings
from app.core.text import refuse_card_number

if TYPE_CHECKING:
    from app.book.feeds.reading.mapping import Mapping as FeedMapping


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


def folder_of(settings: Settings, token: str) -> Path:
    if not UPLOAD_NAME.fullmatch(token):
        raise NotFound("There is no such upload.")
    return settings.upload_dir / token


def read_upload(folder: Path, name: str = "upload.json") -> Upload:
    try:
        return Upload(**json.loads((folder / name).read_text("utf-8")))
    except FileNotFoundError:
        raise NotFound("This upload is gone: it was loaded, discarded, or forgotten for two days.") from None


def mapping_of(folder: Path, upload: Upload) -> FeedMapping | None:
    from app.book.feeds.reading.mapping_file import load_mapping  # brings polars

    return load_mapping(folder / upload.mapping) if upload.mapping else None


def keep_file(file: UploadFile | None, path: Path, field: str) -> str:
    """Copy an upload to disk and return what people call it."""
    if file is None or not file.filename:
        raise Invalid("Choose a file.", field)
    name = "".join(char for char in Path(file.filename.replace("\\", "/")).name if char.isprintable())[:200]
    refuse_card_number(
        name, field, "The file's name holds what looks like a full card number. Rename it first."
    )
    with open(path, "wb", opener=private) as target:
        shutil.copyfileobj(file.file, target, 1 << 20)
    return name


def keep_mapping(settings: Settings, folder: Path, code: str, known: str, uploaded: UploadFile | None) -> str:
    """Put the mapping beside the file; one that was uploaded is kept for the next time too."""
    from app.book.feeds.reading.mapping_file import load_mapping  # brings polars

    saved = saved_mappings(settings, code)
    if uploaded is not None and uploaded.filename:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", Path(uploaded.filename).stem)[:60] + ".toml"
        keep_file(uploaded, folder / name, "mapping")
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


def saved_mappings(settings: Settings, code: str) -> dict[str, Path]:
    """Mapping files uploaded for this portfolio before, by name."""
    return {path.name: path for path in sorted((settings.upload_dir / "mappings" / code).glob("*.toml"))}
