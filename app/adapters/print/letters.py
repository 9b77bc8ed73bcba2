"""Post: one tagged PDF/A a letter in the day's folder, and a manifest for those who print and frank it.

The files are the hand-over, so this adapter is idempotent: a key that is on the manifest, or whose file exists, is
not made again. A crash at any point leaves either nothing, or something that the next attempt completes.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from app.adapters.print.letter_page import address_lines, address_problem, letter_template, typeset_letter
from app.adapters.print.typesetting import CannotTypeset, count_pages
from app.core.kit.csv_cells import protect
from app.core.kit.processes import make_shared, share_with_group
from app.outreach.outbox.dispatch import (
    Accepted,
    Dispatch,
    Misconfigured,
    SendResult,
    TryLater,
    Undeliverable,
)

MANIFEST = "manifest.csv"
IN_FLIGHT = 2
"""Single letters made at once: while one waits for the disk, the other is typeset."""
COLUMNS = ("key", "file", "language", "address_lines", "pages", "sha256")


class PrintLetterSender:
    def __init__(self, print_dir: Path, letters_dir: Path) -> None:
        """`letters_dir` is the folder with `_base/letter.typ`; PDFs go to `print_dir/<business date>/`."""
        self._print_dir = print_dir
        self._template = letter_template(letters_dir)
        self._manifests = _Manifests()

    def send(self, dispatch: Dispatch) -> SendResult:
        """Accepted with `<business date>/<file>` as reference, the same for every attempt of the same key.

        The key is looked for in the folder of its business date, so all attempts must carry the same one.
        """
        ref = f"{dispatch.business_date.isoformat()}/{file_name(dispatch.key)}"
        path = self._print_dir / ref
        if problem := address_problem(dispatch):
            return Undeliverable(problem)
        try:
            make_shared(path.parent)
            if not self._manifests.names(path):
                # Outside the lock: others typeset meanwhile. Two that make the same letter make the same bytes.
                if not path.exists():
                    _write_atomically(path, typeset_letter(self._template, dispatch))
                with _locked(path.parent):
                    if not self._manifests.names(path):
                        _append_to_manifest(path, dispatch)
        except CannotTypeset as problem_found:
            if problem_found.about_text:
                return Undeliverable("the letter holds a character that none of the print fonts has")
            return Misconfigured(f"letter template {self._template} cannot be typeset")
        except (PermissionError, NotADirectoryError, FileExistsError) as problem_found:
            return Misconfigured(f"print folder cannot be written: {problem_found.strerror}")
        except OSError as problem_found:
            return TryLater(f"writing the letter failed: {problem_found.strerror}")
        return Accepted(ref)

    def printed(self, key: str, business_date: date) -> str:
        """The reference of a letter that is on its day's manifest, '' = it is not."""
        ref = f"{business_date.isoformat()}/{file_name(key)}"
        return ref if self._manifests.names(self._print_dir / ref) else ""


def file_name(key: str) -> str:
    """A readable file name for an outbox key; the digest keeps keys apart that read the same when made safe."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.pdf"


# ------------------------------------------------------------------------------------------ folder and manifest


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder for one writer, across threads and processes; the kernel frees a dead process's lock."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_atomically(path: Path, content: bytes) -> None:
    """Write the file so that it appears whole or not at all, also after a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        share_with_group(Path(name))
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Manifests:
    """Files that are on their day's manifest. Files that were taken away for printing since count all the same. Only
    lines that were added since the last look are read."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: dict[Path, tuple[int, set[str]]] = {}
        """Folder -> bytes read so far, files named in them."""

    def names(self, path: Path) -> bool:
        with self._guard:
            read, known = self._known.get(path.parent, (0, set()))
            try:
                with (path.parent / MANIFEST).open("rb") as manifest:
                    size = manifest.seek(0, os.SEEK_END)
                    if size < read:  # a crash had cut its last line off
                        read, known = 0, set()
                    manifest.seek(read)
                    added = manifest.read()
            except FileNotFoundError:
                return False
            whole_lines = added[: added.rfind(b"\n") + 1]
            known |= {line[1] for line in csv.reader(whole_lines.decode().splitlines()) if len(line) > 1}
            self._known = {path.parent: (read + len(whole_lines), known)}
            return path.name in known


def _append_to_manifest(path: Path, dispatch: Dispatch) -> None:
    """Append one row; a row that an earlier crash cut off is removed first."""
    pdf = path.read_bytes()
    row = (
        protect(dispatch.key),
        path.name,
        dispatch.language,
        len(address_lines(dispatch)),
        count_pages(pdf),
        hashlib.sha256(pdf).hexdigest(),
    )
    with (path.parent / MANIFEST).open("a+b") as manifest:
        end = manifest.seek(0, os.SEEK_END)
        manifest.seek(max(0, end - _LONGEST_LINE))
        tail = manifest.read()
        if end and not tail.endswith(b"\n"):
            end -= len(tail) - (tail.rfind(b"\n") + 1)
            manifest.truncate(end)
        if not end:
            share_with_group(path.parent / MANIFEST)
        manifest.write((b"" if end else _csv_line(COLUMNS)) + _csv_line(row))
        manifest.flush()
        os.fsync(manifest.fileno())


_LONGEST_LINE = 4096


def _csv_line(row: tuple[Any, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue().encode()
