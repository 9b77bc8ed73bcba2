"""Drawing and sample size, against published figures."""

from __future__ import annotations

import math

import pytest

from app.outreach.strategy.experiments import (
    Arm,
    arm_of,
    sample_size,
    smaller_arm_share,
)


@pytest.mark.parametrize("share", [1, 20, 50, 99])
def test_the_draw_is_stable_has_the_asked_share_and_differs_between_experiments(share: int) -> None:
    drawn = [arm_of(1, customer, share) for customer in range(10_000)]
    assert drawn == [arm_of(1, customer, share) for customer in range(10_000)]
    challengers = drawn.count(Arm.CHALLENGER)
    assert abs(challengers - 100 * share) < 4 * math.sqrt(10_000 * share / 100 * (1 - share / 100))
    if share == 50:
        same = sum(a is arm_of(2, customer, share) for customer, a in enumerate(drawn))
        assert 4_800 < same < 5_200, "who got what last time says nothing about this time"


@pytest.mark.parametrize(
    ("baseline", "difference", "cases"),
    [
        # Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, (4.14): 5 % two-sided, power 80 %.
        (0.5, 0.1, 388),
        (0.1, 0.05, 686),
        (0.2, -0.05, 906),
        (0.01, 0.01, 2319),
    ],
)
def test_sample_size(baseline: float, difference: float, cases: int) -> None:
    assert sample_size(baseline, difference) == cases


@pytest.mark.parametrize(
    ("baseline", "difference"), [(0.5, 0), (0, 0.1), (0.9, 0.1), (0.05, -0.05), (1.2, 0.1)]
)
def test_a_sample_size_of_nothing_is_refused(baseline: float, difference: float) -> None:
    with pytest.raises(ValueError):
        sample_size(baseline, difference)


def test_the_smaller_arm_decides_how_long_it_takes() -> None:
    assert (smaller_arm_share(50), smaller_arm_share(20), smaller_arm_share(90)) == (0.5, 0.2, 0.1)
