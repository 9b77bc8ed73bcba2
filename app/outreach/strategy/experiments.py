"""Champion against challenger: the arm of a customer, the number of cases needed, and the rule by which it ends. Pure.

`app/reporting/experiments` reads the results. Source of the sample size of two proportions by the normal approximation:
J. L. Fleiss, Statistical Methods for Rates and Proportions (1981), section 3.2.
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
MOST_DAYS = 730
"""Longest run of an experiment."""
STOP_RULE = "1"
"""Version of `app.reporting.experiments`: raise it when an interval or a guardrail changes its meaning."""


class Arm(StrEnum):
    CHAMPION = "champion"
    CHALLENGER = "challenger"


class PrimaryFigure(StrEnum):
    """The one figure that decides, chosen before the start."""

    CURED = "cured"
    """Share of the cases that were cured within 30 days."""
    RECOVERED = "recovered"
    """Paid within 30 days, per case."""


class EndReason(StrEnum):
    """Why an experiment ended."""

    PERSON = "person"
    """A person ended it, or put another version live."""
    LAST_DAY = "last_day"
    COMPLAINTS = "complaints"
    """A guardrail: customers of the challenger complained more."""
    OPT_OUTS = "opt_outs"
    HARDSHIP = "hardship"


@dataclass(frozen=True, slots=True)
class StopTerms:
    """The stop rule of an experiment and its primary figure, fixed before it starts."""

    primary_figure: PrimaryFigure = PrimaryFigure.CURED
    days: int = 180
    """After which it ends, whatever it found."""


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
