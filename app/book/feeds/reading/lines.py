"""Split a text file into blocks of lines and rows, with any quotes and line ends."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import polars as pl

from app.book.feeds.reading.dialect import (
    MAX_LINE,
    NOT_CLOSED,
    csv_cells,
    csv_error_in_words,
    is_utf8_within,
    too_long,
)
from app.core.errors import DeskError, Invalid

BLOCK = 8 * 1024 * 1024
"""Bytes read at a time."""


MAX_COLUMNS = 500


MAX_LINES = 20
"""Lines over which a quoted cell may run."""


FEW = 16
"""Lines up to which a frame is not worth its making."""


ROWS = 50_000
"""Rows of a workbook in a block."""


BOM = codecs.BOM_UTF8


"""Error text of the csv module for a quoted cell that is still open."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Records of one line each: text columns in the file's order, beginning on line `first`."""

    first: int
    cells: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Record:
    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    line: int
    reason: str


Item = Plain | Record | Unreadable


@dataclass
class Block:
    """Records in the file's order. `bytes_done` counts bytes of the file as it lies on disk, compressed or not."""

    items: list[Item] = field(default_factory=list)
    bytes_done: int = 0

    def __len__(self) -> int:
        return sum(item.cells.height if isinstance(item, Plain) else 1 for item in self.items)


class CutOff(DeskError):
    """The file ends in the middle or cannot be read on."""


