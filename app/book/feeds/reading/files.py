"""A file, from bytes to records: in blocks, so that memory does not grow with the file.

Where a block is plain (no quotes but around whole cells, as many cells in each line as in the header, valid UTF-8)
it becomes a frame of text columns at once. What is odd is taken out record by record and read by the csv module: one
odd record costs its neighbours nothing. A line is a record, but where a quoted cell that runs over line ends makes a
whole record of several.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.book.feeds.reading import dialect, workbook
from app.book.feeds.reading.lines import ROWS, Block, Lines, Pieces, Record, as_utf8
from app.book.feeds.reading.mapping import Mapping
from app.core.errors import Invalid


class Feed:
    """An opened file: its `header` as it is written there, and its `blocks`. `notes` are what a person should know of
    it; a workbook's are complete once the blocks are read."""

    def __init__(
        self,
        header: Sequence[str],
        blocks: Iterator[Block],
        notes: list[str] | None = None,
        *,
        is_workbook: bool = False,
    ) -> None:
        self.header = header
        self.blocks = blocks
        self.notes = [] if notes is None else notes
        self.is_workbook = is_workbook


def open_feed(path: Path, name: str, known: Sequence[str], mapping: Mapping | None) -> Feed:
    """Open a CSV, CSV.gz or XLSX file called `name`; `known` are the columns its header may have.

    Raises Invalid where it is not one; reading the blocks raises CutOff after the last that could be read.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(4)
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise Invalid(f"{name} is a folder. Name a file.") from None
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror}.") from None
    if workbook.is_workbook(start):
        return _open_workbook(path, mapping)
    return _open_text(path, name, known, mapping)


# --- text -----------------------------------------------------------------------------------------------------


def _open_text(path: Path, name: str, known: Sequence[str], mapping: Mapping | None) -> Feed:
    pieces = Pieces(path, name)
    sample = pieces.peek()
    found = dialect.detect(
        sample[: dialect.SAMPLE_BYTES],
        columns=frozenset(known),
        encoding=mapping.encoding if mapping else "",
        delimiter=mapping.delimiter if mapping else "",
        skip_rows=mapping.skip_rows if mapping else 0,
    )
    lone_returns = b"\r" in sample and b"\n" not in sample
    texts = as_utf8(iter(pieces), found.encoding, lone_returns)
    lines = Lines(texts, found.delimiter, pieces)
    return Feed(lines.header(mapping.skip_rows if mapping else 0), lines.blocks())


# A byte that begins no character in UTF-8 stands for what could not be decoded.
codecs.register_error("feed-invalid", lambda error: ("\udc80", error.end))  # type: ignore[attr-defined]


# --- workbooks ------------------------------------------------------------------------------------------------


def _open_workbook(path: Path, mapping: Mapping | None) -> Feed:
    options = {"skip_rows": mapping.skip_rows, "decimal": mapping.decimal} if mapping else {}
    notes: list[str] = []
    found = workbook.rows(path, mapping.sheet if mapping else "", **options, notes=notes)  # type: ignore[arg-type]
    rows = enumerate(found, start=1)
    header = next((cells for _, cells in rows if cells), None)
    if header is None:
        raise Invalid(
            "The sheet is empty: there is no header row. Put the names of the columns in its first row."
        )
    blocks = _workbook_blocks(rows, path.stat().st_size)
    return Feed([name.strip() for name in header], blocks, notes, is_workbook=True)


def _workbook_blocks(rows: Iterator[tuple[int, list[str]]], size: int) -> Iterator[Block]:
    block = Block(bytes_done=size)
    for line, cells in rows:
        if cells:
            block.items.append(Record(line, cells))
        if len(block.items) == ROWS:
            yield block
            block = Block(bytes_done=size)
    if block.items:
        yield block
