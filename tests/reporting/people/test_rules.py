"""Figures of people: by hand, against a known truth, and without a league table of chance."""

from __future__ import annotations

import random

import pytest

from app.reporting.people.rules import (
    FEWEST_CASES,
    TeamFigure,
    WorkedCase,
    band_of,
    bands,
    compare_people,
)


def cases(person: str, stratum: str, n: int, good: int) -> list[WorkedCase]:
    return [WorkedCase(person, stratum, 1, int(k < good)) for k in range(n)]


def test_the_same_mix_is_the_yardstick() -> None:
    """Ada works hard cases, Bo easy ones; both get what the team gets with such cases."""
    team = [
        *cases("ada", "late", 80, 16), *cases("ada", "early", 20, 12),
        *cases("bo", "late", 20, 4), *cases("bo", "early", 80, 48),
        *cases("cy", "late", 50, 10), *cases("cy", "early", 50, 30),
    ]  # fmt: skip
    found = compare_people(team)
    assert found.rate == 120 / 300
    assert [(each.person, each.observed) for each in found.people] == [("ada", 28), ("bo", 52), ("cy", 40)]
    for each in found.people:
        assert each.ratio == pytest.approx(1)
        assert (each.shrunk, each.above_median) == (pytest.approx(1), 0.5)
        assert not each.is_outside
    # Ada: 80 cases of variance 0.2 x 0.8 x 150/149 and 20 of 0.6 x 0.4 x 150/149, over the 28 that were expected.
    variance = (80 * 0.16 + 20 * 0.24) * 150 / 149
    assert found.people[0].error == pytest.approx(variance**0.5 / 28)
    assert found.between == 0


def test_nothing_is_said_about_few_cases_or_two_people() -> None:
    few = compare_people([*cases("ada", "s", 400, 80), *cases("bo", "s", 400, 90), *cases("cy", "s", 49, 40)])
    assert [each.is_estimated for each in few.people] == [False, False, False]
    assert few.people[2].cases == FEWEST_CASES - 1
    enough = compare_people(
        [*cases("ada", "s", 400, 80), *cases("bo", "s", 400, 90), *cases("cy", "s", 50, 12)]
    )
    assert all(each.is_estimated for each in enough.people)
    assert compare_people([]).people == ()
    assert compare_people([WorkedCase("ada", "s", 0, 0)]).rate is None


def team(seed: int, spread: float) -> tuple[TeamFigure, dict[str, float]]:
    """Twenty people with true ratios around 1, 60 to 400 cases each."""
    draw = random.Random(seed)
    truth = {f"p{n:02d}": max(0.1, draw.gauss(1, spread)) for n in range(20)}
    rows = []
    for name, ratio in truth.items():
        for _ in range(draw.randrange(60, 400)):
            stratum = draw.choice(["early", "late"])
            rate = {"early": 0.4, "late": 0.15}[stratum] * ratio
            rows.append(WorkedCase(name, stratum, 1, int(draw.random() < rate)))
    return compare_people(rows), truth


def test_against_a_known_truth_shrinking_is_nearer_and_intervals_hold() -> None:
    held = nearer = 0
    for seed in range(10):
        found, truth = team(seed, 0.15)
        middle = sum(truth.values()) / len(truth)
        raw = shrunk = 0.0
        for each in found.people:
            assert each.low is not None
            assert each.high is not None
            assert each.shrunk is not None
            assert each.ratio is not None
            true = truth[each.person] / middle
            held += each.low <= true <= each.high
            raw += (each.ratio - true) ** 2
            shrunk += (each.shrunk - true) ** 2
        nearer += shrunk < raw
        assert found.between == pytest.approx(0.15, abs=0.09)
    assert nearer >= 9
    assert held >= 0.9 * 200


def test_people_who_differ_by_chance_alone_are_not_told_apart() -> None:
    sure = outside = 0
    for seed in range(10):
        found, _ = team(seed, 0)
        sure += sum(
            each.above_median is not None and not 0.1 < each.above_median < 0.9 for each in found.people
        )
        outside += sum(each.is_outside for each in found.people)
    assert sure <= 6
    assert outside <= 3, "200 people, limits of 99.8 %"


def test_amounts_are_shares_of_what_was_past_due() -> None:
    rows = [
        WorkedCase(person, "s", 1_000 * (n % 5 + 1), 100 * (n % 7) * (2 if person == "cy" else 1))
        for person in ("ada", "bo", "cy") for n in range(70)
    ]  # fmt: skip
    found = compare_people(rows)
    ratios = [each.ratio for each in found.people]
    assert ratios == [pytest.approx(0.75), pytest.approx(0.75), pytest.approx(1.5)]
    cy = found.of("cy")
    assert cy is not None
    assert cy.above_median is not None
    assert cy.above_median > 0.95
    assert found.of("dan") is None


def test_bands_are_thirds() -> None:
    edges = bands([10, 20, 30, 40, 50, 60])
    assert edges == (30, 50)
    assert [band_of(amount, edges) for amount in (10, 29, 30, 49, 50, 999)] == [0, 0, 1, 1, 2, 2]
    assert (bands([]), band_of(5, ())) == ((), 0)
