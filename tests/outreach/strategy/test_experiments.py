"""Drawing, sample size and intervals, against published figures and naive counting."""

from __future__ import annotations

import math

import pytest

from app.outreach.strategy.experiments import (
    FEWEST,
    Arm,
    ArmResult,
    Verdict,
    arm_of,
    compare,
    newcombe,
    sample_size,
    smaller_arm_share,
    wilson,
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


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_as_published(x1: int, n1: int, x2: int, n2: int, low: float, high: float) -> None:
    assert newcombe(x1, n1, x2, n2) == pytest.approx((low, high), abs=5e-5)


def arm(cases: int, cured: int, paid: list[int] | None = None) -> ArmResult:
    each = paid or [100 if n < cured else 0 for n in range(cases)]
    return ArmResult(cases, cases, cured, sum(each), sum(amount**2 for amount in each))


@pytest.mark.parametrize(
    ("champion", "challenger", "wanted", "verdict"),
    [
        (arm(0, 0), arm(0, 0), 0, Verdict.NOT_ENOUGH),
        (arm(FEWEST - 1, 10), arm(FEWEST - 1, 90), 0, Verdict.NOT_ENOUGH),
        (arm(FEWEST, 10), arm(FEWEST, 90), 0, Verdict.CHALLENGER),
        (arm(FEWEST, 10), arm(FEWEST, 90), FEWEST + 1, Verdict.NOT_ENOUGH),
        (arm(FEWEST, 90), arm(FEWEST, 10), FEWEST, Verdict.CHAMPION),
        (arm(400, 80), arm(400, 85), 0, Verdict.NO_DIFFERENCE),
        (arm(400, 80), arm(0, 0), 0, Verdict.NOT_ENOUGH),
    ],
)
def test_nothing_is_said_before_the_planned_cases_are_counted(
    champion: ArmResult, challenger: ArmResult, wanted: int, verdict: Verdict
) -> None:
    assert compare(champion, challenger, wanted).verdict is verdict


def test_amounts_are_compared_by_their_means() -> None:
    found = compare(arm(4, 0, [0, 0, 100, 300]), arm(4, 0, [100, 200, 200, 300]))
    assert found.champion.mean == 100
    assert found.mean_difference is not None
    difference, low, high = found.mean_difference
    # Variances of the samples 20,000 and 6,666.67, of four cases each.
    half = 1.959964 * math.sqrt(20_000 / 4 + 20_000 / 3 / 4)
    assert (difference, low, high) == pytest.approx((100, 100 - half, 100 + half), abs=1e-3)
    assert compare(arm(1, 0), arm(4, 0)).mean_difference is None
