"""Adjusted difference and always-valid interval: against regression, against integration, and by simulation."""

from __future__ import annotations

import math
import random
from itertools import accumulate

import pytest

from app.reporting.experiments.arms import ALPHA, Difference, Moments, difference, half_width

LOOKS = 200


def test_the_adjusted_difference_is_the_coefficient_of_a_regression_on_arm_and_past_due() -> None:
    champion = [(0, 10), (1, 40), (3, 50), (2, 20), (6, 90)]
    challenger = [(4, 30), (2, 10), (9, 80), (5, 60)]
    found = difference(Moments.of(champion), Moments.of(challenger), 100)
    assert found is not None
    assert found.value == pytest.approx(least_squares(champion, challenger)[1])
    assert found.slope == pytest.approx(least_squares(champion, challenger)[2])
    assert found.low < found.value < found.high
    assert 0 < found.explained < 1


def least_squares(champion: list[tuple[int, int]], challenger: list[tuple[int, int]]) -> list[float]:
    """Solve the normal equations of y on 1, arm and x by elimination."""
    rows = [(1.0, 0.0, float(x), float(y)) for y, x in champion]
    rows += [(1.0, 1.0, float(x), float(y)) for y, x in challenger]
    table = [[sum(row[i] * row[j] for row in rows) for j in range(4)] for i in range(3)]
    for n in range(3):
        table[n] = [value / table[n][n] for value in table[n]]
        for other in range(3):
            if other != n:
                table[other] = [a - table[other][n] * b for a, b in zip(table[other], table[n], strict=True)]
    return [row[3] for row in table]


def test_at_its_edge_the_mixture_of_likelihood_ratios_is_one_over_alpha() -> None:
    """The interval inverts the integral of exp(l s - n l^2 / 2) over a normal prior of l; integrated here in steps."""
    n, planned = 500, 2_000
    rho2 = (-2 * math.log(ALPHA) + math.log(-2 * math.log(ALPHA) + 1)) / planned
    edge = half_width(n, 1 / n, planned) * n  # variance 1 a case
    steps = [k / 20_000 for k in range(-20_000, 20_001)]
    density = [math.exp(step * edge - n * step**2 / 2 - step**2 / (2 * rho2)) for step in steps]
    mixture = sum(density) / 20_000 / math.sqrt(2 * math.pi * rho2)
    assert mixture == pytest.approx(1 / ALPHA, rel=1e-3)


@pytest.mark.parametrize("what", ["cured", "amounts"])
def test_an_a_a_experiment_looked_at_on_200_days_is_wrong_at_most_5_percent_of_the_time(what: str) -> None:
    """Ten cases a day; amounts are mostly nothing and otherwise long-tailed. A z-test at each look goes along."""
    draw, runs, wrong, naive = random.Random(16), 100, 0, 0
    for _ in range(runs):
        arms: list[list[tuple[int, int]]] = [[], []]
        ends: list[list[int]] = [[], []]
        for _day in range(LOOKS):
            for _case in range(10):
                before = int(draw.expovariate(1 / 300)) + 50
                paid = int(draw.expovariate(1 / 900)) + before // 2 if draw.random() < 0.3 else 0
                arms[draw.random() < 0.5].append((int(paid > 0) if what == "cured" else paid, before))
            for arm, end in zip(arms, ends, strict=True):
                end.append(len(arm))
        days = zip(*(sums(*each) for each in zip(arms, ends, strict=True)), strict=True)
        looked = [difference(*both, 2_000) for n, both in enumerate(days) if n >= 24]
        wrong += any(each is not None and each.leaves_zero_out for each in looked)
        naive += any(each is not None and _naively(each, n) for n, each in enumerate(looked))
    assert wrong <= 0.05 * runs
    assert naive > 0.15 * runs, "the same looks with an interval for one look"


def sums(arm: list[tuple[int, int]], ends: list[int]) -> list[Moments]:
    """The moments as of each look."""
    columns = [
        [0, *accumulate(f(y, x) for y, x in arm)]
        for f in (
            lambda y, x: y, lambda y, x: y * y, lambda y, x: x, lambda y, x: x * x, lambda y, x: x * y,
        )
    ]  # fmt: skip
    return [Moments(end, *(column[end] for column in columns)) for end in ends]


def _naively(found: Difference, n: int) -> bool:
    """True if 1.96 standard errors leave zero out; `n` looks after the 25th day."""
    cases = 10 * (n + 25)
    scale = half_width(cases, 1.0, 2_000)
    return abs(found.value) > 1.96 * (found.high - found.value) / scale


def test_a_true_difference_is_found_and_the_past_due_before_narrows_its_interval() -> None:
    draw = random.Random(7)

    def arm(effect: int) -> list[tuple[int, int]]:
        rows = []
        for _ in range(1_500):
            before = int(draw.expovariate(1 / 500))
            rows.append((before // 2 + effect + int(draw.gauss(0, 60)), before))
        return rows

    champion, challenger = arm(0), arm(25)
    adjusted = difference(Moments.of(champion), Moments.of(challenger), 3_000)
    raw = difference(
        Moments.of((y, 0) for y, _ in champion), Moments.of((y, 0) for y, _ in challenger), 3_000
    )
    assert adjusted is not None
    assert raw is not None
    assert adjusted.low > 0
    assert adjusted.low < 25 < adjusted.high
    assert adjusted.high - adjusted.low < 0.4 * (raw.high - raw.low)
    assert raw.slope == 0


def test_nothing_is_said_of_an_arm_with_one_case() -> None:
    assert difference(Moments.of([(1, 1)]), Moments.of([(1, 1), (0, 1)]), 100) is None
    same = difference(Moments.of([(0, 5)] * 200), Moments.of([(0, 5)] * 200), 400)
    assert same is not None
    assert (same.value, same.leaves_zero_out) == (0.0, False)
