"""Rows of an XLSX workbook as the text our own files would have, streamed: memory holds the shared strings, never
the sheet. Office Open XML, ECMA-376 part 1, chapter 18.

The parts are read here, with a library for zip and one for XML. python-calamine makes error cells empty. openpyxl
leaves out rows that are not in order, gives up the file where one number is none, takes the dates of East Asian styles
(27 to 36, 50 to 58) for numbers, and builds a tree of each row and string: 43 kB of hostile zip took it over 1 GB.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from app.book.feeds.rules import blotted
from app.core.errors import Invalid

MAX_STRINGS = 100 * 1024 * 1024
"""Bytes of unpacked shared strings and styles, which are kept in memory."""
MAX_COUNT = 2_000_000
"""Shared strings."""
MAX_STYLES = 66_000
"""Spreadsheets allow 65,490."""
LONGEST_FORMAT = 255
"""Characters of a number format, as spreadsheets have it."""
MAX_PACKED, SMALL = 250, 16 * 1024 * 1024
"""How many times as large a part may be unpacked as packed, from a size on that does harm; rows come to thirty."""
MAX_UNFINISHED = 2 * 1024 * 1024
"""Bytes of one tag."""
MAX_SHEET = 4 * 1024 * 1024 * 1024
MAX_ROWS = 1_048_576
MAX_COLUMNS = 500
MAX_TEXT = 100_000
"""Characters of a cell that are kept; more than the loader takes, so that it can say so."""

MARK = "\ufdd0"
"""Begins a cell that must not be taken for text: a code point that Unicode reserves and no file may hold."""

_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")
_REFUSED = {
    **{f"{MARK}{name}": f"is an error cell of the workbook ({name})" for name in _ERRORS},
    f"{MARK}error cell": "is an error cell of the workbook",
    f"{MARK}true or false": "is a true/false cell of the workbook; write it as text",
    f"{MARK}too many digits": "is a number of more than 15 digits, of which a workbook keeps "
    "only 15: format the column as text",
    f"{MARK}not a number": "is not a number although the workbook says so",
}


def is_workbook(sample: bytes) -> bool:
    """True for a zip file, which no text feed is, and for the older binary format, which `rows` refuses by name."""
    return sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def refused(cell: str) -> str | None:
    """Why a cell that `rows` gave must reject its row; None for every other text."""
    return _REFUSED.get(cell) if cell.startswith(MARK) else None


def rows(
    path: Path, sheet: str = "", *, skip_rows: int = 0, decimal: str = ".", notes: list[str] | None = None
) -> Iterator[list[str]]:
    """The rows of a sheet (the first that is not hidden, if not named), the n-th list being row n of the sheet: empty
    for blank rows and the first `skip_rows`; the others begin where the header, the first that is not, begins, and
    are padded to its width. `notes` is filled with what a person should know of hidden and unread parts.

    Dates are ISO text, numbers plain decimals with the sign `decimal` (15 digits, as a spreadsheet shows them). A
    cell that must not be taken for text is one that `refused` knows. Raises Invalid where the file is no workbook,
    is damaged, or is too large.
    """
    with _opened(path) as archive:
        book = _Book(archive)
        handler = _Sheet(book, decimal)
        width = left = 0
        if notes is not None:
            notes += book.notes(sheet)
        for number, cells in _numbered(archive, book.sheet(sheet), handler):
            while cells and not cells[-1]:
                cells.pop()
            if number <= skip_rows or not cells:
                yield []
                continue
            if not width:
                width, left = len(cells), next(at for at, cell in enumerate(cells) if cell)
            yield cells[left:] + [""] * (width - max(len(cells), left))
        if notes is not None:
            notes += handler.notes()


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as handle:
            if handle.read(4) == b"\xd0\xcf\x11\xe0":
                raise Invalid(
                    f"{path.name} is an old .xls file or protected by a password; save it as .xlsx without one"
                )
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise Invalid(f"no such file: {path}") from None
    except DefusedXmlException:
        raise Invalid(f"{path.name} declares XML entities, which no workbook needs") from None
    # ValueError and LookupError: an XML encoding that nobody has; RecursionError is a RuntimeError.
    except (
        zipfile.BadZipFile,
        KeyError,
        ParseError,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
    ) as error:
        raise Invalid(f"{path.name} is not a whole XLSX workbook ({error})") from None
    except OSError as error:
        raise Invalid(f"{path.name} could not be read to its end ({error})") from None


def _chunks(archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[bytes]:
    """The bytes of a part. A size that lies is caught by the archive's checksum: reading stops at what it says."""
    info = archive.getinfo(name)
    if info.file_size > limit:
        raise Invalid(f"the workbook's {name} is too large when unpacked; split it, or save it as CSV")
    if info.file_size > SMALL and info.file_size > MAX_PACKED * info.compress_size:
        raise Invalid(f"the workbook's {name} is next to nothing, many times over; save it as CSV")
    with archive.open(name) as part:
        while chunk := part.read(1 << 18):
            yield chunk


