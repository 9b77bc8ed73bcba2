"""A creditor's own layout, told in a TOML file: their columns, notations and kinds, understood as ours. Pure but for
reading the file.

    delimiter = ";"            one character; found out if not given
    encoding = "cp1252"        a codec's name; found out if not given
    decimal = ","              "." if not given
    thousands = "."            none if not given
    date_format = "%d.%m.%Y"   as Python's strptime; %Y-%m-%d if not given
    sheet = "Export"           of a workbook; the first if not given
    skip_rows = 2              lines before the header row
    signed = true              amounts carry the ledger's sign: debits positive, credits negative
    ignore = ["Branch"]        their columns that are not used; any other unknown column refuses the file
    ignore_rest = true         nor are any others that [columns] does not name
    currency_signs = ["EUR"]   what may stand before or behind an amount; none if not given
    round = true               amounts with more decimals than the currency has are rounded, each with a word
    missing_day = "first"      a date without a day (%Y-%m) is the first or the "last" of its month

    [columns]                  ours = theirs, or a table:
    account_ref = "Account"
    apr = { column = "Rate", unit = "percent" }
    amount = { column = "Cents", unit = "cents", negate = true }
    opened_on = { column = "Since", format = "%Y%m%d" }
    full_name = { columns = ["First", "Last"], join = " " }

    [constants]                ours = a value that every row has
    currency = "EUR"

    [kinds]                    their transaction kinds = ours
    PMT = "payment"

    [kind_by_sign]             the amount's sign says the kind, and the amount loses it
    negative = "payment"
    positive = "purchase"

    [values.country]           their values of any other column = ours
    Deutschland = "DE"
"""

from __future__ import annotations

import codecs
import re
import time
import tomllib
from collections import Counter
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from app.book.feeds.layouts import BadCell, Cells
from app.book.feeds.reading.notation import MONTH_ENDS, has_day, read_date, rounded, without_sign
from app.book.feeds.rules import blotted
from app.book.ledger.rules import EITHER_WAY, LOWERING, EntryKind
from app.core.errors import Invalid
from app.core.kit.toml_text import parse_toml

AMOUNTS = frozenset({"amount", "balance", "credit_limit", "minimum_due", "past_due_amount"})
DATES = frozenset(
    {"as_of", "closing_on", "due_on", "oldest_due_on", "opened_on", "paid_on", "placed_on", "posted_on"}
)
RATES = frozenset({"apr"})
TEXTS = frozenset(
    {
        "account_ref", "address_line1", "address_line2", "card_last4", "city", "country", "currency",
        "customer_ref", "description", "email", "full_name", "kind", "language", "method", "mobile",
        "payment_ref", "postcode", "product", "region", "statement_ref", "status", "timezone", "transaction_ref",
    }
)  # fmt: skip
OURS = AMOUNTS | DATES | RATES | TEXTS
"""Every column of every feed."""

MAX_NUMBER = 40
MAX_FILE = 256 * 1024
ISO = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Column:
    """Where one of our columns comes from and how it is written there."""

    theirs: tuple[str, ...]
    join: str = " "
    format: str = ""
    unit: str = ""
    negate: bool = False
    missing_day: str = ""


