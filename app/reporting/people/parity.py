"""Outcomes of customers with a support need beside those of others, without showing a handful of people. Pure.

Duty: FCA Consumer Duty, PRIN 2A.9.10R (monitor whether any group of retail customers receives worse outcomes). Small
cells are suppressed as statistical offices do, with a second cell where a total would give the first away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from app.casework.risk.measures import wilson

FEWEST = 10
"""People in a cell below which it is not shown."""


class Group(StrEnum):
    SUPPORT_NEED = "support_need"
    OTHERS = "others"


class Outcome(StrEnum):
    PLANS_KEPT = "plans_kept"
    """Of agreements that ended kept or broken."""
    COMPLAINTS = "complaints"
    """Customers who complained, of customers with an open case."""
    TIME_TO_CLOSE = "time_to_close"
    """Median days of the cases that closed."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def is_small(self) -> bool:
        """True if the cell, or what is left of its group, is a handful of people. An empty group gives nobody away."""
        return self.of > 0 and min(self.count, self.of - self.count) < FEWEST

    @property
    def rate(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of so many cases."""

    cases: int
    median: float | None

    @classmethod
    def of(cls, days: Sequence[int]) -> Days:
        return cls(len(days), median(days) if days else None)

    @property
    def is_small(self) -> bool:
        return 0 < self.cases < FEWEST


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One outcome by group; None = not shown."""

    outcome: Outcome
    cells: Mapping[Group, Share | Days | None]

    @property
    def is_suppressed(self) -> bool:
        return any(cell is None for cell in self.cells.values())

    @property
    def differs(self) -> bool:
        """True if the intervals of two shown shares do not meet."""
        shares = [cell for cell in self.cells.values() if isinstance(cell, Share) and cell.of]
        if len(shares) != len(Group):
            return False
        (low, high), (other_low, other_high) = (share.interval for share in shares)
        return high < other_low or other_high < low


def suppress(outcome: Outcome, cells: Mapping[Group, Share | Days]) -> ParityRow:
    """Leave out small cells; and where one alone would be left out, the next smallest too, because the portfolio's
    total stands on other pages and would give it away."""
    hidden = {group for group, cell in cells.items() if cell.is_small}
    if len(hidden) == 1:
        others = [group for group in cells if group not in hidden and _size(cells[group])]
        hidden |= {min(others, key=lambda group: _size(cells[group]))} if others else set()
    return ParityRow(outcome, {group: None if group in hidden else cell for group, cell in cells.items()})


def _size(cell: Share | Days) -> int:
    return cell.of if isinstance(cell, Share) else cell.cases
