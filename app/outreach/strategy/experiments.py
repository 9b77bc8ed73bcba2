"""Champion against challenger: the arm of a customer, the number of cases needed, and the reading of the results. Pure.

Sources: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
Medicine 17 (1998) 873-890, method 10; E. B. Wilson, JASA 22 (1927) 209-212; the sample size of two proportions by the
normal approximation, J. L. Fleiss, Statistical Methods for Rates and Proportions (1981), section 3.2; B. L. Welch,
Biometrika 34 (1947) for the difference of means, with the normal quantile in place of Student's, as the samples are
large.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

WITHIN_DAYS = 30
"""Days after a case joined in which a result counts."""
FEWEST = 100
"""Cases in each arm below which nothing is said about a winner, for any interval: the approximations are poor."""


class Arm(StrEnum):
    CHAMPION = "champion"
    CHALLENGER = "challenger"


def arm_of(experiment_id: int, customer_id: int, share_percent: int) -> Arm:
    """By the first eight bytes of SHA-256 over 'experiment:customer': random over customers, the same every time."""
    digest = hashlib.sha256(f"{experiment_id}:{customer_id}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") * 100 >> 64
    return Arm.CHALLENGER if drawn < share_percent else Arm.CHAMPION


def sample_size(baseline: float, difference: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Cases in each of two equal arms to find `baseline` against `baseline + difference`, two-sided.

    ValueError where one of the rates lies outside 0 to 1, or nothing is to be found.
    """
    other = baseline + difference
    if not (0 < baseline < 1 and 0 < other < 1) or difference == 0:
        raise ValueError("both rates must lie between 0 and 100 %, and differ")
    normal = NormalDist()
    of_alpha, of_power = normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)
    mean = (baseline + other) / 2
    pooled = of_alpha * math.sqrt(2 * mean * (1 - mean))
    apart = of_power * math.sqrt(baseline * (1 - baseline) + other * (1 - other))
    return math.ceil(((pooled + apart) / difference) ** 2)


def smaller_arm_share(share_percent: int) -> float:
    """Share of all cases that the smaller arm gets."""
    return min(share_percent, 100 - share_percent) / 100


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) of nothing."""
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(x1: int, n1: int, x2: int, n2: int) -> tuple[float, float]:
    """95 % interval of x1/n1 - x2/n2 by Newcombe's hybrid score method; (-1, 1) where an arm is empty."""
    if n1 == 0 or n2 == 0:
        return -1.0, 1.0
    p1, p2 = x1 / n1, x2 / n2
    (low1, high1), (low2, high2) = wilson(x1, n1), wilson(x2, n2)
    below = math.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    above = math.sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return p1 - p2 - below, p1 - p2 + above


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Cases of one arm that joined at least 30 days ago, regardless of what they were then sent (intention to treat).

    `recovered`: sum of what they paid within 30 days, in minor units; `recovered_squares` the sum of its squares.
    """

    joined: int
    """All that joined; the other figures are of those whose 30 days are over."""
    cases: int
    cured: int
    recovered: int
    recovered_squares: int

    @property
    def cure_rate(self) -> float | None:
        return self.cured / self.cases if self.cases else None

    @property
    def cure_interval(self) -> tuple[float, float]:
        return wilson(self.cured, self.cases)

    @property
    def mean(self) -> float | None:
        """Recovered per case, minor units."""
        return self.recovered / self.cases if self.cases else None

    @property
    def mean_variance(self) -> float:
        """Variance of the mean, minor units squared."""
        if self.cases < 2:
            return math.inf
        spread = self.recovered_squares - self.recovered**2 / self.cases
        return max(0.0, spread) / (self.cases - 1) / self.cases

    @property
    def mean_interval(self) -> tuple[float, float] | None:
        if self.mean is None or self.cases < 2:
            return None
        half = NormalDist().inv_cdf(0.975) * math.sqrt(self.mean_variance)
        return self.mean - half, self.mean + half


class Verdict(StrEnum):
    NOT_ENOUGH = "not_enough"
    NO_DIFFERENCE = "no_difference"
    CHALLENGER = "challenger"
    CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger less champion, each with its 95 % interval."""

    champion: ArmResult
    challenger: ArmResult
    cure_difference: tuple[float, float, float] | None
    """(difference, low, high); None while an arm is empty."""
    mean_difference: tuple[float, float, float] | None
    """Of what was recovered per case, minor units."""
    verdict: Verdict
    wanted: int
    """Cases in each arm before anything is said."""


def compare(champion: ArmResult, challenger: ArmResult, cases_wanted: int = 0) -> Comparison:
    """Judge by the cure rate alone, once: the planned number of cases is reached in both arms, and the interval of
    the difference leaves zero out. Looking every day and stopping at the first difference would find one where
    there is none."""
    wanted = max(FEWEST, cases_wanted)
    cure = mean = None
    if champion.cases and challenger.cases:
        low, high = newcombe(challenger.cured, challenger.cases, champion.cured, champion.cases)
        cure = ((challenger.cure_rate or 0.0) - (champion.cure_rate or 0.0), low, high)
    if champion.cases > 1 and challenger.cases > 1:
        found = (challenger.mean or 0.0) - (champion.mean or 0.0)
        half = NormalDist().inv_cdf(0.975) * math.sqrt(champion.mean_variance + challenger.mean_variance)
        mean = (found, found - half, found + half)
    verdict = Verdict.NO_DIFFERENCE
    if cure is None or min(champion.cases, challenger.cases) < wanted:
        verdict = Verdict.NOT_ENOUGH
    elif cure[1] > 0:
        verdict = Verdict.CHALLENGER
    elif cure[2] < 0:
        verdict = Verdict.CHAMPION
    return Comparison(champion, challenger, cure, mean, verdict, wanted)
