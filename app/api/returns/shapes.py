"""Shapes of returns: their cells, the things behind a cell, and what was frozen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.reporting.kpis.rules import Thing
from app.reporting.returns.models import FrozenReturn
from app.reporting.returns.queries import LineBehind
from app.reporting.returns.rules import Cell, Measure, ReturnDefinition, ReturnKind


class SourceShape(Shape):
    citation: str
    url: str
    read: bool = Field(description="False: as others quote it; the text itself was not read.")


class DefinitionShape(Shape):
    """A return that is known."""

    kind: ReturnKind
    title: str
    supervisor: str
    sources: list[SourceShape]
    months: list[int] = Field(description="Lengths of its period, the usual one first; 0 = it has none.")
    version: str
    about: list[str]

    @classmethod
    def of(cls, each: ReturnDefinition) -> Self:
        return cls(
            kind=each.kind,
            title=each.title,
            supervisor=each.supervisor,
            sources=[SourceShape(citation=one.citation, url=one.url, read=one.read) for one in each.sources],
            months=list(each.months),
            version=each.version,
            about=list(each.about),
        )


class CellShape(Shape):
    """A cell. `value` is a decimal string of money, or a number; null = not recorded, or nothing to divide by."""

    section: str
    row: str
    title: str
    measure: Measure
    value: Money | int | float | None
    out_of: int | None = Field(description="The other side of a ratio.")
    not_recorded: str = Field(description="Why the desk does not record it; empty = it does.")
    has_list: bool = Field(description="The things that it counts can be listed.")

    @classmethod
    def of(cls, portfolio: Portfolio, cell: Cell) -> Self:
        return cls(
            section=cell.section,
            row=cell.row,
            title=cell.title,
            measure=cell.measure,
            value=cell.ratio if cell.per else money_or_number(portfolio, cell, cell.number),
            out_of=cell.out_of,
            not_recorded=cell.missing,
            has_list=bool(cell.behind),
        )


def money_or_number(portfolio: Portfolio, cell: Cell, number: int | None) -> str | int | None:
    """A cell's number as JSON has it."""
    if number is None or not cell.measure.is_money:
        return number
    return to_decimal_string(number, portfolio.currency)


class ReturnShape(Shape):
    """A return as it is known now."""

    kind: ReturnKind
    first_on: date
    last_on: date
    months: int
    definition: str = Field(description="Version of the definition.")
    currency: str
    cells: list[CellShape]


class FrozenShape(Shape):
    """A return that was frozen."""

    id: int
    kind: ReturnKind
    last_on: date
    months: int
    version: int
    definition: str
    frozen_at: datetime
    by: str

    @classmethod
    def of(cls, row: FrozenReturn) -> Self:
        return cls(
            id=id_of(row),
            kind=row.kind,
            last_on=row.business_date,
            months=row.months,
            version=row.version,
            definition=row.definition,
            frozen_at=row.frozen_at,
            by=row.by,
        )


class FrozenCells(Shape):
    """A frozen return with its cells as they were, and those of today that differ."""

    frozen: FrozenShape
    currency: str
    cells: list[CellShape]
    now: list[CellShape] = Field(description="Cells that would be others today.")


class LineShape(Shape):
    """A thing that a cell counts."""

    row: str
    kind: Thing
    id: int
    on: date | None
    account_ref: str
    balance: Money
    past_due: Money

    @classmethod
    def of(cls, portfolio: Portfolio, line: LineBehind) -> Self:
        return cls(
            row=line.row,
            kind=line.kind,
            id=line.thing_id,
            on=line.on,
            account_ref=line.account_ref,
            balance=to_decimal_string(line.balance_minor, portfolio.currency),
            past_due=to_decimal_string(line.past_due_minor, portfolio.currency),
        )


class Lines(Shape):
    """One page of the things behind a cell, the largest first; `total` is the sum over all pages: the cell's own."""

    count: int
    total: Money | int | None
    items: list[LineShape]
    next_cursor: str | None = None


def cells_shape(portfolio: Portfolio, cells: Sequence[Cell]) -> list[CellShape]:
    return [CellShape.of(portfolio, cell) for cell in cells]
