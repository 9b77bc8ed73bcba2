"""Rows of an XLSX workbook as the text our own files would have, streamed: memory holds the shared strings, never
the sheet. Office Open XML, ECMA-376 part 1, chapter 18.

The parts are read here, with a library for zip and one for XML. python-calamine makes error cells empty. openpyxl
leaves out rows that are not in order, gives up the file where one number is none, takes the dates of East Asian styles
(27 to 36, 50 to 58) for numbers, and builds a tree of each row and string: 43 kB of hostile zip took it over 1 GB.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from app.book.feeds.bank.rules import blotted
from app.book.feeds.reading.workbook_cells import (
    MARK,
    MAX_ROWS,
    MAX_STRINGS,
    REFUSED,
    SharedParts,
    Sheet,
    Strings,
    Styles,
    local_name,
)
from app.core.errors import Invalid

MAX_PACKED, SMALL = 250, 16 * 1024 * 1024
"""How many times as large a part may be unpacked as packed, from a size on that does harm; rows come to thirty."""
MAX_UNFINISHED = 2 * 1024 * 1024
"""Bytes of one tag."""
MAX_SHEET = 4 * 1024 * 1024 * 1024


def is_workbook(sample: bytes) -> bool:
    """True for a zip file, which no text feed is, and for the older binary format, which `rows` refuses by name."""
    return sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def refused(cell: str) -> str | None:
    """Reason why a cell that `rows` gave must reject its row; None for every other text."""
    return REFUSED.get(cell) if cell.startswith(MARK) else None


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
        book = Workbook(archive)
        handler = Sheet(book.shared, decimal)
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
                    f"{path.name} is an old .xls file or protected by a password. Save it as .xlsx without one."
                )
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise Invalid(f"There is no file {path}.") from None
    except DefusedXmlException:
        raise Invalid(
            f"{path.name} declares XML entities, which no workbook needs. Save it as CSV."
        ) from None
    # ValueError and LookupError: an unknown XML encoding; RecursionError is a RuntimeError.
    except (
        zipfile.BadZipFile,
        KeyError,
        ParseError,
        EOFError,
        RuntimeError,
        ValueError,
        LookupError,
    ) as error:
        raise Invalid(
            f"{path.name} is not a whole XLSX workbook ({error}). Save it again, or as CSV."
        ) from None
    except OSError as error:
        raise Invalid(
            f"{path.name} could not be read to its end ({error}). Save it again, or as CSV."
        ) from None


def _chunks(archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[bytes]:
    """The bytes of a part. A size that lies is caught by the archive's checksum: reading stops at what it says."""
    info = archive.getinfo(name)
    if info.file_size > limit:
        raise Invalid(f"The workbook's {name} is too large when unpacked. Split it, or save it as CSV.")
    if info.file_size > SMALL and info.file_size > MAX_PACKED * info.compress_size:
        raise Invalid(f"The workbook's {name} is next to nothing, many times over. Save it as CSV.")
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
            raise Invalid(
                f"The workbook's {name} has a tag that is longer than any spreadsheet's. Save it as CSV."
            )
        yield
    parser.close()
    yield


def _numbered(archive: zipfile.ZipFile, name: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """(row number, cells) of every row from the first to the last, blank ones too."""
    last = 0
    for _ in _fed(archive, name, sheet, MAX_SHEET):
        done, sheet.done = sheet.done, []
        for number, cells in done:
            if not last < number <= MAX_ROWS:
                raise Invalid(
                    f"The workbook's rows are not in order, or more than {MAX_ROWS:,}. Save it as CSV."
                )
            for blank in range(last + 1, number):
                yield blank, []
            yield number, cells
            last = number


# --- the parts of the package -----------------------------------------------------------------------------------


class Workbook:
    """The list of sheets, and the parts that all of them share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        index = _Index()
        _parse(archive, "xl/workbook.xml", index)
        links = _Links()
        _parse(archive, "xl/_rels/workbook.xml.rels", links)
        self.sheets = {
            name: _part(links.targets[link]) for name, link in index.sheets if link in links.targets
        }
        self.hidden = index.hidden & set(self.sheets)
        names = set(archive.namelist())
        strings = Strings()
        if "xl/sharedStrings.xml" in names:
            _parse(archive, "xl/sharedStrings.xml", strings)
        styles = Styles()
        if "xl/styles.xml" in names:
            _parse(archive, "xl/styles.xml", styles)
        epoch = datetime(1904, 1, 1) if index.from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        self.shared = SharedParts(strings.found, styles.dates(), styles.zeros(), epoch)

    def sheet(self, name: str) -> str:
        """The part that holds a sheet; Invalid lists those there are."""
        if not self.sheets:
            raise Invalid("The workbook has no sheet. Save it as CSV.")
        if not name:
            seen = [part for sheet, part in self.sheets.items() if sheet not in self.hidden]
            return seen[0] if seen else next(iter(self.sheets.values()))
        if name not in self.sheets:
            known = ", ".join(repr(n) for n in self.sheets)
            raise Invalid(f"The workbook has no sheet {name!r}. It has {known}.", "sheet")
        return self.sheets[name]

    def notes(self, name: str) -> list[str]:
        """Remarks for a person about the sheets that are read and not read."""
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


class _Index:
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self.from_1904 = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match local_name(name):
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
        if local_name(name) == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")
