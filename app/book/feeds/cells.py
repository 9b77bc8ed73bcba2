"""A row of a feed and its cells: read as dates, amounts, references, or refused with the column and the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

import phonenumbers
import polars as pl
from sqlmodel import Session

from app.book.customers.people import (
    SCIENTIFIC,
    without_float,
)
from app.book.ledger.references import normal_reference
from app.book.portfolios.models import Portfolio
from app.core.money import BadAmount, to_minor
from app.core.types import JsonObject, Values

CONFLICT = "conflict: "

if TYPE_CHECKING:
    from app.book.feeds.columns import Columns


class BadCell(ValueError):
    """A cell that cannot be read; the message says why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    column: str
    reason: str
    row: Sequence[str]

    @property
    def is_conflict(self) -> bool:
        return self.reason.startswith(CONFLICT)


class Cells(dict[str, str]):
    """Texts of a row by column, stripped, and `told`: remarks for a person about their reading, as (column, remark).
    The row is loaded all the same."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(texts)
        self.told: list[tuple[str, str]] = []

    def tell(self, column: str, word: str) -> None:
        if word:
            self.told.append((column, word))


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    cells: Sequence[str]
    values: Values


@dataclass
class Stored:
    loaded: int = 0
    updated: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Columns of a feed kind and the readers of its rows.

    `parse` turns the cells of a row (by column, stripped) into values, or raises BadCell. `fields.layout_of` builds a
    layout that is loaded by columns: `schema` has the types of the values, `columns` reads whole columns. A layout that
    is loaded row by row has `store`, called in the transaction of a batch.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    parse: Callable[[Cells, Portfolio], JsonObject]
    store: Callable[[Session, Portfolio, list[Row], datetime], Stored] | None = None
    schema: Mapping[str, pl.DataType | type[pl.DataType]] | None = None
    columns: Callable[[Columns], None] | None = None


def text_cell(row: Cells, column: str, limit: int, *, required: bool = True) -> str:
    value = row.get(column, "")
    if required and not value:
        raise BadCell(column, "is empty")
    if len(value) > limit:
        raise BadCell(column, f"is longer than {limit} characters")
    return value


def date_cell(row: Cells, column: str, *, required: bool = True) -> date | None:
    value = row.get(column, "")
    if not value and not required:
        return None
    try:
        on = date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        on = None
    if on is None or not 1950 <= on.year <= 2199:
        raise BadCell(column, f"is not a date like 2026-01-31: {value[:20]!r}")
    return on


def amount_cell(row: Cells, column: str, portfolio: Portfolio) -> int:
    try:
        return to_minor(row.get(column, ""), portfolio.currency)
    except BadAmount as error:
        raise BadCell(column, str(error)) from None


def one_of(row: Cells, column: str, allowed: frozenset[str] | set[str], what: str) -> str:
    value = row.get(column, "")
    if value not in allowed:
        raise BadCell(column, f"is not {what}: {value[:30]!r}")
    return value


def reference_cell(row: Cells, column: str, limit: int) -> str:
    """An identifier in its normal form. Spreadsheets make 1001.0 of 1001, which is put right; a long one that became
    1.23E+15 is lost."""
    value = normal_reference(text_cell(row, column, limit))
    if not value:
        raise BadCell(column, "is empty")
    if SCIENTIFIC.fullmatch(value):
        raise BadCell(
            column, f"was written by a spreadsheet as a power of ten, its digits are lost: {value!r}"
        )
    whole = without_float(value)
    if whole != value:
        row.tell(column, f"{value!r} is a number that went through a spreadsheet; taken as {whole}")
    return whole


def if_there(row: Cells, column: str, limit: int) -> str | None:
    """Text of an optional column; None where the file does not have the column and so says nothing of it."""
    return text_cell(row, column, limit, required=False) if column in row else None


def is_mobile_number(text: str) -> bool:
    """True for a valid telephone number with its country code: one with thirteen digits may pass a card's check."""
    if not text.startswith("+"):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False