class Pieces:
    """The bytes of a file, unpacked, in pieces of about BLOCK; `position` is how far the file itself was read."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = path.open("rb")
        self._name = name
        packed = self._file.peek(2)[:2] == b"\x1f\x8b"
        self._stream: IO[bytes] = gzip.open(self._file) if packed else self._file  # type: ignore[assignment]  # noqa: SIM115
        self._first: bytes | None = None
        self._error: Exception | None = None

    @property
    def position(self) -> int:
        return self._file.tell() if not self._file.closed else 0

    def peek(self) -> bytes:
        """The first piece, which will come again."""
        if self._first is None:
            self._first = self._read()
        return self._first

    def __iter__(self) -> Iterator[bytes]:
        piece = self.peek()
        self._first = b""
        while piece:
            yield piece
            piece = self._read()
        self._file.close()
        if self._error:
            raise CutOff(
                f"{self._name} could not be read to its end ({self._error}). Rows before that point are loaded. "
                "Load the whole file again to finish."
            ) from self._error

    def _read(self) -> bytes:
        """Return about BLOCK bytes, fewer at the end; bytes before an error come before the error is raised."""
        parts: list[bytes] = []
        size = 0
        while size < BLOCK and self._error is None:
            try:
                part = self._stream.read1(BLOCK - size)  # type: ignore[attr-defined]
            except (EOFError, OSError, zlib.error) as error:
                self._error = error
                break
            if not part:
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)


def as_utf8(pieces: Iterator[bytes], encoding: str, lone_returns: bool) -> Iterator[bytes]:
    """Pieces in UTF-8 without a byte order mark. What is not valid in its encoding stays invalid, so that its row is
    refused and no other."""
    is_utf8 = encoding in ("utf-8", "utf-8-sig")
    decoder = codecs.getincrementaldecoder(encoding)(errors="feed-invalid")
    first = True
    for piece in pieces:
        text = piece if is_utf8 else decoder.decode(piece).encode("utf-8", "surrogateescape")
        text = text.removeprefix(BOM) if first else text
        yield text.replace(b"\r", b"\n") if lone_returns else text
        first = False
    if not is_utf8 and (last := decoder.decode(b"", final=True)):
        yield last.encode("utf-8", "surrogateescape")


class Lines:
    """Cuts pieces of UTF-8 text into blocks of whole records."""

    def __init__(self, pieces: Iterator[bytes], delimiter: str, source: Pieces) -> None:
        self._pieces = pieces
        self._delimiter = delimiter
        self._source = source
        self._rest = b""
        self._line = 1
        self._skipping = 0
        """Bytes of a line too long for a piece that were passed over so far; 0 = in no such line."""
        self._names: list[str] = []
        self._plain = re.compile(b"")
        self._failure: CutOff | None = None

    def header(self, skip_rows: int) -> list[str]:
        """The cells of the header row, the first line after `skip_rows` that is not blank."""
        self._rest = self._next()
        while self._rest:
            end = self._rest.find(b"\n") + 1 or len(self._rest)
            line, self._rest = self._rest[:end], self._rest[end:]
            self._line += 1
            if self._line - 1 <= skip_rows or not line.strip():
                self._rest = self._rest or self._next()
                continue
            if len(line) > MAX_LINE:
                raise Invalid(f"The header row is longer than {MAX_LINE // 1024} kB. Load a CSV file.")
            try:
                cells = csv_cells(line, self._delimiter)
            except csv.Error as error:
                raise Invalid(f"The header row is not CSV ({error}). Save the file as CSV.") from None
            header = [name.strip() for name in cells]
            if len(header) > MAX_COLUMNS:
                raise Invalid(f"The header row has {len(header):,} columns. Leave at most {MAX_COLUMNS}.")
            self._names = [f"c{n}" for n in range(len(header))]
            self._plain = _plain_records(self._delimiter, len(header))
            return header
        if self._failure:
            raise self._failure
        raise Invalid("The file is empty: there is no header row. Name the columns in its first line.")

    def blocks(self) -> Iterator[Block]:
        while True:
            piece = self._next()
            at_end = not piece
            data = self._rest + piece
            if at_end and (data or self._skipping) and not data.endswith(b"\n"):
                data += b"\n"
            block = Block(bytes_done=self._source.position)
            done = self._split(data, block.items, at_end)
            self._rest = data[done:]
            if block.items:
                yield block
            if at_end:
                break
        if self._failure:
            raise self._failure

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except CutOff as failure:
            self._failure = failure
            return b""

    def _split(self, data: bytes, items: list[Item], at_end: bool) -> int:
        """Turn the whole records of `data` into items; returns where the first unfinished one begins."""
        at, end = 0, data.rfind(b"\n") + 1
        if self._skipping:
            at = self._skip_on(data, items)
        odd = Oddities(data, at, end, self._plain, len(self._names) - 1, self._delimiter)
        while at < end:
            stop = odd.plain_until(at)
            if stop > at:
                if self._add_plain(data[at:stop], items, odd):
                    at = stop
                continue
            size = self._odd_record(data, at, end, items, at_end)
            if not size:
                return at
            at += size
        if len(data) - at > MAX_LINE:
            self._skipping = len(data) - at
            return len(data)
        return at

    def _skip_on(self, data: bytes, items: list[Item]) -> int:
        end = data.find(b"\n") + 1
        self._skipping += end or len(data)
        if not end:
            return len(data)
        items.append(Unreadable(self._line, too_long(self._skipping)))
        self._line += 1
        self._skipping = 0
        return end

    def _add_plain(self, data: bytes, items: list[Item], odd: Oddities) -> bool:
        """Add the lines as plain ones. False if they are not so plain after all; `odd` knows then."""
        lines = data.count(b"\n")
        frame = None
        if lines > FEW or not odd.is_odd:
            frame = frame_of(data, self._names, self._delimiter, has_quotes=odd.is_odd)
        if frame is not None and frame.height == lines:
            items.append(Plain(self._line, frame))
        elif not odd.is_odd:
            odd.is_odd = True
            return False
        else:
            for number, line in enumerate(data.splitlines(keepends=True)):
                items.append(Record(self._line + number, csv_cells(line, self._delimiter)))
        self._line += lines
        return True

    def _odd_record(self, data: bytes, at: int, end: int, items: list[Item], at_end: bool) -> int:
        """The bytes of the record that begins at `at`, which is now among the items; 0 if its end is not there yet."""
        line_end = data.index(b"\n", at) + 1
        line = data[at:line_end]
        lines = 1
        if len(line) > MAX_LINE:
            items.append(Unreadable(self._line, too_long(len(line))))
        elif line.strip(b"\r\n"):
            try:
                items.append(Record(self._line, csv_cells(line, self._delimiter)))
            except csv.Error as error:
                cells = None
                if NOT_CLOSED in str(error):
                    found = self._running_on(data, at, end, at_end)
                    if found is None:
                        return 0
                    lines, line_end, cells = found
                reason = f"not a CSV row: {csv_error_in_words(error)}"
                items.append(Record(self._line, cells) if cells else Unreadable(self._line, reason))
        self._line += lines
        return line_end - at

    def _running_on(
        self, data: bytes, at: int, end: int, at_end: bool
    ) -> tuple[int, int, list[str] | None] | None:
        """(lines, end, cells) of a record whose quoted cell runs over line ends: of one line and without cells if
        there is no such record, None if the data end too early to tell."""
        first_end = stop = data.index(b"\n", at) + 1
        for lines in range(2, MAX_LINES + 1):
            if stop >= end or stop - at > MAX_LINE:
                break
            stop = data.index(b"\n", stop) + 1
            try:
                cells = csv_cells(data[at:stop], self._delimiter)
            except csv.Error:
                continue
            if len(cells) == len(self._names):
                return lines, stop, cells
            return 1, first_end, None
        else:
            return 1, first_end, None
        if at_end or stop - at > MAX_LINE:
            return 1, first_end, None
        return None


class Oddities:
    """Places in a piece of text that are more than plain lines."""

    def __init__(
        self, data: bytes, at: int, end: int, plain: re.Pattern[bytes], delimiters: int, delimiter: str
    ) -> None:
        self._data = data
        self._end = end
        self._pattern = plain
        self._valid_until = at - 1
        self._long = self._long_line(at)
        returns = data.count(b"\r")
        lines = data.count(b"\n", at, end)
        self.is_odd = (
            data.find(b'"', at, end) >= 0
            or data.startswith((b"\n", b"\r", BOM), at)
            or data.find(b"\n\n", at, end) >= 0
            or (returns > 0 and (returns != data.count(b"\r\n") or b"\n\r" in data))
            or data.count(delimiter.encode(), at, end) != delimiters * lines
            or self._long < end
            or not is_utf8_within(data, at, end)
        )

    def plain_until(self, at: int) -> int:
        """The end of the plain records that begin at `at`; `at` itself if the first of them is odd."""
        if not self.is_odd:
            return self._end
        if at > self._long:
            self._long = self._long_line(at)
        if at > self._valid_until:
            self._valid_until = self._valid(at)
        stop = min(self._end, self._long, self._valid_until)
        if self._data.startswith(BOM, at):
            return at
        while found := self._pattern.match(self._data, at, stop):
            at = found.end()
        return at

    def _valid(self, at: int) -> int:
        """Return the start of the line with the first byte from `at` on that is not UTF-8, else the end."""
        try:
            codecs.utf_8_decode(memoryview(self._data)[at : self._end], "strict", True)
        except UnicodeDecodeError as error:
            return max(at, self._data.rfind(b"\n", at, at + error.start) + 1)
        return self._end

    def _long_line(self, at: int) -> int:
        """Return the start of the first line over MAX_LINE. Such a line fills a whole window of half that size."""
        half = MAX_LINE // 2
        for window in range(at, self._end, half):
            if self._data.find(b"\n", window, window + half) >= 0 or window + half > self._end:
                continue
            start = max(self._data.rfind(b"\n", at, window) + 1, at)
            if self._data.index(b"\n", window) + 1 - start > MAX_LINE:
                return start
        return self._end


def _plain_records(delimiter: str, width: int) -> re.Pattern[bytes]:
    """Some hundred lines of `width` cells that are quoted as a whole or hold no quote, and not blank ones.

    The lines are counted, not possessive: before Python 3.11.5 a possessive repeat of a group that can backtrack
    matches too much (gh-106052).
    """
    mark = re.escape(delimiter.encode())
    cell = rb'(?:"[^"\r\n]*"|[^"\r\n' + mark + rb"]*)"
    rest = rb"(?:" + mark + cell + rb"){%d}" % (width - 1)
    return re.compile(rb"(?:(?!\r?\n)" + cell + rest + rb"\r?\n){1,500}")


def frame_of(data: bytes, names: list[str], delimiter: str, *, has_quotes: bool) -> pl.DataFrame | None:
    """Text columns of plain records, or None where the parser finds them not so plain."""
    if not delimiter.isascii():
        return None
    try:
        return pl.read_csv(
            data.replace(b"\r\n", b"\n"),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=delimiter,
            quote_char='"' if has_quotes else None,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None
