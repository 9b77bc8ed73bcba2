"""A person's figure against what the team would have had with the same cases, shrunk toward the team. Pure.

Sources: indirect standardisation, D. J. Spiegelhalter, "Funnel plots for comparing institutional performance",
Statistics in Medicine 24 (2005) 1185-1202 (limits at 95 and 99.8 %); the variance between people by moments, R.
DerSimonian and N. Laird, Controlled Clinical Trials 7 (1986) 177-188; empirical Bayes, C. N. Morris, JASA 78 (1983)
47-55. That ranks of raw means mislead: Y. He, F. Selck, S.-L. T. Normand, PMC6400472.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

FEWEST_CASES = 50
"""Cases below which nothing is estimated about a person."""
FEWEST_PEOPLE = 3
"""People with enough cases below whom there is no team to compare with."""
Z95, Z998 = (NormalDist().inv_cdf(0.5 + level / 2) for level in (0.95, 0.998))
BANDS = 3


@dataclass(frozen=True, slots=True)
class WorkedCase:
    """One thing a person worked: a case, a call, or a promise.

    `exposure`: what the outcome is a share of: 1 for a case or a call, the past due in minor units for an amount.
    """

    person: str
    stratum: Hashable
    """Cases of the same bucket and balance band."""
    exposure: int
    outcome: int


@dataclass(frozen=True, slots=True)
class PersonFigure:
    """One person's figure."""

    person: str
    cases: int
    observed: int
    expected: float
    """What the team's rates give for the same cases."""
    error: float
    """Standard error of observed / expected, from the spread within strata."""
    shrunk: float | None = None
    """The ratio after shrinking toward the team's; None where nothing is estimated."""
    low: float | None = None
    high: float | None = None
    above_median: float | None = None
    """Chance that the true ratio lies above the team's median."""

    @property
    def ratio(self) -> float | None:
        """Observed over expected; 1 = as the team with the same cases."""
        return self.observed / self.expected if self.expected > 0 else None

    @property
    def is_estimated(self) -> bool:
        return self.shrunk is not None

    def limits(self, z: float = Z95) -> tuple[float, float]:
        """The limits of the ratio by chance alone: the funnel at this person's number of cases."""
        return max(0.0, 1 - z * self.error), 1 + z * self.error

    @property
    def is_outside(self) -> bool:
        """Beyond the limits of 99.8 %: more than chance and mix."""
        low, high = self.limits(Z998)
        return self.is_estimated and self.ratio is not None and not low <= self.ratio <= high


@dataclass(frozen=True, slots=True)
class TeamFigure:
    """A figure of a team: its rate, how much people differ beyond chance, and each of them by name."""

    observed: int
    exposure: int
    between: float
    """Standard deviation of true ratios between people; 0 = chance and mix explain all differences."""
    people: Sequence[PersonFigure]

    @property
    def rate(self) -> float | None:
        return self.observed / self.exposure if self.exposure else None

    def of(self, person: str) -> PersonFigure | None:
        return next((each for each in self.people if each.person == person), None)


def bands(amounts: Sequence[int]) -> tuple[int, ...]:
    """Edges that cut amounts into thirds; an amount belongs to the band of the edges that it reaches."""
    ordered = sorted(amounts)
    return tuple(ordered[len(ordered) * n // BANDS] for n in range(1, BANDS)) if ordered else ()


def band_of(amount: int, edges: Sequence[int]) -> int:
    return sum(amount >= edge for edge in edges)


def compare_people(cases: Iterable[WorkedCase], *, fewest: int = FEWEST_CASES) -> TeamFigure:
    """Each person against the team's rates in the same strata, in the order of names: nobody is ranked."""
    rows = [case for case in cases if case.exposure > 0]
    rates = _rates(rows)
    spread = _spread(rows, rates)
    by_person: dict[str, list[WorkedCase]] = defaultdict(list)
    for row in rows:
        by_person[row.person].append(row)
    people = [_standardised(name, by_person[name], rates, spread) for name in sorted(by_person)]
    shrunk, between = _shrink(people, fewest)
    return TeamFigure(
        sum(row.outcome for row in rows), sum(row.exposure for row in rows), between, tuple(shrunk)
    )


def _rates(rows: Sequence[WorkedCase]) -> Mapping[Hashable, float]:
    sums: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        sums[row.stratum][0] += row.outcome
        sums[row.stratum][1] += row.exposure
    return {stratum: outcome / exposure for stratum, (outcome, exposure) in sums.items()}


def _spread(rows: Sequence[WorkedCase], rates: Mapping[Hashable, float]) -> Mapping[Hashable, float]:
    """Mean square of what a case was off its stratum's rate; of all strata, for one with a single case."""
    squares: dict[Hashable, list[float]] = defaultdict(list)
    for row in rows:
        squares[row.stratum].append((row.outcome - rates[row.stratum] * row.exposure) ** 2)
    every = [square for each in squares.values() for square in each]
    overall = sum(every) / len(every) if every else 0.0
    return {s: sum(each) / (len(each) - 1) if len(each) > 1 else overall for s, each in squares.items()}


def _standardised(
    person: str,
    rows: Sequence[WorkedCase],
    rates: Mapping[Hashable, float],
    spread: Mapping[Hashable, float],
) -> PersonFigure:
    expected = sum(rates[row.stratum] * row.exposure for row in rows)
    variance = sum(spread[row.stratum] for row in rows)
    error = math.sqrt(variance) / expected if expected > 0 else math.inf
    return PersonFigure(person, len(rows), sum(row.outcome for row in rows), expected, error)


def _shrink(people: Sequence[PersonFigure], fewest: int) -> tuple[list[PersonFigure], float]:
    """Posterior of each person with enough cases; `between` by the method of moments."""
    known = [(each, each.ratio) for each in people if each.cases >= fewest and 0 < each.error < math.inf]
    found = [(each, ratio) for each, ratio in known if ratio is not None]
    if len(found) < FEWEST_PEOPLE:
        return list(people), 0.0
    weights = [1 / each.error**2 for each, _ in found]
    total = sum(weights)
    mean = sum(w * ratio for w, (_, ratio) in zip(weights, found, strict=True)) / total
    q = sum(w * (ratio - mean) ** 2 for w, (_, ratio) in zip(weights, found, strict=True))
    room = total - sum(w * w for w in weights) / total
    tau2 = max(0.0, (q - (len(found) - 1)) / room)
    again = [1 / (each.error**2 + tau2) for each, _ in found]
    mean = sum(w * ratio for w, (_, ratio) in zip(again, found, strict=True)) / sum(again)
    posterior = {}
    for each, ratio in found:
        kept = tau2 / (tau2 + each.error**2)
        variance = kept * each.error**2 + (1 - kept) ** 2 / sum(again)
        posterior[each.person] = (kept * ratio + (1 - kept) * mean, math.sqrt(variance))
    middle = median(centre for centre, _ in posterior.values())
    return [_with(each, posterior.get(each.person), middle, tau2) for each in people], math.sqrt(tau2)


def _with(
    each: PersonFigure, posterior: tuple[float, float] | None, middle: float, tau2: float
) -> PersonFigure:
    if posterior is None:
        return each
    centre, deviation = posterior
    above = 1 - NormalDist(centre, deviation).cdf(middle) if tau2 and deviation else 0.5
    low, high = max(0.0, centre - Z95 * deviation), centre + Z95 * deviation
    return PersonFigure(
        each.person, each.cases, each.observed, each.expected, each.error, centre, low, high, above
    )
