"""Post: one PDF/A-2b a letter in the day's folder, and a manifest for whoever prints and franks it.

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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from app.adapters.typesetting import CannotTypeset, count_pages, typeset
from app.outreach.letters import format_date, known_language
from app.outreach.rules import Accepted, Dispatch, Misconfigured, Outcome, TryLater, Undeliverable

MANIFEST = "manifest.csv"
COLUMNS = ("key", "file", "language", "address_lines", "pages", "sha256")
MAX_ADDRESS_LINES = 7
"""What fits the window of the envelope."""


class PrintLetterSender:
    def __init__(self, print_dir: Path, letters_dir: Path) -> None:
        """`letters_dir` is the folder with `_base/letter.typ`; PDFs go to `print_dir/<business date>/`."""
        self._print_dir = print_dir
        self._template = letters_dir / "_base" / "letter.typ"

    def send(self, dispatch: Dispatch) -> Outcome:
        """Accepted with `<business date>/<file>` as reference, the same for every attempt of the same key.

        The key is looked for in the folder of its business date, so all attempts must carry the same one.
        """
        ref = f"{dispatch.business_date.isoformat()}/{file_name(dispatch.key)}"
        path = self._print_dir / ref
        if problem := _address_problem(dispatch):
            return Undeliverable(problem)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.parent):
                if not _on_manifest(path):
                    if not path.exists():
                        _write_atomically(path, typeset_letter(self._template, dispatch))
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


def file_name(key: str) -> str:
    """A readable file name for an outbox key; the digest keeps keys apart that read the same when made safe."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.pdf"


def _address_problem(dispatch: Dispatch) -> str:
    count = len(_address_lines(dispatch))
    if count < 2:
        return "no complete postal address"
    if count > MAX_ADDRESS_LINES:
        return f"postal address has more than {MAX_ADDRESS_LINES} lines"
    return ""


def _address_lines(dispatch: Dispatch) -> list[str]:
    """Name and postal lines as printed in the window; `to` may or may not begin with the name."""
    lines = [line.strip() for line in dispatch.to.split("\n") if line.strip()]
    name = dispatch.recipient_name.strip()
    return lines if not name or (lines and lines[0] == name) else [name, *lines]


# ------------------------------------------------------------------------------------------------- the page


def typeset_letter(template: Path, dispatch: Dispatch) -> bytes:
    """The letter as PDF/A-2b, dated by its business date. Raises CannotTypeset."""
    return typeset(template, page_data(dispatch, template.parent), document_date=dispatch.business_date)


def page_data(dispatch: Dispatch, base: Path) -> dict[str, Any]:
    """What `letter.typ` lays out; every value is shown as text."""
    language = known_language(dispatch.language)
    if not (base / language / "page.toml").exists():
        language = "en"
    facts = [("date", format_date(dispatch.business_date, language)), ("reference", dispatch.reference)]
    facts += [(label, str(dispatch.context.get(f"contact_{label}", ""))) for label in ("phone", "email")]
    return {
        "language": language,
        "sender": dispatch.sender_name,
        "subject": dispatch.subject,
        "reference": dispatch.reference,
        "address": _address_lines(dispatch),
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "parts": parts(dispatch.text),
    }


def parts(text: str) -> list[dict[str, Any]]:
    """A post.txt as rendered -> headings, paragraphs, rules and tables.

    Parts are separated by blank lines: `# ` starts a heading, `---` is a rule, lines starting with `|` are the rows
    of a table (the first one its header, `|=` the total), anything else is a paragraph.
    """
    found: list[dict[str, Any]] = []
    for chunk in re.split(r"\n\s*\n", text.strip()):
        if chunk.startswith("# "):
            found.append({"kind": "heading", "text": chunk[2:].strip()})
        elif chunk.strip() == "---":
            found.append({"kind": "rule"})
        elif chunk.startswith("|"):
            found.append({"kind": "table", "rows": _rows(chunk.splitlines())})
        elif chunk.strip():
            found.append({"kind": "paragraph", "text": chunk.strip()})
    return found


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    cells = [
        [cell.strip() for cell in line.removeprefix("|=").removeprefix("|").removesuffix("|").split("|")]
        for line in lines
    ]
    width = max(len(row) for row in cells)
    return [
        {"total": line.startswith("|="), "cells": row + [""] * (width - len(row))}
        for line, row in zip(lines, cells, strict=True)
    ]


# ------------------------------------------------------------------------------------------ folder and manifest


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer a folder, across threads and processes; the kernel frees the lock of a process that dies."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_atomically(path: Path, content: bytes) -> None:
    """The file appears whole or not at all, also after a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o640)  # the print service reads through the group; nobody else does
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _on_manifest(path: Path) -> bool:
    """Is this file on the day's manifest? It may have been taken away for printing since; it counts all the same."""
    manifest = path.parent / MANIFEST
    if not manifest.exists():
        return False
    content = manifest.read_bytes()
    whole_lines = content[: content.rfind(b"\n") + 1]
    return f",{path.name},".encode() in whole_lines


def _append_to_manifest(path: Path, dispatch: Dispatch) -> None:
    """One row; a row that an earlier crash cut off is removed first."""
    pdf = path.read_bytes()
    row = (
        _not_a_formula(dispatch.key),
        path.name,
        dispatch.language,
        len(_address_lines(dispatch)),
        count_pages(pdf),
        hashlib.sha256(pdf).hexdigest(),
    )
    with (path.parent / MANIFEST).open("a+b") as manifest:
        manifest.seek(0)
        content = manifest.read()
        manifest.truncate(content.rfind(b"\n") + 1)
        if manifest.seek(0, os.SEEK_END) == 0:
            manifest.write(_csv_line(COLUMNS))
        manifest.write(_csv_line(row))
        manifest.flush()
        os.fsync(manifest.fileno())


def _csv_line(row: tuple[Any, ...]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue().encode()


def _not_a_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def manifest_rows(print_dir: Path, business_date: date) -> list[dict[str, str]]:
    """The day's manifest as dicts by column; empty if nothing was printed that day."""
    path = print_dir / business_date.isoformat() / MANIFEST
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