def _parse(archive: zipfile.ZipFile, name: str, target: object) -> None:
    for _ in _fed(archive, name, target, MAX_STRINGS):
        pass


def _fed(archive: zipfile.ZipFile, name: str, target: object, limit: int) -> Iterator[None]:
    """Parse a part piece by piece. Invalid where one tag or name does not end: expat reads what is unfinished again
    with every piece, which takes quadratic time."""
    parser = XMLParser(target=target, forbid_dtd=True)
    fed = 0
    for chunk in _chunks(archive, name, limit):
        parser.feed(chunk)
        fed += len(chunk)
        if fed - parser.parser.CurrentByteIndex > MAX_UNFINISHED:
            raise Invalid(f"the workbook's {name} has a tag that is longer than any spreadsheet's")
        yield
    parser.close()
    yield


def _numbered(archive: zipfile.ZipFile, name: str, sheet: _Sheet) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of every row from the first to the last, blank ones too."""
    last = 0
    for _ in _fed(archive, name, sheet, MAX_SHEET):
        done, sheet.done = sheet.done, []
        for number, cells in done:
            if not last < number <= MAX_ROWS:
                raise Invalid(f"the workbook's rows are not in order, or more than {MAX_ROWS:,}")
            for blank in range(last + 1, number):
                yield blank, []
            yield number, cells
            last = number


# --- the parts of the package -----------------------------------------------------------------------------------


class _Book:
    """What a sheet cannot be read without: the list of sheets, the shared strings, which styles are dates."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        index = _Index()
        _parse(archive, "xl/workbook.xml", index)
        links = _Links()
        _parse(archive, "xl/_rels/workbook.xml.rels", links)
        self.sheets = {
            name: _part(links.targets[link]) for name, link in index.sheets if link in links.targets
        }
        self.hidden = index.hidden & set(self.sheets)
        self.epoch = datetime(1904, 1, 1) if index.from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        names = set(archive.namelist())
        strings = _Strings()
        if "xl/sharedStrings.xml" in names:
            _parse(archive, "xl/sharedStrings.xml", strings)
        self.strings = strings.found
        styles = _Styles()
        if "xl/styles.xml" in names:
            _parse(archive, "xl/styles.xml", styles)
        self.date_styles = styles.dates()
        self.zero_styles = styles.zeros()

    def sheet(self, name: str) -> str:
        """The part that holds a sheet; Invalid lists those there are."""
        if not self.sheets:
            raise Invalid("the workbook has no sheet")
        if not name:
            seen = [part for sheet, part in self.sheets.items() if sheet not in self.hidden]
            return seen[0] if seen else next(iter(self.sheets.values()))
        if name not in self.sheets:
            known = ", ".join(repr(n) for n in self.sheets)
            raise Invalid(f"the workbook has no sheet {name!r}; it has {known}", "sheet")
        return self.sheets[name]

    def notes(self, name: str) -> list[str]:
        """What a person should know of the sheets that are read and not read."""
        read = next(sheet for sheet, part in self.sheets.items() if part == self.sheet(name))
        said = [f"The sheet {read!r} is hidden in the workbook; it was read."] if read in self.hidden else []
        others = [sheet for sheet in self.sheets if sheet != read]
        for which, names in (
            ("hidden", [s for s in others if s in self.hidden]),
            ("other", [s for s in others if s not in self.hidden]),
        ):
            if names:
                listed = ", ".join(repr(blotted(n)[:40]) for n in names[:5])
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                said.append(f"Only the sheet {blotted(read)!r} was read; {which} sheets: {listed}{more}.")
        return said


