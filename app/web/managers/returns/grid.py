"""A return as a grid: its sections, each with columns and rows; and the same as rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.book.portfolios.models import Portfolio
from app.core.money import exponent, to_decimal_string
from app.core.types import Rows
from app.reporting.returns.rules import Cell, Measure

HEADER = ("section", "row", "column", "value", "unit", "out_of", "not_recorded")
HEADER_FROZEN = (*HEADER, "known_now", "difference")


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell with the address of its list; '' = it has none. `now` is what it would be today, where that differs."""

    cell: Cell
    href: str
    now: Cell | None = None

    @property
    def difference(self) -> int:
        """How much it would be more today."""
        if self.now is None or self.now.number is None or self.cell.number is None:
            return 0
        return self.now.number - self.cell.number


@dataclass(frozen=True, slots=True)
class GridRow:
    title: str
    missing: str
    cells: Sequence[GridCell]


@dataclass(frozen=True, slots=True)
class GridSection:
    title: str
    headings: Sequence[str]
    rows: Sequence[GridRow]


def grid_of(
    cells: Sequence[Cell], href: Callable[[Cell], str], now: Sequence[Cell] | None = None
) -> list[GridSection]:
    """The sections in order. `now` are the cells of today, for a return that is frozen."""
    differing = _differing(cells, now) if now is not None else {}
    sections: list[GridSection] = []
    for title in dict.fromkeys(cell.section for cell in cells):
        own = [cell for cell in cells if cell.section == title]
        rows = []
        for name in dict.fromkeys(cell.row for cell in own):
            of_row = [cell for cell in own if cell.row == name]
            shown = [
                GridCell(cell, href(cell) if cell.behind and cell.number else "", differing.get(_key(cell)))
                for cell in of_row
            ]
            rows.append(GridRow(of_row[0].title, of_row[0].missing, shown))
        headings = list(dict.fromkeys(cell.heading for cell in own if cell.measure is not Measure.RATIO))
        sections.append(GridSection(title, headings or [own[0].heading], rows))
    return sections


def differing_cells(sections: Sequence[GridSection]) -> int:
    """How many cells would be others today."""
    return sum(cell.now is not None for section in sections for row in section.rows for cell in row.cells)


def _key(cell: Cell) -> tuple[str, Measure]:
    return cell.row, cell.measure


def _differing(cells: Sequence[Cell], now: Sequence[Cell]) -> Mapping[tuple[str, Measure], Cell]:
    """The cells of today that are not as they were frozen."""
    today = {_key(cell): cell for cell in now}
    return {
        _key(cell): today[_key(cell)]
        for cell in cells
        if _key(cell) in today
        and (cell.number, cell.out_of) != (today[_key(cell)].number, today[_key(cell)].out_of)
    }


def file_rows(
    portfolio: Portfolio, sections: Sequence[GridSection], *, is_text: bool, frozen: bool
) -> Iterator[Rows]:
    """A row for each cell. Amounts are in units of the currency: exact texts in CSV, numbers in a workbook."""
    for section in sections:
        for row in section.rows:
            for each in row.cells:
                yield _file_row(portfolio, section, each, is_text=is_text, frozen=frozen)


def _file_row(
    portfolio: Portfolio, section: GridSection, each: GridCell, *, is_text: bool, frozen: bool
) -> Rows:
    cell = each.cell
    currency = portfolio.currency

    def amount(number: int | None) -> str | float | None:
        if number is None or not cell.measure.is_money:
            return number
        return to_decimal_string(number, currency) if is_text else number / 10 ** exponent(currency)

    unit = currency if cell.measure.is_money else f"per {cell.per}" if cell.per else "number"
    told: list[object] = [
        section.title,
        cell.title,
        cell.heading,
        cell.ratio if cell.per else amount(cell.number),
        unit,
        cell.out_of,
        cell.missing,
    ]
    if frozen:
        now = each.now or cell
        told += [now.ratio, None] if cell.per else [amount(now.number), amount(each.difference)]
    return tuple(told)
