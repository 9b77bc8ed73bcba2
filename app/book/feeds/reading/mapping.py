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

import re
from collections import Counter
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

from app.book.feeds.bank.rules import blotted
from app.book.feeds.cells import BadCell, Cells
from app.book.feeds.reading.notation import has_day, read_date, rounded, without_sign
from app.book.ledger.rules import EITHER_WAY, LOWERING, EntryKind
from app.core.errors import Invalid

AMOUNTS = frozenset({"amount", "balance", "credit_limit", "minimum_due", "past_due_amount"})
DATES = frozenset(
    {
        "as_of",
        "closing_on",
        "due_on",
        "noted_on",
        "oldest_due_on",
        "opened_on",
        "paid_on",
        "placed_on",
        "posted_on",
    }
)
RATES = frozenset({"apr"})
TEXTS = frozenset(
    {
        "account_ref", "address_line1", "address_line2", "card_last4", "city", "country", "currency",
        "customer_ref", "description", "email", "employer", "full_name", "kind", "language", "method", "mobile", "note",
        "payment_ref", "postcode", "product", "region", "source", "state", "statement_ref", "status", "timezone",
        "transaction_ref", "type", "value",
    }
)  # fmt: skip
OURS = AMOUNTS | DATES | RATES | TEXTS
"""Every column of every feed."""

MAX_NUMBER = 40
ISO = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class Column:
    """Source of one of our columns in the creditor's file, and its notation there."""

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
    """Decimals of the portfolio's currency, where amounts are rounded to it."""
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
                f"The header does not fit the mapping {self.name} ({'; '.join(problems)}). Nothing was loaded."
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
            # Date cells of a workbook come as ISO text, in any notation of the dates kept as text.
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
        """Turn a row of the creditor's file into our layout. BadCell names our column."""
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
