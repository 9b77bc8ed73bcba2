"""Cells of a workbook as text: shared strings, styles, dates and numbers of a sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from app.core.errors import Invalid

MAX_STRINGS = 100 * 1024 * 1024
"""Bytes of unpacked shared strings and styles, which are kept in memory."""

MAX_COUNT = 2_000_000
"""Shared strings."""


MAX_STYLES = 66_000
"""Spreadsheets allow 65,490."""


LONGEST_FORMAT = 255
"""Characters of a number format, as spreadsheets have it."""


MAX_ROWS = 1_048_576


MAX_COLUMNS = 500


MAX_TEXT = 100_000
"""Characters of a cell that are kept; more than the loader takes, so that it can say so."""


MARK = "\ufdd0"
"""Begins a cell that must not be taken for text: a code point that Unicode reserves and no file may hold."""


ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")


REFUSED = {
    **{f"{MARK}{name}": f"is an error cell of the workbook ({name})" for name in ERRORS},
    f"{MARK}error cell": "is an error cell of the workbook",
    f"{MARK}true or false": "is a true/false cell of the workbook; write it as text",
    f"{MARK}too many digits": "is a number of more than 15 digits, of which a workbook keeps "
    "only 15: format the column as text",
    f"{MARK}not a number": "is not a number although the workbook says so",
}


@lru_cache(1000)
def local_name(name: str) -> str:
    return name.rpartition("}")[2]


class Strings:
    """Shared strings; the runs of a rich text are put together, phonetic guides left out."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._in_text = self._in_guide = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        match local_name(name):
            case "si":
                self._parts = []
            case "t":
                self._in_text = not self._in_guide
            case "rPh":
                self._in_guide = True

    def end(self, name: str) -> None:
        match local_name(name):
            case "si":
                if len(self.found) >= MAX_COUNT:
                    raise Invalid(
                        f"The workbook has more than {MAX_COUNT:,} texts. Split it, or save it as CSV."
                    )
                self.found.append(_unescaped("".join(self._parts)))
            case "t":
                self._in_text = False
            case "rPh":
                self._in_guide = False

    def data(self, content: str) -> None:
        if self._in_text:
            self._parts.append(content)


class Styles:
    def __init__(self) -> None:
        self._formats: dict[str, str] = {}
        self._used: list[str] = []
        self._in_cells = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        match local_name(name):
            case "numFmt":
                self._formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[
                    :LONGEST_FORMAT
                ]
            case "cellXfs":
                self._in_cells = True
            case "xf" if self._in_cells:
                if len(self._used) >= MAX_STYLES:
                    raise Invalid(f"The workbook has more than {MAX_STYLES:,} styles. Save it as CSV.")
                self._used.append(attributes.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        if local_name(name) == "cellXfs":
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


@dataclass(frozen=True, slots=True)
class SharedParts:
    """The parts of a workbook that the cells of every sheet refer to; `epoch` is the day that dates count from."""

    strings: Sequence[str]
    date_styles: frozenset[str]
    zero_styles: Mapping[str, str]
    epoch: datetime


class Sheet:
    """Rows of a worksheet; those whose end was seen wait in `done`."""

    def __init__(self, shared: SharedParts, decimal: str) -> None:
        self.done: list[tuple[int, list[str]]] = []
        self._shared_parts = shared
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
        name = local_name(name)
        if name == "c":
            reference = attributes.get("r")
            self._at = _column(reference) if reference else self._at + 1
            if self._at >= MAX_COLUMNS:
                raise Invalid(f"The sheet has cells beyond column {MAX_COLUMNS}. Take them out.")
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
        name = local_name(name)
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
                return f"{MARK}{value}" if value in ERRORS else f"{MARK}error cell"
            case "d":
                return value.removesuffix("T00:00:00")
        if not value:
            return ""
        if self._style in self._shared_parts.date_styles:
            return self._date(value)
        text = _number(value, self._decimal)
        zeros = self._shared_parts.zero_styles.get(self._style)
        return _with_zeros(text, zeros) if zeros else text

    def _shared(self, value: str) -> str:
        strings = self._shared_parts.strings
        at = int(value) if value.isdecimal() and len(value) < 12 else len(strings)
        return strings[at] if at < len(strings) else f"{MARK}error cell"

    def _date(self, value: str) -> str:
        try:
            days = float(value)
            if not 0 < days < 2_958_466:
                return f"{MARK}not a number"
            at = self._shared_parts.epoch + timedelta(seconds=round(days * 86_400))
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
