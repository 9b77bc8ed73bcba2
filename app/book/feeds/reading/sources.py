"""Sources of a feed: a file or standard input, its content hash, and reading ahead."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.core.errors import Invalid

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made by a thread of its own while the one before is worked on."""
    nothing = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, nothing)
        while (item := coming.result()) is not nothing:
            coming = pool.submit(next, items, nothing)
            yield item  # type: ignore[misc]


@contextmanager
def on_disk(path: Path | None) -> Iterator[Path]:
    """Return the file, or a copy of standard input, whose hash is known only once all of it has been read."""
    if path is not None:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="desk-feed-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool, 1 << 20)
        spool.flush()
        yield Path(spool.name)


def sha256_of(path: Path, name: str) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise Invalid(f"{name} is a folder. Name a file.") from None
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror}.") from None
