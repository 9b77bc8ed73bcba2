"""Dialect of a text file: its encoding and its delimiter, detected or refused, because a wrong guess garbles names.

Our own files are UTF-8 with commas. A byte order mark, well-formed UTF-8, and a delimiter that splits the header into
known columns are proof; so is an older encoding where only it makes the header's names come out right. A mapping file
has to state everything else.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection
from dataclasses import dataclass

from app.core.errors import Invalid

SAMPLE_BYTES = 64 * 1024
"""As much of a file's beginning as `detect` wants to see."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLDER = ("cp1252", "gb18030", "big5")

MAX_LINE = 128 * 1024
"""Bytes of the longest line that is understood."""

NOT_CLOSED = "unexpected end of data"


@dataclass(frozen=True, slots=True)
class Dialect:
    """`encoding` is a name Python's codecs know, `delimiter` one character."""

    encoding: str
    delimiter: str

    def in_words(self) -> str:
        """The assumption, for a person: 'UTF-8, separated by commas'."""
        return f"{self.encoding.upper()}, separated by {DELIMITERS.get(self.delimiter, repr(self.delimiter))}"


CANONICAL = Dialect("utf-8", ",")


def detect(
    sample: bytes,
    *,
    columns: Collection[str] = (),
    encoding: str = "",
    delimiter: str = "",
    skip_rows: int = 0,
) -> Dialect:
    """The dialect of a file that begins with `sample`.

    `columns` are the names its header may have, `skip_rows` the lines before the header; `encoding` and
    `delimiter` are what the mapping file tells and are taken as they are. Raises Invalid with the way out where
    the file does not say how it is written. Single bytes that are no UTF-8 in an otherwise readable file are
    left to the rows that hold them.
    """
    encoding = encoding or _encoding(sample, columns, skip_rows)
    text = _decoded(sample, encoding)
    lines = text.splitlines()[skip_rows:]
    if delimiter or not lines:
        return Dialect(encoding, delimiter or CANONICAL.delimiter)
    if len(lines) > 1 and not text.endswith(("\n", "\r")):
        lines.pop()  # perhaps cut off by the end of the sample
    return Dialect(encoding, _delimiter(lines, frozenset(columns)))


def _encoding(sample: bytes, columns: Collection[str], skip_rows: int) -> str:
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    head = sample[:200]
    if len(head) >= 8 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) * 0.4:
        raise Invalid(
            "The file looks like UTF-16 without a byte order mark. Save it as UTF-8, or tell the mapping "
            'encoding = "utf-16-le" (or "utf-16-be").'
        )
    if _is_utf8(sample):
        return CANONICAL.encoding
    return _older_encoding(sample, columns, skip_rows)


def _is_utf8(sample: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(sample)  # not `final`: the last character may be cut off
    except UnicodeDecodeError:
        return False
    return True


def _older_encoding(sample: bytes, columns: Collection[str], skip_rows: int) -> str:
    """The one older encoding under which the header has more of the columns we know than under UTF-8. Where the
    header is plain ASCII nothing tells a Western file from a Chinese one: it stays UTF-8, and every row with
    another letter is rejected with that reason instead of a garbled name stored."""

    def known(encoding: str) -> int:
        lines = _decoded(sample, encoding).splitlines()[skip_rows : skip_rows + 1]
        return max(
            (len(_cells(line, d) & frozenset(columns)) for line in lines for d in DELIMITERS), default=0
        )

    found = {name: known(name) for name in (CANONICAL.encoding, *_OLDER)}
    return max(found, key=lambda name: found[name])  # the first of equals, UTF-8 before all


def _decoded(sample: bytes, encoding: str) -> str:
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    except LookupError:
        raise Invalid(
            f"Encoding {encoding!r} is unknown. Name one such as utf-8 or windows-1252.", "encoding"
        ) from None
    return decoder.decode(sample)


def _delimiter(lines: list[str], columns: frozenset[str]) -> str:
    counts = {d: len(_cells(lines[0], d)) for d in DELIMITERS}
    parting = [d for d, n in counts.items() if n > 1]
    if len(parting) <= 1:
        return parting[0] if parting else CANONICAL.delimiter
    known = {d: len(_cells(lines[0], d) & columns) for d in parting}
    most = max(known.values())
    likely = [d for d in parting if known[d] == most]
    if len(likely) > 1:
        likely = [d for d in likely if _parts_evenly(lines, d)] or likely
    if len(likely) == 1:
        return likely[0]
    names = " or ".join(DELIMITERS[d] for d in likely)
    raise Invalid(f'The columns may be separated by {names}. Say which in a mapping file: delimiter = ","')


def _cells(line: str, delimiter: str) -> frozenset[str]:
    return frozenset(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), ()))


def _parts_evenly(lines: list[str], delimiter: str) -> bool:
    rows = [row for row in csv.reader(lines[:50], delimiter=delimiter) if row]
    return len({len(row) for row in rows}) == 1


def is_utf8_within(data: bytes, at: int, end: int) -> bool:
    if data.isascii():
        return True
    try:
        codecs.utf_8_decode(memoryview(data)[at:end], "strict", True)
    except UnicodeDecodeError:
        return False
    return True


def csv_cells(line: bytes, delimiter: str) -> list[str]:
    """The cells of one record; bytes that are not UTF-8 come as lone surrogates, which the row check refuses."""
    text = line.decode("utf-8", "surrogateescape")
    return next(csv.reader(io.StringIO(text, newline="\n"), strict=True, delimiter=delimiter), [])


def csv_error_in_words(error: csv.Error) -> str:
    text = str(error)
    if NOT_CLOSED in text:
        return "a quoted cell is not closed"
    if "new-line character" in text:
        return "there is a carriage return within the row"
    return text


def too_long(size: int) -> str:
    return f"a line of {size:,} bytes; the longest that is read has {MAX_LINE:,}"
