"""The difference of two arms, less what the past due before explains, with an interval that holds on every day. Pure.

Sources: A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data", WSDM 2013 (CUPED); I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2 and appendix B.2
(the choice of rho).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

ALPHA = 0.05
"""Chance that an interval ever leaves the truth out, on however many days it is looked at."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the cases of one arm. Whole numbers, so that no order of addition changes them.

    `y` is the outcome: 1 or 0 for a cured case, minor units for an amount; `x` the past due before, minor units.
    """

    n: int = 0
    y: int = 0
    yy: int = 0
    x: int = 0
    xx: int = 0
    xy: int = 0

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Self:
        """From (outcome, past due before) of each case."""
        n = y = yy = x = xx = xy = 0
        for outcome, before in pairs:
            n, y, x = n + 1, y + outcome, x + before
            yy, xx, xy = yy + outcome * outcome, xx + before * before, xy + outcome * before
        return cls(n, y, yy, x, xx, xy)

    @property
    def mean(self) -> float | None:
        return self.y / self.n if self.n else None

    @property
    def within(self) -> tuple[float, float, float]:
        """Squares of y, squares of x and products, about the arm's own means."""
        if not self.n:
            return 0.0, 0.0, 0.0
        n = self.n
        return (
            (n * self.yy - self.y**2) / n,
            (n * self.xx - self.x**2) / n,
            (n * self.xy - self.x * self.y) / n,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger less champion, with the interval that holds on every day at once."""

    value: float
    low: float
    high: float
    slope: float
    """Of the outcome on the past due before; 0 where it explains nothing."""
    explained: float
    """Share of the outcome's variance that the past due before took away."""

    @property
    def leaves_zero_out(self) -> bool:
        return self.low > 0 or self.high < 0


def difference(
    champion: Moments, challenger: Moments, planned: int, *, alpha: float = ALPHA
) -> Difference | None:
    """The difference of means, each adjusted by the same slope on the past due before. None below two cases an arm.

    `planned`: cases of both arms at which the interval is narrowest for its chance of error; any number is valid.
    """
    if min(champion.n, challenger.n) < 2:
        return None
    inside = [arm.within for arm in (champion, challenger)]
    of_y, of_x, together = (sum(arm[part] for arm in inside) for part in range(3))
    slope = together / of_x if of_x > 0 else 0.0
    variance = sum(
        max(0.0, yy - 2 * slope * xy + slope * slope * xx) / (arm.n - 1) / arm.n
        for arm, (yy, xx, xy) in zip((champion, challenger), inside, strict=True)
    )
    value = challenger.y / challenger.n - champion.y / champion.n
    value -= slope * (challenger.x / challenger.n - champion.x / champion.n)
    half = half_width(champion.n + challenger.n, variance, planned, alpha=alpha)
    explained = slope * together / of_y if of_y > 0 else 0.0
    return Difference(value, value - half, value + half, slope, explained)


def half_width(n: int, variance: float, planned: int, *, alpha: float = ALPHA) -> float:
    """Half of the asymptotic confidence sequence after `n` cases; `variance` is that of the difference then."""
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / max(1, planned)
    grown = n * rho2 + 1
    return math.sqrt(variance * 2 * grown * math.log(math.sqrt(grown) / alpha) / (n * rho2))
