"""Fields of a feed: each is declared once, with its exact reader and its columnar reader side by side.

The exact reader takes one row and names every reason to reject it. The columnar reader gives the same result for the
rows that it is sure of (`columns.py`). A property test compares them (`tests/book/feeds/reading/test_columns.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from app.book.feeds.cells import Cells, Layout, date_cell, if_there, one_of, reference_cell, text_cell
from app.book.feeds.columns import Columns
from app.book.portfolios.models import Portfolio
from app.core.types import JsonObject

PolarsType = pl.DataType | type[pl.DataType]
TEXT, MONEY, NUMBER, DAY = pl.String, pl.Int64, pl.Int64, pl.Date


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a feed, or columns that are read together.

    `read` takes a row and returns its values by name, or raises BadCell. `read_columns` adds the same values to
    `Columns`, and unsets `sure` for the rows that only `read` can tell.
    """

    columns: tuple[str, ...]
    read: Callable[[Cells, Portfolio], JsonObject]
    read_columns: Callable[[Columns], object]
    values: Mapping[str, PolarsType] = field(default_factory=dict)
    """The values by name, with their types."""
    is_optional: bool = False
    """A file may lack the column."""


def layout_of(*fields: Field, first: Collection[str] = ()) -> Layout:
    """Build the layout of a feed kind from its fields, in the order of the file's columns.

    A row with several faults is rejected for the first: fields with a column in `first` are read before the others.
    """
    in_turn = sorted(fields, key=lambda each: not set(first) & set(each.columns))

    def read(row: Cells, portfolio: Portfolio) -> JsonObject:
        values: JsonObject = {}
        for each in in_turn:
            values |= each.read(row, portfolio)
        return values

    def read_columns(columns: Columns) -> None:
        for each in fields:
            each.read_columns(columns)

    return Layout(
        tuple(name for each in fields if not each.is_optional for name in each.columns),
        tuple(name for each in fields if each.is_optional for name in each.columns),
        read,
        schema={name: kind for each in fields for name, kind in each.values.items()},
        columns=read_columns,
    )


def reference(column: str, limit: int, *, name: str = "") -> Field:
    """A creditor's identifier, in its normal form."""
    name = name or column
    return Field(
        (column,),
        lambda row, _: {name: reference_cell(row, column, limit)},
        lambda columns: columns.reference(column, limit, name=name),
        {name: TEXT},
    )


def text(column: str, limit: int, *, required: bool = True, name: str = "") -> Field:
    """Text of at most `limit` characters; empty only where it is not required."""
    name = name or column
    return Field(
        (column,),
        lambda row, _: {name: text_cell(row, column, limit, required=required)},
        lambda columns: columns.text(column, limit, required=required, name=name),
        {name: TEXT},
    )


def text_if_there(column: str, limit: int) -> Field:
    """Text of an optional column; None where the file lacks the column and so says nothing of it."""

    def read_columns(columns: Columns) -> None:
        columns.text(column, limit, required=False)
        columns.missing_is_none(column)

    return Field(
        (column,), lambda row, _: {column: if_there(row, column, limit)}, read_columns, {column: TEXT}, True
    )


def member(column: str, allowed: Collection[str], noun: str) -> Field:
    """One of the `allowed` texts, which `noun` names in the reason of a reject."""
    members = frozenset(allowed)
    return Field(
        (column,),
        lambda row, _: {column: one_of(row, column, members, noun)},
        lambda columns: columns.one_of(column, members),
        {column: TEXT},
    )


def day(column: str, *, required: bool = True, name: str = "", is_optional: bool = False) -> Field:
    """A date like 2026-01-31; None for an empty cell where it is not required."""
    name = name or column
    return Field(
        (column,),
        lambda row, _: {name: date_cell(row, column, required=required)},
        lambda columns: columns.date(column, required=required, name=name),
        {name: DAY},
        is_optional,
    )