@dataclass(frozen=True)
class Mapping:
    """A mapping file as understood. `name` is the file's, for the history of loads."""

    name: str
    columns: MappingOf[str, Column]
    constants: MappingOf[str, str] = field(default_factory=dict)
    values: MappingOf[str, MappingOf[str, str]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = ""
    decimal: str = "."
    thousands: str = ""
    date_format: str = ISO
    sheet: str = ""
    skip_rows: int = 0
    signed: bool = False
    ignore_rest: bool = False
    currency_signs: tuple[str, ...] = ()
    round: bool = False
    missing_day: str = ""
    kind_by_sign: MappingOf[str, str] = field(default_factory=dict)
    decimals: int | None = field(default=None, repr=False)
    """Of the portfolio's currency, where amounts are rounded to it."""
    today: date | None = field(default=None, repr=False)
    """By which years of two digits are told; without it as POSIX does (69 is 1969, 68 is 2068)."""

    @property
    def theirs(self) -> frozenset[str]:
        """The header names this mapping knows, used or ignored."""
        return frozenset(name for column in self.columns.values() for name in column.theirs) | set(
            self.ignore
        )

    def bind(self, theirs: Sequence[str]) -> Bound:
        """Fit the mapping to a file's header; Invalid names what is unknown, missing or there twice."""
        used, known = (
            frozenset(name for column in self.columns.values() for name in column.theirs),
            self.theirs,
        )
        unknown = [name for name in theirs if name not in known and not self.ignore_rest]
        missing = sorted(used - set(theirs))
        double = sorted(name for name, times in Counter(theirs).items() if times > 1 and name in used)
        problems = [
            f"{what}: {', '.join(repr(blotted(n))[:60] for n in names[:20])}"
            for what, names in (
                ("columns it neither maps nor ignores", unknown),
                ("columns it maps that are not there", missing),
                ("twice", double),
            )
            if names
        ]
        if problems:
            raise Invalid(
                f"the header does not fit the mapping {self.name} ({'; '.join(problems)}); nothing was loaded"
            )
        place = {name: at for at, name in enumerate(theirs)}
        sources = {ours: tuple(place[name] for name in c.theirs) for ours, c in self.columns.items()}
        return Bound(self, len(theirs), sources)

    def header(self, theirs: Sequence[str]) -> list[str]:
        """Our names of what a file with this header gives; Invalid as `bind`."""
        return list(self.bind(theirs).columns)

    def cell(self, column: str, raw: str, told: Cells | None = None) -> str:
        """Their text of one of our columns as ours would be written. BadCell(column, reason) where it is not, or where
        a person must be told how it was read and `told` takes no word."""
        text = raw.strip()
        values = self.values.get(column)
        if values is not None:
            return self._value(column, text, values)
        source = self.columns.get(column)
        if not text or source is None:
            return text
        if column in AMOUNTS:
            return _plain(self._rounded(column, text, self._number(column, text, source), told))
        if column in RATES:
            scale = -2 if source.unit == "percent" or text.endswith("%") else 0
            return _plain(self._number(column, text.removesuffix("%").rstrip(), source).scaleb(scale))
        if column in DATES:
            return self._date(column, text, source)
        return text

    def _date(self, column: str, text: str, source: Column) -> str:
        format = source.format or self.date_format
        missing_day = source.missing_day or self.missing_day
        try:
            return read_date(text, format, today=self.today, missing_day=missing_day).isoformat()
        except ValueError:
            pass
        try:
            # Date cells of a workbook come as ISO text whatever the notation of dates kept as text is.
            if len(text) == 10 and not (format.startswith("%Y-") and has_day(format)):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        raise BadCell(column, f"is not a date written as {format} with all its digits: {text[:20]!r}")

    def _rounded(self, column: str, text: str, value: Decimal, told: Cells | None) -> Decimal:
        if self.decimals is None or not self.round:
            return value
        made = rounded(value, self.decimals)
        if made == value:
            return value
        if told is None:
            raise BadCell(column, "is rounded")
        told.tell(column, f"{text[:24]!r} is rounded to {made:f}")
        return made

    def by_sign(self, amount: str) -> tuple[str, str]:
        """The kind that an amount's sign says, and the amount as our own files have it."""
        kind = self.kind_by_sign["negative" if amount.startswith("-") else "positive"]
        return kind, amount if EntryKind(kind) in EITHER_WAY else amount.removeprefix("-")

    def _value(self, column: str, text: str, values: MappingOf[str, str]) -> str:
        if text in values:
            return values[text]
        if text in values.values():
            return text
        raise BadCell(column, f"is not among the values the mapping knows: {text[:30]!r}")

    def _number(self, column: str, text: str, source: Column) -> Decimal:
        found = None
        if len(text) <= MAX_NUMBER:
            text = without_sign(text, self.currency_signs if column in AMOUNTS else ())
            found = self._pattern.fullmatch(text)
        if found is None:
            raise BadCell(column, f"is not a number written like {self._example!r}: {text[:24]!r}")
        whole = re.sub(r"\D", "", found["whole"])
        value = Decimal(f"{whole}.{found['part']}" if found["part"] else whole)
        # Two signs are one too many: "(-5)" or "-5-" may mean either.
        signs = [found["minus"] in {"-", "\u2212"}, bool(found["trailing"]), text.startswith("(")]
        if sum(signs) > 1 or text.startswith("(") != text.endswith(")"):
            raise BadCell(column, f"has more than one sign: {text[:24]!r}")
        if any(signs) != source.negate:
            value = -value
        return value.scaleb(-2) if source.unit == "cents" else value

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        group = "[ \u00a0\u202f]" if self.thousands == " " else re.escape(self.thousands)
        # The last group has three digits, those before it two or three (lakh and crore).
        grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|" if self.thousands else ""
        return re.compile(
            rf"\(?(?P<minus>[+\-\u2212]?)\s*(?P<whole>{grouped}[0-9]+)"
            rf"(?:{re.escape(self.decimal)}(?P<part>[0-9]+))?\s*(?P<trailing>[\-\u2212]?)\)?"
        )

    @property
    def _example(self) -> str:
        return f"1{self.thousands}234{self.decimal}56"


@dataclass(frozen=True)
class Bound:
    """A mapping fitted to one file's header of `width` columns.

    `sources` says for each of our columns which of theirs it is read from: more than one are joined.
    """

    mapping: Mapping
    width: int
    sources: MappingOf[str, tuple[int, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        by_sign = ("kind",) if self.mapping.kind_by_sign else ()
        return (*self.sources, *self.mapping.constants, *by_sign)

    def row(self, cells: Sequence[str]) -> Cells:
        """One row of theirs as a row of ours: the definition of what a mapping means. BadCell names our column."""
        if len(cells) != self.width:
            raise BadCell("", f"{len(cells)} cells where the header has {self.width}")
        mapping = self.mapping
        ours = Cells({})
        for column in self.sources:
            ours[column] = mapping.cell(column, self.raw(column, cells), ours)
        ours.update(mapping.constants)
        if mapping.kind_by_sign:
            ours["kind"], ours["amount"] = mapping.by_sign(ours["amount"])
        if mapping.signed and ours.get("kind") in _LOWERING and ours.get("amount"):
            ours["amount"] = _plain(-Decimal(ours["amount"]))
        return ours

    def raw(self, column: str, cells: Sequence[str]) -> str:
        """Their text that one of our columns is read from."""
        places = self.sources[column]
        if len(places) == 1:
            return cells[places[0]]
        parts = [cells[at].strip() for at in places]
        return self.mapping.columns[column].join.join(part for part in parts if part)


_LOWERING = frozenset(kind.value for kind in LOWERING)


def _plain(value: Decimal) -> str:
    return f"{value if value else abs(value):f}"


# --- the file -------------------------------------------------------------------------------------------------


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Invalid names the key that is wrong and why."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise Invalid(f"{path.name} is too big to be a mapping file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Invalid(f"no such mapping file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the mapping {path.name} cannot be read: {error}") from None
    return parse_mapping(text, path.name)


def parse_mapping(text: str, name: str) -> Mapping:
    """A mapping from the text of its file; `name` is what messages call it."""
    try:
        data = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"the mapping {name} is not TOML: {error}") from None
    return _Checked(data, name).mapping()


_PLAIN_KEYS = {
    "delimiter": str, "encoding": str, "decimal": str, "thousands": str, "date_format": str, "sheet": str,
    "skip_rows": int, "signed": bool, "ignore_rest": bool, "round": bool, "missing_day": str,
}  # fmt: skip
_TABLES = {"columns", "constants", "kinds", "values", "ignore", "currency_signs", "kind_by_sign"}
ODD_ENCODINGS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
_COLUMN_KEYS = {"column", "columns", "join", "format", "unit", "negate", "missing_day"}


class _Checked:
    """The checks of a mapping file, key by key."""

    def __init__(self, data: dict[str, Any], name: str) -> None:
        self.data = data
        self.name = name

    def mapping(self) -> Mapping:
        for key in self.data:
            if key not in _PLAIN_KEYS and key not in _TABLES:
                raise self.wrong(
                    key, f"is no key of a mapping; known are {', '.join([*_PLAIN_KEYS, *sorted(_TABLES)])}"
                )
        columns = {ours: self.column(ours, given) for ours, given in self.table("columns").items()}
        if not columns:
            raise self.wrong("columns", "is missing: it says which of your columns is which of ours")
        return Mapping(
            name=self.name[:80],
            columns=columns,
            constants=self.constants(columns),
            values=self.values(),
            ignore=self.ignore(),
            currency_signs=self.currency_signs(),
            kind_by_sign=self.kind_by_sign(columns),
            **self.plain(),
        )

    def wrong(self, key: str, why: str) -> Invalid:
        return Invalid(f"mapping {self.name}: {key} {why}", key)

    def table(self, key: str) -> dict[str, Any]:
        found = self.data.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, f"is a table: [{key}]")
        return found

    def plain(self) -> dict[str, Any]:
        given = {}
        for key, kind in _PLAIN_KEYS.items():
            if key in self.data:
                if type(self.data[key]) is not kind:
                    words = {str: "a text in quotes", int: "a whole number", bool: "true or false"}
                    raise self.wrong(key, f"is {words[kind]}")
                given[key] = self.data[key]
        decimal, thousands = given.get("decimal", "."), given.get("thousands", "")
        if decimal not in {".", ","}:
            raise self.wrong("decimal", 'is "." or ","')
        if thousands not in {"", ".", ",", " ", "'", "\u2019"} or thousands == decimal:
            raise self.wrong("thousands", 'is one of "." "," " " "\'" and not the decimal sign')
        if "delimiter" in given and (len(given["delimiter"]) != 1 or given["delimiter"] in '"\r\n'):
            raise self.wrong("delimiter", 'is one character, such as ";" or "\\t"')
        if "encoding" in given:
            self.check_encoding(given["encoding"])
        if "missing_day" in given:
            self.check_missing_day("missing_day", given["missing_day"])
        if "date_format" in given:
            self.check_format("date_format", given["date_format"], given.get("missing_day", ""))
        if not 0 <= given.get("skip_rows", 0) <= 1000:
            raise self.wrong("skip_rows", "is between 0 and 1000")
        return given

    def check_encoding(self, encoding: str) -> None:
        try:
            found = codecs.lookup(encoding)
            # The only mark that tells base64 from UTF-8. Those that no creditor writes make half characters or raise.
            is_text = found._is_text_encoding and found.name not in ODD_ENCODINGS
        except (LookupError, ValueError):  # ValueError: a NUL in the name
            is_text = False
        if not is_text:
            raise self.wrong("encoding", f"{encoding!r} is not known; such as utf-8, cp1252, gb18030, big5")

    def check_format(self, key: str, format: str, missing_day: str = "") -> None:
        day = date(2026, 12, 31)
        if missing_day and not has_day(format):
            day = date(2026, 12, 1)
        try:
            same = date(*time.strptime(day.strftime(format), format)[:3]) == day
        except (
            ValueError,
            re.error,
            OverflowError,
            MemoryError,
        ):  # re.error: a directive that is there twice
            same = False
        if not same:
            raise self.wrong(
                key,
                f"{format!r} does not write a whole date; such as %d.%m.%Y, or %Y-%m with missing_day",
            )

    def check_missing_day(self, key: str, given: Any) -> None:
        if given not in MONTH_ENDS:
            raise self.wrong(key, 'is "first" or "last": the day of the month that a date without one means')

    def ours(self, table: str, name: str) -> None:
        if name not in OURS:
            raise self.wrong(f"{table}.{name}", f"is no column of ours; known are {', '.join(sorted(OURS))}")

    def column(self, ours: str, given: Any) -> Column:
        key = f"columns.{ours}"
        self.ours("columns", ours)
        given = {"column": given} if isinstance(given, str) else given
        if not isinstance(given, dict):
            raise self.wrong(key, 'is "Their column" or a table like { column = "Theirs", unit = "cents" }')
        for name in given:
            if name not in _COLUMN_KEYS:
                raise self.wrong(
                    f"{key}.{name}", f"is not known; known are {', '.join(sorted(_COLUMN_KEYS))}"
                )
        theirs: Any = [given["column"]] if "column" in given else given.get("columns")
        if not _are_names(theirs) or ("column" in given and "columns" in given):
            raise self.wrong(key, 'needs column = "Theirs" or columns = ["One", "Two"]')
        if "format" in given:
            if ours not in DATES or not isinstance(given["format"], str):
                raise self.wrong(f"{key}.format", "is for dates only")
            missing_day = given.get("missing_day") or self.data.get("missing_day", "")
            self.check_format(f"{key}.format", given["format"], missing_day)
        if "missing_day" in given:
            if ours not in DATES:
                raise self.wrong(f"{key}.missing_day", "is for dates only")
            self.check_missing_day(f"{key}.missing_day", given["missing_day"])
        units = {"cents"} if ours in AMOUNTS else {"percent"} if ours in RATES else set()
        if "unit" in given and given["unit"] not in units:
            raise self.wrong(f"{key}.unit", 'is "cents" for an amount and "percent" for a rate, nothing else')
        if "negate" in given and (ours not in AMOUNTS or not isinstance(given["negate"], bool)):
            raise self.wrong(f"{key}.negate", "is true or false, for amounts only")
        if not isinstance(given.get("join", ""), str):
            raise self.wrong(f"{key}.join", "is a text in quotes")
        return Column(
            theirs=tuple(name.strip() for name in theirs),
            join=given.get("join", " "),
            format=given.get("format", ""),
            unit=given.get("unit", ""),
            negate=given.get("negate", False),
            missing_day=given.get("missing_day", ""),
        )

    def constants(self, columns: MappingOf[str, Column]) -> dict[str, str]:
        found = self.table("constants")
        for name, value in found.items():
            self.ours("constants", name)
            if not isinstance(value, str):
                raise self.wrong(f"constants.{name}", "is a text in quotes, written as in our own files")
            if name in columns:
                raise self.wrong(f"constants.{name}", "is mapped in [columns] already")
        return found

    def values(self) -> dict[str, dict[str, str]]:
        found = dict(self.table("values"))
        if "kinds" in self.data:
            if "kind" in found:
                raise self.wrong("values.kind", "says again what [kinds] says")
            found["kind"] = self.table("kinds")
        for column, pairs in found.items():
            key = "kinds" if column == "kind" and "kinds" in self.data else f"values.{column}"
            self.ours("values", column)
            if column in AMOUNTS | DATES | RATES:
                raise self.wrong(key, "is for texts, not for amounts, rates or dates")
            if not isinstance(pairs, dict) or not all(isinstance(v, str) for v in pairs.values()):
                raise self.wrong(key, 'is a table of texts: theirs = "ours"')
            if column == "kind":
                self.check_kinds(key, pairs)
        return found

    def check_kinds(self, key: str, pairs: MappingOf[str, str]) -> None:
        allowed = {kind.value for kind in EntryKind} - {EntryKind.REVERSAL.value}
        for theirs, ours in pairs.items():
            if ours not in allowed:
                raise self.wrong(f"{key}.{theirs}", f"{ours!r} is not one of {', '.join(sorted(allowed))}")

    def ignore(self) -> tuple[str, ...]:
        found = self.data.get("ignore", [])
        if found and not _are_names(found):
            raise self.wrong("ignore", 'is a list of column names: ["One", "Two"]')
        return tuple(name.strip() for name in found)

    def currency_signs(self) -> tuple[str, ...]:
        found = self.data.get("currency_signs", [])
        if not found:
            return ()
        if not _are_names(found) or any(
            len(sign.strip()) > 8 or re.search(r"[0-9+\-]", sign) for sign in found
        ):
            raise self.wrong("currency_signs", 'is a list such as ["\u20ac", "EUR"]')
        return tuple(sign.strip() for sign in found)

    def kind_by_sign(self, columns: MappingOf[str, Column]) -> dict[str, str]:
        found = self.table("kind_by_sign")
        if not found:
            return {}
        if set(found) != {"negative", "positive"}:
            raise self.wrong("kind_by_sign", "says the kind of both: negative and positive")
        if "kind" in columns or "kind" in self.table("constants") or self.data.get("signed"):
            raise self.wrong(
                "kind_by_sign", "takes the place of a column or constant of kinds, and of signed"
            )
        if "amount" not in columns:
            raise self.wrong("kind_by_sign", "needs the amount in [columns]")
        self.check_kinds("kind_by_sign", found)
        return found


def _are_names(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(isinstance(n, str) and n.strip() for n in given)
