"""Measures of a chance against the outcomes: Brier score, calibration, drift. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

Z95 = 1.959964
BINS = 10
LEAST_IN_A_BIN = 20
ROUNDING = 1e-12
"""Relative variance below which a figure is constant, but for the rounding of floats."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Instalments of about the same hazard: what was said, and what came, with the 95 % interval of Wilson."""

    said: float
    came: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Measures:
    """A model on a period later than the one it was trained on, beside the base rate on the same instalments."""

    outcomes: int
    breaks: int
    brier: float
    base_brier: float
    slope: float
    """Calibration slope: 1 = as sure as it should be, below = too sure."""
    offset: float
    ece: float
    """Expected calibration error: the mean distance between said and came over the bins."""
    bins: tuple[Bin, ...]

    @property
    def gain(self) -> float:
        """Share by which the Brier score is below the base rate's; not above 0 = the model is no better."""
        return 1 - self.brier / self.base_brier if self.base_brier else 0.0


def measure(said: Sequence[float], came: Sequence[bool], base: float) -> Measures:
    """Compare hazards with outcomes (True = broke). `base`: the base rate known before the period."""
    slope, offset = calibration_line(said, came)
    found = reliability(said, came)
    ece = sum(each.count * abs(each.said - each.came) for each in found) / max(1, len(came))
    return Measures(
        len(came),
        sum(came),
        brier(said, came),
        brier([base] * len(came), came),
        slope,
        offset,
        ece,
        tuple(found),
    )


def brier(said: Sequence[float], came: Sequence[bool]) -> float:
    """Mean squared distance; 0 is perfect."""
    return sum((p - y) ** 2 for p, y in zip(said, came, strict=True)) / max(1, len(came))


def reliability(said: Sequence[float], came: Sequence[bool]) -> list[Bin]:
    """Bins of about equal size, in order of what was said."""
    # By what was said alone: among equals an order by what came would fill one bin with breaks and the next with none.
    pairs = sorted(zip(said, came, strict=True), key=lambda pair: pair[0])
    bins = max(1, min(BINS, len(pairs) // LEAST_IN_A_BIN))
    edges = [round(len(pairs) * n / bins) for n in range(bins + 1)]
    found = []
    for begin, end in pairwise(edges):
        part = pairs[begin:end]
        if part:
            broke = sum(y for _, y in part)
            low, high = wilson(broke, len(part))
            found.append(Bin(sum(p for p, _ in part) / len(part), broke / len(part), low, high, len(part)))
    return found


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share (E. B. Wilson, JASA 22 (1927) 209-212); (0, 1) of nothing."""
    if not trials:
        return 0.0, 1.0
    share, z2 = hits / trials, Z95 * Z95
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def calibration_line(said: Sequence[float], came: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of the logistic regression of outcomes on the log odds of what was said (Cox 1958), by Newton's
    method. (1, 0) is perfect; (0, ..) where the outcomes or the chances are all alike."""
    logits = [log(p / (1 - p)) for p in said]
    broke = sum(came)
    if not logits or broke in (0, len(came)) or max(logits) - min(logits) < 1e-9:
        return 0.0, 0.0
    slope, offset = 1.0, 0.0
    for _ in range(50):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for x, y in zip(logits, came, strict=True):
            p = 1 / (1 + exp(-max(-30.0, min(30.0, offset + slope * x))))
            w = p * (1 - p)
            g0, g1 = g0 + y - p, g1 + (y - p) * x
            h00, h01, h11 = h00 + w, h01 + w * x, h11 + w * x * x
        det = h00 * h11 - h01 * h01
        if det < 1e-12:
            break
        step0, step1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        offset, slope = offset + step0, slope + step1
        if abs(step0) + abs(step1) < 1e-10:
            break
    return slope, offset


def drift(then: Sequence[float], now: Sequence[float], parts: int = 10) -> float:
    """Population stability index of one figure between two periods; from 0.25 on it has clearly moved."""
    if not then or not now:
        return 0.0
    ordered = sorted(then)
    edges = sorted({ordered[len(ordered) * n // parts] for n in range(1, parts)})
    total = 0.0
    for share_then, share_now in zip(_shares(then, edges), _shares(now, edges), strict=True):
        total += (share_now - share_then) * log(share_now / share_then)
    return total


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(edge <= value for edge in edges)] += 1
    return [max(count, 0.5) / len(values) for count in counts]


def explained_share(values: Sequence[float], groups: Sequence[str]) -> float:
    """Share of a figure's variance that a grouping explains, adjusted for the number of groups (epsilon squared,
    Kelley 1935): 0 where it explains no more than chance. A feature that a protected group explains well is its proxy.
    """
    sums: dict[str, tuple[float, int]] = {}
    for value, group in zip(values, groups, strict=True):
        total, count = sums.get(group, (0.0, 0))
        sums[group] = (total + value, count + 1)
    if len(sums) < 2 or len(values) <= len(sums):
        return 0.0
    mean = sum(values) / len(values)
    whole = sum((value - mean) ** 2 for value in values)
    between = sum(count * (total / count - mean) ** 2 for total, count in sums.values())
    if whole <= ROUNDING * len(values) * (1 + mean * mean):
        return 0.0
    return max(0.0, 1 - (whole - between) / whole * (len(values) - 1) / (len(values) - len(sums)))