def _part(target: str) -> str:
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


@lru_cache(1000)
def _local(name: str) -> str:
    return name.rpartition("}")[2]


class _Index:
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self.from_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match _local(name):
            case "sheet":
                link = next((v for k, v in attributes.items() if k.endswith("}id")), "")
                self.sheets.append((attributes.get("name", ""), link))
                if attributes.get("state", "visible") != "visible":
                    self.hidden.add(attributes.get("name", ""))
            case "workbookPr":
                self.from_1904 = attributes.get("date1904", "0") in {"1", "true"}


class _Links:
    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if _local(name) == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


class _Strings:
    """Shared strings; the runs of a rich text are put together, phonetic guides left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._in_text = self._in_guide = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        match _local(name):
            case "si":
                self._parts = []
            case "t":
                self._in_text = not self._in_guide
            case "rPh":
                self._in_guide = True

    def end(self, name: str) -> None:
        match _local(name):
            case "si":
                if len(self.found) >= MAX_COUNT:
                    raise Invalid(
                        f"the workbook has more than {MAX_COUNT:,} texts; split it, or save it as CSV"
                    )
                self.found.append(_unescaped("".join(self._parts)))
            case "t":
                self._in_text = False
            case "rPh":
                self._in_guide = False

    def data(self, content: str) -> None:
        if self._in_text:
            self._parts.append(content)


class _Styles:
    def __init__(self) -> None:
        self._formats: dict[str, str] = {}
        self._used: list[str] = []
        self._in_cells = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match _local(name):
            case "numFmt":
                self._formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[
                    :LONGEST_FORMAT
                ]
            case "cellXfs":
                self._in_cells = True
            case "xf" if self._in_cells:
                if len(self._used) >= MAX_STYLES:
                    raise Invalid(f"the workbook has more than {MAX_STYLES:,} styles; save it as CSV")
                self._used.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if _local(name) == "cellXfs":
            self._in_cells = False

    def dates(self) -> frozenset[str]:
        dates = {number for number in set(self._used) if self._is_date(number)}
        return frozenset(str(at) for at, number in enumerate(self._used) if number in dates)

    def zeros(self) -> dict[str, str]:
        """Styles that fill a number up with zeros, and how: a format is "00000", 00000\\-0000, or Excel's own for ZIP+4
        that has one for short numbers and one for long."""
        found = {}
        for at, number in enumerate(self._used):
            code = self._formats.get(number, "").partition(";")
            longest = code[2] if code[0].startswith("[<=99999]") else ""
            first = code[0].removeprefix("[<=99999]")
            plain = [re.sub(r'"([^"]*)"|\\(.)|_.|\*.', r"\1\2", part) for part in (first, longest) if part]
            if plain and all(_ZEROS.fullmatch(part) for part in plain) and plain[0].count("0") > 1:
                found[str(at)] = "|".join(plain)
        return found

    def _is_date(self, number: str) -> bool:
        if number in self._formats:
            bare = re.sub(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', "", self._formats[number])
            return bare.lower() != "general" and bool(re.search(r"[ymdhs]", bare, re.IGNORECASE))
        return (
            number.isascii()
            and number.isdigit()
            and len(number) < 4
            and (14 <= int(number) <= 22 or 27 <= int(number) <= 36 or 45 <= int(number) <= 58)
            and number not in {"48", "49"}
        )


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """Characters XML cannot hold are written _xHHHH_ in a workbook (ST_Xstring)."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text) if "_x" in text else text


