"""Read a mapping file (TOML) and name every error in it."""

from __future__ import annotations

import codecs
import re
import time
import tomllib
from collections.abc import Mapping as MappingOf
from datetime import date
from pathlib import Path
from typing import TypeGuard

from app.book.feeds.reading.mapping import AMOUNTS, DATES, OURS, RATES, Column, Mapping
from app.book.feeds.reading.notation import MONTH_ENDS, has_day
from app.book.ledger.rules import EntryKind
from app.core.errors import Invalid
from app.core.kit.toml_text import parse_toml
from app.core.types import JsonObject

MAX_FILE = 256 * 1024


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Invalid names the key that is wrong and why."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise Invalid(f"{path.name} is too big to be a mapping file. Name another.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Invalid(f"There is no mapping file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The mapping {path.name} cannot be read ({error}).") from None
    return parse_mapping(text, path.name)


def parse_mapping(text: str, name: str) -> Mapping:
    """A mapping from the text of its file; `name` is what messages call it."""
    try:
        data = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"The mapping {name} is not TOML: {error}.") from None
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

    def __init__(self, data: JsonObject, name: str) -> None:
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

    def table(self, key: str) -> JsonObject:
        found = self.data.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, f"must be a table. Write its keys below a line [{key}].")
        return found

    def plain(self) -> JsonObject:
        given = {}
        for key, kind in _PLAIN_KEYS.items():
            if key in self.data:
                if type(self.data[key]) is not kind:
                    words = {str: "a text in quotes", int: "a whole number", bool: "true or false"}
                    raise self.wrong(key, f"must be {words[kind]}")
                given[key] = self.data[key]
        decimal, thousands = given.get("decimal", "."), given.get("thousands", "")
        if decimal not in {".", ","}:
            raise self.wrong("decimal", 'must be "." or ","')
        if thousands not in {"", ".", ",", " ", "'", "\u2019"} or thousands == decimal:
            raise self.wrong("thousands", 'must be one of "." "," " " "\'" and not the decimal sign')
        if "delimiter" in given and (len(given["delimiter"]) != 1 or given["delimiter"] in '"\r\n'):
            raise self.wrong("delimiter", 'must be one character, such as ";" or "\\t"')
        if "encoding" in given:
            self.check_encoding(given["encoding"])
        if "missing_day" in given:
            self.check_missing_day("missing_day", given["missing_day"])
        if "date_format" in given:
            self.check_format("date_format", given["date_format"], given.get("missing_day", ""))
        if not 0 <= given.get("skip_rows", 0) <= 1000:
            raise self.wrong("skip_rows", "must be between 0 and 1000")
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

    def check_missing_day(self, key: str, given: object) -> None:
        if given not in MONTH_ENDS:
            raise self.wrong(
                key, 'must be "first" or "last": the day of the month that a date without one means'
            )

    def ours(self, table: str, name: str) -> None:
        if name not in OURS:
            raise self.wrong(f"{table}.{name}", f"is no column of ours; known are {', '.join(sorted(OURS))}")

    def column(self, ours: str, given: object) -> Column:
        key = f"columns.{ours}"
        self.ours("columns", ours)
        given = {"column": given} if isinstance(given, str) else given
        if not isinstance(given, dict):
            raise self.wrong(
                key, 'must be "Their column" or a table like { column = "Theirs", unit = "cents" }'
            )
        for name in given:
            if name not in _COLUMN_KEYS:
                raise self.wrong(
                    f"{key}.{name}", f"is not known; known are {', '.join(sorted(_COLUMN_KEYS))}"
                )
        theirs = [given["column"]] if "column" in given else given.get("columns")
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
            raise self.wrong(
                f"{key}.unit", 'must be "cents" for an amount and "percent" for a rate, nothing else'
            )
        if "negate" in given and (ours not in AMOUNTS or not isinstance(given["negate"], bool)):
            raise self.wrong(f"{key}.negate", "must be true or false, for amounts only")
        if not isinstance(given.get("join", ""), str):
            raise self.wrong(f"{key}.join", "must be a text in quotes")
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
                raise self.wrong(f"constants.{name}", "must be a text in quotes, written as in our own files")
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
                raise self.wrong(key, 'must be a table of texts: theirs = "ours"')
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
            raise self.wrong("ignore", 'must be a list of column names: ["One", "Two"]')
        return tuple(name.strip() for name in found)

    def currency_signs(self) -> tuple[str, ...]:
        found = self.data.get("currency_signs", [])
        if not found:
            return ()
        if not _are_names(found) or any(
            len(sign.strip()) > 8 or re.search(r"[0-9+\-]", sign) for sign in found
        ):
            raise self.wrong("currency_signs", 'must be a list such as ["\u20ac", "EUR"]')
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


def _are_names(given: object) -> TypeGuard[list[str]]:
    return isinstance(given, list) and bool(given) and all(isinstance(n, str) and n.strip() for n in given)
