"""A return to a supervisor: its rows, its columns, and the cells that sums give. Pure.

A return is asked for the end of a closed day, and for the months up to it where it is about a period. A row either
counts things, or is the sum of other rows, or a ratio of two, or says why the product does not record it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.core.dates import add_months


class Measure(StrEnum):
    """The column of a cell."""

    NUMBER = "number"
    BALANCE = "balance"
    """Money, of what the row says: a balance, an amount taken off the book, fees."""
    PAST_DUE = "past_due"
    RATIO = "ratio"
    """Computed from two other cells; it counts nothing itself."""

    @property
    def is_money(self) -> bool:
        return self in (Measure.BALANCE, Measure.PAST_DUE)


class ReturnKind(StrEnum):
    """A return that is known here, by its name in addresses and in the database."""

    UK_COMPLAINTS = "uk-complaints"
    UK_ARREARS = "uk-arrears"
    CN_CARD_TIERS = "cn-card-tiers"


@dataclass(frozen=True, slots=True)
class Ratio:
    """The share that one row has of another, in one column; `per` is 100 or 1000."""

    counted: str
    out_of: str
    measure: Measure
    per: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a return."""

    name: str
    title: str
    sum_of: tuple[str, ...] = ()
    """Names of the rows of which it is the sum."""
    ratio: Ratio | None = None
    missing: str = ""
    """Why it is not recorded; '' = it is."""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that have the same columns."""

    title: str
    columns: Mapping[Measure, str]
    """Each column with its heading."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The text that asks for the return."""

    citation: str
    url: str
    read: bool
    """The text itself was read, or a whole copy of it; otherwise it is as others quote it."""


@dataclass(frozen=True, slots=True)
class ReturnDefinition:
    """A return in words. `version` changes whenever its meaning does."""

    kind: ReturnKind
    title: str
    supervisor: str
    sources: tuple[Source, ...]
    months: tuple[int, ...]
    """Lengths of the period that may be asked for, the usual one first; (0,) = the end of a day, without a period."""
    sections: tuple[Section, ...]
    about: tuple[str, ...]
    """Sentences for its readers: what is counted, and what is not."""
    version: str = "1"

    @property
    def rows(self) -> Mapping[str, Row]:
        return {row.name: row for section in self.sections for row in section.rows}

    def behind(self, row: str) -> tuple[str, ...]:
        """Names of the rows whose things stand behind a row; none for a ratio, or for what is not recorded. Raises
        KeyError for an unknown row."""
        own = self.rows[row]
        if own.ratio is not None or own.missing:
            return ()
        return own.sum_of or (own.name,)


@dataclass(frozen=True, slots=True)
class Period:
    """The day at whose end a return stands, and the months up to it."""

    on: date
    months: int

    @property
    def first_on(self) -> date:
        """The first day of the period; `on` itself where there is none."""
        return period_start(self.on, self.months) if self.months else self.on

    @property
    def before_on(self) -> date:
        """The last day before the period."""
        return self.first_on - timedelta(days=1)


def period_start(on: date, months: int) -> date:
    """The first day of the `months` that end with `on`; whole months where `on` is the last day of one."""
    after = on + timedelta(days=1)
    return add_months(after, -months)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell. `number` is a count, or minor units; None = not recorded, or a ratio of nothing. `out_of` is the other
    side of a ratio."""

    section: str
    row: str
    title: str
    measure: Measure
    heading: str
    number: int | None
    out_of: int | None = None
    per: int = 0
    """100 = a percentage, 1000 = of a thousand; 0 = no ratio."""
    missing: str = ""
    behind: tuple[str, ...] = ()
    """Rows whose things it counts."""

    @property
    def ratio(self) -> float | None:
        """The value of a ratio; None for any other cell, and where there is nothing to divide by."""
        if not self.per or self.number is None or not self.out_of:
            return None
        return self.number / self.out_of * self.per


Sums = Mapping[tuple[str, Measure], int]
"""By row that counts things and column."""


def cells_of(definition: ReturnDefinition, sums: Sums) -> list[Cell]:
    """Every cell, in the order of the definition."""
    return [cell for section in definition.sections for cell in _cells_of_section(definition, section, sums)]


def _cells_of_section(definition: ReturnDefinition, section: Section, sums: Sums) -> Iterator[Cell]:
    for row in section.rows:
        if row.ratio is not None:
            yield _ratio_cell(definition, section, row, row.ratio, sums)
            continue
        for measure, heading in section.columns.items():
            behind = definition.behind(row.name)
            number = None if row.missing else _total(behind, measure, sums)
            yield Cell(
                section.title, row.name, row.title, measure, heading, number,
                missing=row.missing, behind=behind,
            )  # fmt: skip


def _ratio_cell(definition: ReturnDefinition, section: Section, row: Row, ratio: Ratio, sums: Sums) -> Cell:
    counted, out_of = (
        _total(definition.behind(name), ratio.measure, sums) for name in (ratio.counted, ratio.out_of)
    )
    heading = next(iter(section.columns.values()))
    return Cell(
        section.title, row.name, row.title, Measure.RATIO, heading, counted, out_of, ratio.per
    )  # fmt: skip


def _total(rows: Sequence[str], measure: Measure, sums: Sums) -> int:
    return sum(sums.get((row, measure), 0) for row in rows)


def faults_of(definition: ReturnDefinition) -> list[str]:
    """Why a definition cannot be right, as sentences; none for one that can."""
    names = [row.name for section in definition.sections for row in section.rows]
    known = {row.name for row in definition.rows.values() if not (row.sum_of or row.ratio or row.missing)}
    found = [f"row {name} stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for row in definition.rows.values():
        found += [
            f"row {row.name} sums {each}, which counts nothing" for each in row.sum_of if each not in known
        ]
        if row.ratio is not None:
            sides = (row.ratio.counted, row.ratio.out_of)
            found += [
                f"row {row.name} divides {each}, which is no row" for each in sides if each not in names
            ]
    return found
