"""A forecast compared with the baselines, and the width of its interval. Pure.

Source of the intervals: V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (2005), split
conformal prediction, on the errors of past forecasts relative to their size; each past forecast is judged with the
intervals that the errors before it gave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.reporting.forecast.flows import Expected, MonthFlow, expect

COVERAGE = 0.8
FEWEST_MONTHS = 6
"""Months of history before the first forecast."""
FEWEST_TESTS = 6
"""Past forecasts with an outcome, below which none is shown."""


@dataclass(frozen=True, slots=True)
class PastForecast:
    """A forecast made at a month end of the past from what was known then, and what came."""

    made_on: date
    months: int
    said: float
    came: int
    last_month: int
    """What "the same as last month" says."""
    last_year: int | None
    """What "the same months last year" says; None where there was no year before."""

    @property
    def miss(self) -> float:
        """Relative to the forecast."""
        return abs(self.came - self.said) / max(1.0, abs(self.said))


@dataclass(frozen=True, slots=True)
class CashForecast:
    """The forecast of one horizon with its record; `low` and `high` of None = it is not shown, and `why` says so."""

    expected: Expected
    low: float | None
    high: float | None
    covered: float | None
    """Share of past forecasts whose 80 % interval held what came; None = too few to say."""
    tests: int
    error: float | None
    """Mean distance between said and came over the past forecasts, minor units."""
    error_last_month: float | None
    error_last_year: float | None
    why: str
    """Why it is not shown; empty where it is."""

    @property
    def is_shown(self) -> bool:
        return not self.why


def back_test(flows: Sequence[MonthFlow], kept: float) -> list[PastForecast]:
    """Every forecast that could have been made in the past, in order, from the months known at its time alone."""
    found = []
    for n in range(FEWEST_MONTHS, len(flows)):
        known = flows[:n]
        said = expect(known, flows[n - 1].ended, flows[n].due_minor, kept)
        for each in said:
            months = flows[n : n + each.months]
            if len(months) < each.months:
                continue
            year = flows[n - 12 : n - 12 + each.months] if n >= 12 else []
            found.append(
                PastForecast(
                    flows[n - 1].ends_on,
                    each.months,
                    each.cash,
                    sum(flow.cash for flow in months),
                    each.months * flows[n - 1].cash,
                    sum(flow.cash for flow in year) if year else None,
                )
            )
    return found


def judge(now: Sequence[Expected], past: Sequence[PastForecast]) -> list[CashForecast]:
    """Each horizon's forecast, its interval and its record; not shown where a baseline was nearer."""
    return [_judge(each, [p for p in past if p.months == each.months]) for each in now]


def _judge(expected: Expected, past: Sequence[PastForecast]) -> CashForecast:
    # A forecast is known to be right or wrong only when its months are over: those before the last `months`.
    lag = expected.months - 1
    covered = _coverage(past, lag)
    width = conformal([each.miss for each in past])
    error = _mean([abs(each.said - each.came) for each in past])
    monthly = _mean([abs(each.last_month - each.came) for each in past])
    of_a_year = [each for each in past if each.last_year is not None]
    yearly = _mean([abs((each.last_year or 0) - each.came) for each in of_a_year])
    same_tests = _mean([abs(each.said - each.came) for each in of_a_year])
    why = ""
    if len(past) < FEWEST_TESTS or width is None:
        why = (
            f"Too little history: {len(past)} past forecasts have an outcome, and {FEWEST_TESTS} are needed."
        )
    elif error is not None and monthly is not None and error >= monthly:
        why = "Not shown: “the same as last month” was nearer to what came than this forecast."
    elif yearly is not None and same_tests is not None and same_tests >= yearly:
        why = "Not shown: “the same months last year” was nearer to what came than this forecast."
    half = 0.0 if width is None else width * expected.cash
    is_shown = not why
    return CashForecast(
        expected,
        max(0.0, expected.cash - half) if is_shown else None,
        expected.cash + half if is_shown else None,
        covered,
        len(past),
        error,
        monthly,
        yearly,
        why,
    )


def conformal(misses: Sequence[float], coverage: float = COVERAGE) -> float | None:
    """The miss that a new forecast stays within with the chance `coverage`; None for too few misses."""
    rank = math.ceil((len(misses) + 1) * coverage)
    return sorted(misses)[rank - 1] if 0 < rank <= len(misses) else None


def _coverage(past: Sequence[PastForecast], lag: int) -> float | None:
    """The share of times that the interval, from the misses known then, held the cash that came."""
    held = []
    for n in range(len(past)):
        width = conformal([each.miss for each in past[: max(0, n - lag)]])
        if width is not None:
            held.append(past[n].miss <= width)
    return sum(held) / len(held) if len(held) >= FEWEST_TESTS else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
