"""A public file read whole, or refused with line and column. Pure.

Layouts, as published in 2026: Philadelphia: header `YRQTR` and one column a measure, one line a quarter (`2026Q1`),
cells such as `3.35 %` or `null`, then lines `Source:`, `Website:` and `Email:`. FRED: header `observation_date` (or
`DATE`, in older files) and one column a series, one line a quarter by its first day (`2025-10-01`), cells such as
`3.35`, and `.` or nothing where there is no value.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.core.errors import Invalid
from app.reporting.peers.rules import SERIES, PeerPoint, PeerSeries, PeerSource, quarter_end

MOST_BYTES = 2_000_000
MOST_LINES = 5_000
MOST_COLUMNS = 300
_QUARTER = re.compile(r"(\d{4})Q([1-4])")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,6})?")
_FOOTER = ("source:", "website:", "email:")
_HEADS = {"yrqtr": PeerSource.PHILADELPHIA, "observation_date": PeerSource.FRED, "date": PeerSource.FRED}


@dataclass(frozen=True, slots=True)
class PeerContent:
    """The known series that a file holds."""

    source: PeerSource
    points: tuple[PeerPoint, ...]
    last_on: date
    """The newest quarter."""
    left_out: tuple[str, ...]
    """Headers of columns that no definition is known for."""


def read_peers(data: bytes) -> PeerContent:
    """Read a file. Invalid, with a sentence that names line and column, where a part of it cannot be understood."""
    rows = _rows(_text(data))
    header = [_folded(cell) for cell in rows[0]]
    source = _HEADS.get(header[0] if header else "")
    if source is None:
        raise _wrong(1, 1, "the first column is YRQTR (Philadelphia) or observation_date (FRED)")
    columns = _columns(header, source)
    read_day = _quarter if source is PeerSource.PHILADELPHIA else _first_day
    points: list[PeerPoint] = []
    days: set[date] = set()
    footer_at = 0
    for line, row in enumerate(rows[1:], 2):
        first = row[0].strip() if row else ""
        if not any(cell.strip() for cell in row) or first.lower().startswith(_FOOTER):
            footer_at = footer_at or line
            continue
        if footer_at:
            raise _wrong(line, 1, "no figures follow an empty line or the source")
        if len(row) != len(header):
            raise Invalid(
                f"Line {line} has {len(row)} columns, and the header has {len(header)}. Download the file again.",
                "file",
            )
        on = _day(read_day, line, first)
        if on in days:
            raise _wrong(line, 1, "each quarter stands once")
        days.add(on)
        for n, series in columns:
            value = _millionths(row[n], line, n, series)
            if value is not None:
                points.append(PeerPoint(series.code, on, value))
    if not points:
        raise Invalid("The file has a header and no figures. Download it again.", "file")
    known = {n for n, _ in columns}
    left_out = tuple(cell.strip() for n, cell in enumerate(rows[0]) if n and n not in known)
    return PeerContent(source, tuple(points), max(days), left_out)


def _text(data: bytes) -> str:
    if not data.strip():
        raise Invalid("The file is empty. Choose the CSV file that you downloaded.", "file")
    if len(data) > MOST_BYTES:
        raise Invalid(f"The file is larger than {MOST_BYTES // 1_000_000} MB; a peer file never is.", "file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Invalid(
            f"Line {line} is not UTF-8 text. Choose the CSV file, not a workbook.", "file"
        ) from None
    if text.lstrip()[:1] == "<":
        raise Invalid(
            "This is a web page, not a CSV file: the site answers with a page where the file does not exist. "
            "Check the address and download the file again.",
            "file",
        )
    return text


def _rows(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text))
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > MOST_LINES or len(row) > MOST_COLUMNS:
                raise Invalid(
                    f"Line {reader.line_num}: a peer file has at most {MOST_LINES} lines of {MOST_COLUMNS} columns.",
                    "file",
                )
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} is not CSV: {error}.", "file") from None
    return rows


def _columns(header: Sequence[str], source: PeerSource) -> list[tuple[int, PeerSeries]]:
    known = {_folded(each.column): each for each in SERIES.values() if each.source is source}
    found: dict[str, int] = {}
    for n, name in enumerate(header[1:], 1):
        if name in known and name in found:
            raise _wrong(1, n + 1, "each column stands once")
        found[name] = n
    columns = [(n, known[name]) for name, n in found.items() if name in known]
    if not columns:
        wanted = ", ".join(each.column for each in known.values())
        raise Invalid(f"Line 1 names no column that we know. Known are: {wanted}.", "file")
    return columns


def _day(read: Callable[[str], date], line: int, text: str) -> date:
    try:
        return read(text)
    except ValueError as error:
        raise _wrong(line, 1, str(error)) from None


def _quarter(text: str) -> date:
    found = _QUARTER.fullmatch(text)
    if found is None or not 1900 <= int(found[1]) <= 2999:
        raise ValueError("a quarter is written as 2026Q1")
    return quarter_end(int(found[1]), int(found[2]))


def _first_day(text: str) -> date:
    """The end of the quarter that begins on this day."""
    wrong = "a quarter is written by its first day, as 2025-10-01"
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise ValueError(wrong) from None
    if on.day != 1 or on.month % 3 != 1 or not 1900 <= on.year <= 2999:
        raise ValueError(wrong)
    return quarter_end(on.year, on.month // 3 + 1)


def _millionths(cell: str, line: int, n: int, series: PeerSeries) -> int | None:
    """`3.35 %` or `3.35` as millionths; None where nothing was published."""
    text = cell.strip()
    if text.lower() in ("", ".", "null"):
        return None
    number = text.removesuffix("%").strip()
    if not _NUMBER.fullmatch(number) or Decimal(number) > 100:
        raise _wrong(line, n + 1, f"{series.column} is a percentage from 0 to 100")
    return int(Decimal(number) * 10_000)


def _wrong(line: int, column: int, rule: str) -> Invalid:
    """The place of a fault and the expected content, without the cell itself: the file may be of another kind."""
    return Invalid(f"Line {line}, column {column}: {rule}. Nothing was loaded.", "file")


def _folded(text: str) -> str:
    return " ".join(text.split()).lower()
