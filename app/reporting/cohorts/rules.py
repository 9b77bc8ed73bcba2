"""Curves of cohorts: which figure they follow, and its points by months since the cohort began. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.book.delinquency.days import DAY
from app.core.dates import add_months, month_start
from app.reporting.kpis.rules import Dimension


class Curve(StrEnum):
    """What is followed."""

    LIQUIDATION = "liquidation"
    CHARGE_OFF = "charge-off"
    LATE_30 = "late-30"
    LATE_60 = "late-60"
    LATE_90 = "late-90"


@dataclass(frozen=True, slots=True)
class CurveWords:
    """A curve in words, the figure that its points are, and the dimension whose members are its cohorts."""

    title: str
    cohort: str
    """What a cohort is, in words."""
    kpi: str
    dimension: Dimension
    late_days: int = 0
    """Of a vintage: days past due; 0 = the curve is of cash."""


CURVES: Mapping[Curve, CurveWords] = {
    Curve.LIQUIDATION: CurveWords(
        "Liquidation since placement", "month of placement", "liquidation_curve", Dimension.PLACEMENT
    ),
    Curve.CHARGE_OFF: CurveWords(
        "Recovered since charge-off", "month of charge-off", "liquidation_charge_off", Dimension.CHARGE_OFF
    ),
    **{
        curve: CurveWords(
            f"Vintage: {days}+ days past due, by accounts",
            "month of placement, or else of opening",
            f"overdue_rate_accounts_{days}",
            Dimension.PLACEMENT,
            days,
        )
        for curve, days in ((Curve.LATE_30, 30), (Curve.LATE_60, 60), (Curve.LATE_90, 90))
    },
}


@dataclass(frozen=True, slots=True)
class Point:
    """A cohort at a month end, or at the last closed day; money in minor units."""

    on: date
    months: int
    """Since the month of the cohort."""
    numerator: int
    denominator: int
    is_stored: bool = True
    """A night stored it, and it has a list. Otherwise it is of a time before the first closed day."""

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The points of one cohort, in order of time."""

    month: str
    """Such as `2026-03`."""
    points: Sequence[Point]

    def at(self, months: int) -> Point | None:
        return next((each for each in self.points if each.months == months), None)


def months_since(month: str, on: date) -> int:
    """Calendar months from the month of a cohort to that of a day."""
    year, number = (int(part) for part in month.split("-"))
    return (on.year - year) * 12 + on.month - number


def month_ends(first_on: date, last_on: date) -> list[date]:
    """The month ends of these days, and the last day itself."""
    days = []
    following = add_months(month_start(first_on), 1)
    while following - DAY < last_on:
        days.append(following - DAY)
        following = add_months(following, 1)
    return [*days, last_on]