class _Sheet:
    """Rows of a worksheet; those whose end was seen wait in `done`."""

    def __init__(self, book: _Book, decimal: str) -> None:
        self.done: list[tuple[int, list[str]]] = []
        self._book = book
        self._decimal = decimal
        self._number = 0
        self._cells: list[str] = []
        self._kind = self._style = ""
        self._at = -1
        self._parts: list[str] = []
        self._size = 0
        self._in_value = False
        self._hidden_rows = self._hidden_columns = 0

    def notes(self) -> list[str]:
        """Once the sheet is read to its end."""
        return [
            f"{number} {what} hidden in the workbook (a filter does that, too); read like the others."
            for number, what in (
                (self._hidden_rows, "rows are" if self._hidden_rows > 1 else "row is"),
                (
                    self._hidden_columns,
                    "ranges of columns are" if self._hidden_columns > 1 else "range of columns is",
                ),
            )
            if number
        ]

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = _local(name)
        if name == "c":
            reference = attributes.get("r")
            self._at = _column(reference) if reference else self._at + 1
            if self._at >= MAX_COLUMNS:
                raise Invalid(f"the sheet has cells beyond column {MAX_COLUMNS}")
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._parts, self._size = [], 0
        elif name in {"v", "t"}:
            self._in_value = self._kind != "guide"
        elif name == "col" and attributes.get("hidden", "0") in {"1", "true"}:
            self._hidden_columns += 1
        elif name == "row":
            if attributes.get("hidden", "0") in {"1", "true"}:
                self._hidden_rows += 1
            number = attributes.get("r", "")
            self._number = int(number) if number.isdecimal() and len(number) < 9 else self._number + 1
            self._cells, self._at = [], -1
        elif name == "rPh" and self._kind == "inlineStr":
            self._kind = "guide"

    def end(self, name: str) -> None:
        name = _local(name)
        if name == "c":
            cells = self._cells
            cells.extend([""] * (self._at + 1 - len(cells)))
            cells[self._at] = self._text("".join(self._parts))
        elif name in {"v", "t"}:
            self._in_value = False
        elif name == "row":
            self.done.append((self._number, self._cells))
        elif name == "rPh" and self._kind == "guide":
            self._kind = "inlineStr"

    def data(self, content: str) -> None:
        if self._in_value and self._size <= MAX_TEXT:
            self._size += len(content)
            self._parts.append(content)

    def _text(self, value: str) -> str:
        match self._kind:
            case "s":
                return self._shared(value)
            case "inlineStr" | "str":
                return _unescaped(value)
            case "b":
                return f"{MARK}true or false" if value else ""
            case "e":
                return f"{MARK}{value}" if value in _ERRORS else f"{MARK}error cell"
            case "d":
                return value.removesuffix("T00:00:00")
        if not value:
            return ""
        if self._style in self._book.date_styles:
            return self._date(value)
        text = _number(value, self._decimal)
        zeros = self._book.zero_styles.get(self._style)
        return _with_zeros(text, zeros) if zeros else text

    def _shared(self, value: str) -> str:
        strings = self._book.strings
        at = int(value) if value.isdecimal() and len(value) < 12 else len(strings)
        return strings[at] if at < len(strings) else f"{MARK}error cell"

    def _date(self, value: str) -> str:
        try:
            days = float(value)
            if not 0 < days < 2_958_466:
                return f"{MARK}not a number"
            at = self._book.epoch + timedelta(seconds=round(days * 86_400))
        except (ValueError, OverflowError):
            return f"{MARK}not a number"
        return at.date().isoformat() if days.is_integer() else at.isoformat(" ")


_ZEROS = re.compile(r"0[0 \-/().]*0")


def _with_zeros(text: str, forms: str) -> str:
    """A whole number as a format of zeros shows it; any other text stays."""
    if not (text.isascii() and text.isdigit()):
        return text
    form = forms.split("|")[0] if len(text) <= 5 or "|" not in forms else forms.split("|")[1]
    if "." in form:  # a decimal point, not a separator
        return text
    digits = iter(text.rjust(form.count("0"), "0"))
    extra = max(0, len(text) - form.count("0"))
    head = "".join(next(digits) for _ in range(extra))
    return head + "".join(next(digits) if char == "0" else char for char in form)


def _number(value: str, decimal: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return f"{MARK}not a number"
    if not abs(number) < 1e15:  # NaN too
        return f"{MARK}too many digits" if abs(number) >= 1e15 else f"{MARK}not a number"
    if number.is_integer():
        return str(int(number))
    return f"{Decimal(format(number, '.15g')):f}".replace(".", decimal)


def _column(reference: str) -> int:
    """'AB12' -> 27."""
    return _letters(reference.rstrip("0123456789"))


@lru_cache(1000)
def _letters(reference: str) -> int:
    at = 0
    for char in reference.upper():
        if not "A" <= char <= "Z":
            break
        at = at * 26 + ord(char) - 64
        if at > MAX_COLUMNS:
            break
    return at - 1
