"""The share of each slice in a change, and the days that are compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from app.core.dates import add_months
from app.reporting.kpis.rules import Definition, Dimension, Figure, Scale

Pair = tuple[int, int]
"""Numerator and denominator."""


class Compare(StrEnum):
    """The earlier day with which a day is compared."""

    YESTERDAY = "yesterday"
    WEEK = "week"
    MONTH = "month"
    LAST_LOOK = "look"


def compared_day(compare: Compare, on: date, looked_on: date | None) -> date | None:
    """The earlier day; None where the reader never looked before. The same day of a shorter month is its last."""
    if compare is Compare.YESTERDAY:
        return on - timedelta(days=1)
    if compare is Compare.WEEK:
        return on - timedelta(days=7)
    return add_months(on, -1) if compare is Compare.MONTH else looked_on


@dataclass(frozen=True, slots=True)
class Contribution:
    """A slice and its share of a figure's change, in the figure's own unit (0.01 = one point)."""

    dimension: Dimension
    member: str
    amount: float


def contributions(
    before: Figure, after: Figure, members: Mapping[str, tuple[Pair, Pair]], dimension: Dimension
) -> Iterator[Contribution]:
    """Share the change of a ratio out over the members of a dimension, each with its pair before and after.

    A member adds (its change of the numerator - the old ratio * its change of the denominator) / the new denominator:
    what it brought beyond what it would have brought at the old ratio. Over all members of a dimension that is exactly
    the change, because they share out numerator and denominator.
    """
    if before.value is None or after.value is None:
        return
    for member, (was, now) in members.items():
        moved = (now[0] - was[0]) - before.value * (now[1] - was[1])
        if moved:
            yield Contribution(dimension, member, moved / after.denominator)


@dataclass(frozen=True, slots=True)
class Change:
    """A figure on two days. `why` holds the slices that moved it most, the strongest first."""

    kpi: str
    before: Figure | None
    after: Figure | None
    why: tuple[Contribution, ...] = ()

    @property
    def amount(self) -> float | None:
        """The difference of the values; None where one of the days has none."""
        if self.before is None or self.after is None:
            return None
        was, now = self.before.value, self.after.value
        return None if was is None or now is None else now - was


def is_noticeable(definition: Definition, amount: float | None) -> bool:
    """Whether a reader sees a change."""
    return amount is not None and abs(amount) >= definition.scale.noticeable


def tone_of(definition: Definition, amount: float | None) -> Literal["good", "bad", "neutral"]:
    """Whether a change is for the better."""
    if not amount or not is_noticeable(definition, amount):
        return "neutral"
    return "good" if (amount > 0) == definition.more_is_better else "bad"


def most_moved(changes: Iterable[Change], definitions: Mapping[str, Definition]) -> list[Change]:
    """Changes that a reader sees, those for the worse first, shares before days, then by size."""
    scales = list(Scale)

    def place(change: Change) -> tuple[bool, int, float]:
        definition, amount = definitions[change.kpi], change.amount or 0
        return tone_of(definition, amount) != "bad", scales.index(definition.scale), -abs(amount)

    return sorted((each for each in changes if is_noticeable(definitions[each.kpi], each.amount)), key=place)
