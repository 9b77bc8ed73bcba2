"""The daily print batch: one PDF in print order with marks for the inserter, and a manifest, in a folder that appears
whole or not at all.

    DESK_PRINT_DIR/<day>/batch-000012/letters.pdf     plain PDF, one-sided, sheets in the order in which they are folded
                                      manifest.csv    one line a letter: piece, sheets from-to, key, SHA-256 ...

A batch is made under a name that begins with a dot, every byte of it is forced to the disk, and then it is renamed. The
print service looks only at folders named `batch-*`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf

from app.adapters.print.letter_page import address_problem, letter_template, page_data
from app.adapters.print.typesetting import CannotTypeset, typeset_many
from app.core.kit.csv_cells import protect
from app.core.kit.processes import make_shared, share_with_group
from app.outreach.outbox.dispatch import Misconfigured, TryLater
from app.outreach.outbox.printing import FinishedBatch, Piece, PressDown

PDF, MANIFEST = "letters.pdf", "manifest.csv"
COLUMNS = (
    "piece", "first_page", "last_page", "sheets", "country", "postcode", "language", "key", "sha256", "batch_sha256",
)  # fmt: skip
AT_ONCE = 10
"""Letters typeset together: enough to share the work, few enough to stay small in memory."""
TYPESETTERS = 2
"""Sets typeset at once; Typst leaves other threads alone while it works."""


class PrintPress:
    def __init__(self, print_dir: Path, letters_dir: Path) -> None:
        """`letters_dir` is the folder with `_base/letter.typ`."""
        self._print_dir = print_dir
        self._template = letter_template(letters_dir)

    def make(self, batch: str, pieces: Sequence[Piece], *, day: date) -> FinishedBatch:
        """Typeset the whole batch under a hidden name and force it to the disk. Letters that cannot be printed are
        left out and named. Raises PressDown where nothing could be made."""
        hidden = self._hidden(batch)
        try:
            shutil.rmtree(hidden, ignore_errors=True)
            make_shared(hidden)
            made = self._fill(hidden, pieces, day)
            for path in (hidden, *hidden.iterdir()):
                share_with_group(path)
            _sync_folder(hidden)
        except CannotTypeset as problem:
            raise PressDown(Misconfigured(f"letter template {self._template} cannot be typeset")) from problem
        except (PermissionError, NotADirectoryError, FileExistsError) as problem:
            raise PressDown(Misconfigured(f"print folder cannot be written: {problem.strerror}")) from problem
        except OSError as problem:
            raise PressDown(TryLater(f"writing the batch failed: {problem.strerror}")) from problem
        return made

    def publish(self, batch: str) -> bool:
        """Give the finished batch its name. True also if it has it already; False if there is no such batch here."""
        hidden, shown = self._hidden(batch), self._print_dir / batch
        if not shown.exists():
            try:
                hidden.rename(shown)
            except FileNotFoundError:
                return shown.exists()  # another worker may have been quicker
            except FileExistsError:
                return True
        _sync_folder(shown.parent)
        return True

    def discard(self, batch: str) -> None:
        """Delete a batch that was not published."""
        shutil.rmtree(self._hidden(batch), ignore_errors=True)

    def manifest(self, batch: str) -> dict[str, int]:
        """Key -> piece number of a published batch."""
        with (self._print_dir / batch / MANIFEST).open(newline="", encoding="utf-8") as file:
            return {row["key"]: int(row["piece"]) for row in csv.DictReader(file)}

    def _hidden(self, batch: str) -> Path:
        shown = self._print_dir / batch
        return shown.with_name(f".{shown.name}.part")

    def _fill(self, folder: Path, pieces: Sequence[Piece], day: date) -> FinishedBatch:
        refused = {piece.dispatch.key: why for piece in pieces if (why := address_problem(piece.dispatch))}
        wanted = sorted(
            (piece for piece in pieces if piece.dispatch.key not in refused),
            key=lambda piece: (piece.country, piece.postcode, piece.dispatch.key),
        )
        with ExitStack() as held:
            letters = sorted(
                _typeset_all(self._template, wanted, day, refused, held), key=lambda letter: letter.order
            )
            if letters:
                _bind(letters, folder / PDF)
        sha256 = _digest(folder / PDF) if letters else ""
        _write_synced(folder / MANIFEST, _manifest(letters, sha256))
        return FinishedBatch(len(letters), sum(len(letter.pages) for letter in letters), sha256, refused)


@dataclass(frozen=True, slots=True)
class _Letter:
    piece: Piece
    pages: Sequence[pikepdf.Page]
    sha256: str
    """SHA-256 of its page data as canonical JSON: every word, figure and address line as it was laid out."""

    @property
    def order(self) -> tuple[str, str, int, str]:
        """Print order: by country and postcode for the postage, then thin before thick for the inserter."""
        return self.piece.country, self.piece.postcode, len(self.pages), self.piece.dispatch.key


def _typeset_all(
    template: Path, pieces: Sequence[Piece], day: date, refused: dict[str, str], held: ExitStack
) -> Iterator[_Letter]:
    """Typeset the sets of letters; while Typst lays some out, prepare the next and read those that are done."""
    with ThreadPoolExecutor(TYPESETTERS) as typesetters:
        begun: deque[_Set] = deque()
        for first in range(0, len(pieces), AT_ONCE):
            begun.append(_begin(template, pieces[first : first + AT_ONCE], day, typesetters))
            if len(begun) > TYPESETTERS:
                yield from _finish(template, begun.popleft(), day, refused, held, typesetters)
        for each in begun:
            yield from _finish(template, each, day, refused, held, typesetters)


@dataclass(frozen=True, slots=True)
class _Set:
    """A set of letters that is being typeset."""

    pieces: Sequence[Piece]
    data: Sequence[dict[str, Any]]
    typeset: Future[tuple[bytes, list[int]]]


def _begin(template: Path, pieces: Sequence[Piece], day: date, typesetters: Executor) -> _Set:
    data = [page_data(piece.dispatch, template.parent, number) for number, piece in enumerate(pieces)]
    work = typesetters.submit(typeset_many, template, {"letters": data}, document_date=day)
    return _Set(pieces, data, work)


def _finish(
    template: Path, begun: _Set, day: date, refused: dict[str, str], held: ExitStack, typesetters: Executor
) -> Iterator[_Letter]:
    """The letters of a set. One with a character that no font has is refused, and does not stop the others."""
    pieces = begun.pieces
    try:
        pdf, sheets = begun.typeset.result()
    except CannotTypeset as problem:
        if not problem.about_text:
            raise
        if len(pieces) == 1:
            refused[pieces[0].dispatch.key] = "the letter holds a character that none of the print fonts has"
            return
        for piece in pieces:
            alone = _begin(template, [piece], day, typesetters)
            yield from _finish(template, alone, day, refused, held, typesetters)
        return
    pages = iter(held.enter_context(pikepdf.open(io.BytesIO(pdf))).pages)
    for piece, words, count in zip(pieces, begun.data, sheets, strict=True):
        yield _Letter(piece, [next(pages) for _ in range(count)], _words_digest(words))


def _words_digest(words: dict[str, Any]) -> str:
    told = {name: value for name, value in words.items() if name != "number"}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# --------------------------------------------------------------------------------------------- binding and marks


def _bind(letters: Sequence[_Letter], path: Path) -> None:
    """Write all sheets in order, each with its marks, as one PDF: same letters, same bytes."""
    bound = pikepdf.new()
    drawn: dict[tuple[float, tuple[bool, ...]], pikepdf.Object] = {}
    for number, letter in enumerate(letters, start=1):
        first = len(bound.pages)
        bound.pages.extend(letter.pages)
        for sheet in range(len(letter.pages)):
            page = bound.pages[first + sheet].obj
            marks = sheet_marks(number, first=sheet == 0, last=sheet == len(letter.pages) - 1)
            height = float(page.MediaBox[3])
            if (height, marks) not in drawn:
                drawn[height, marks] = bound.make_indirect(bound.make_stream(_draw(height, marks)))
            # Before the page's own drawing: the state that leaves behind is not ours to know.
            page.Contents = pikepdf.Array([drawn[height, marks], page.Contents])
    with path.open("wb") as file:
        bound.save(file, deterministic_id=True)
        file.flush()
        os.fsync(file.fileno())


MARKS_LEFT, MARKS_TOP = 10.0, 120.0
"""Millimetres from the left and the top edge of the sheet to the first mark: below every window."""
MARK_LENGTH, MARK_HEIGHT = 7.0, 0.5
MARK_PITCH = 25.4 / 6
"""Millimetres from one mark to the next: six an inch, as inserters read them."""


def sheet_marks(number: int, *, first: bool, last: bool) -> tuple[bool, ...]:
    """Choose which of the eight optical marks stand on a sheet of the piece with this number, from the top.

    0 gate, always; 1 first sheet of its piece; 2 last sheet: fold and insert; 3 to 5 the piece's number modulo 8
    (weights 1, 2, 4), so that a lost or doubled piece is noticed; 6 makes the number of marks even; 7 end, always.
    """
    bits = [True, first, last, *(bool(number & weight) for weight in (1, 2, 4))]
    return (*bits, sum(bits) % 2 == 0, True)


def _draw(page_height: float, marks: tuple[bool, ...]) -> bytes:
    """Content stream of black bars; `page_height` in points."""
    point = 72 / 25.4
    bars = [
        f"{MARKS_LEFT * point:.2f} {page_height - (MARKS_TOP + place * MARK_PITCH) * point:.2f} "
        f"{MARK_LENGTH * point:.2f} {-MARK_HEIGHT * point:.2f} re"
        for place, marked in enumerate(marks)
        if marked
    ]
    return f"q 0 g {' '.join(bars)} f Q".encode()


# ------------------------------------------------------------------------------------------------------- manifest


def _manifest(letters: Sequence[_Letter], batch_sha256: str) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    page = 1
    for number, letter in enumerate(letters, start=1):
        dispatch, sheets = letter.piece.dispatch, len(letter.pages)
        lines.writerow(
            (
                number,
                page,
                page + sheets - 1,
                sheets,
                letter.piece.country,
                protect(letter.piece.postcode),
                dispatch.language,
                protect(dispatch.key),
                letter.sha256,
                batch_sha256,
            )
        )
        page += sheets
    return text.getvalue().encode()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force a folder to the disk: names, too, must survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
