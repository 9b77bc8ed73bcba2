"""The draw and the guardrails: what they find, and how rarely they are wrong when asked every night."""

from __future__ import annotations

import random

import pytest

from app.reporting.experiments.safeguards import Guardrail, Incident, sample_ratio, watch


@pytest.mark.parametrize(
    ("champion", "challenger", "share", "p_value", "uneven"),
    [
        # Chi-square 4, 0, 36, 25, 0 and 12: both tails of the normal distribution at the square root.
        (4_900, 5_100, 50, 0.0455003, False),
        (8_000, 2_000, 20, 1.0, False),
        (4_700, 5_300, 50, 1.9732e-09, True),
        (8_200, 1_800, 20, 5.7330e-07, True),
        (10, 10, 50, 1.0, False),
        (0, 12, 50, 5.3201e-04, False),
    ],
)
def test_the_draw_against_the_plan(
    champion: int, challenger: int, share: int, p_value: float, uneven: bool
) -> None:
    found = sample_ratio(champion, challenger, share)
    assert found.p_value == pytest.approx(p_value, rel=1e-3)
    assert found.is_uneven is uneven


def test_nobody_drawn_is_no_fault() -> None:
    assert not sample_ratio(0, 0, 20).is_uneven


def test_a_fair_draw_looked_at_every_day_is_not_called_uneven() -> None:
    draw, alarms = random.Random(3), 0
    for _ in range(60):
        counts, seen = [0, 0], False
        for _day in range(100):
            for _case in range(20):
                counts[draw.random() < 0.2] += 1
            seen = seen or sample_ratio(*counts, 20).is_uneven
        alarms += seen
    assert alarms == 0


def incidents(draw: random.Random, days: int, times: float) -> list[Incident]:
    """Every day 10 customers join each arm for 30 days; one in 2,000 has an incident a day, `times` as many in the
    challenger's."""
    found = []
    for day in range(days):
        at_risk = 10 * min(30, day)
        for in_challenger in (False, True):
            chance = (times if in_challenger else 1) / 2_000
            found += [
                Incident(in_challenger, at_risk, at_risk) for _ in range(at_risk) if draw.random() < chance
            ]
    return found


def test_a_harmless_challenger_is_stopped_by_one_of_three_guardrails_in_5_of_100_at_most() -> None:
    draw, runs = random.Random(5), 60
    stopped = sum(
        any(watch(guardrail, incidents(draw, 120, 1)).is_harmful for guardrail in Guardrail)
        for _ in range(runs)
    )
    assert stopped <= 0.05 * runs


def test_a_harmful_challenger_is_stopped_soon() -> None:
    draw = random.Random(9)
    found = [watch(Guardrail.COMPLAINTS, incidents(draw, 120, 4)) for _ in range(25)]
    assert sum(each.is_harmful for each in found) >= 23
    assert all(each.challenger > each.champion for each in found)


def test_evidence_does_not_fall_once_a_night_has_seen_it() -> None:
    bad = [Incident(True, 100, 100)] * 12
    after = [Incident(False, 100, 100)] * 30
    assert watch(Guardrail.OPT_OUTS, bad).is_harmful
    assert watch(Guardrail.OPT_OUTS, bad + after).is_harmful
    assert not watch(Guardrail.OPT_OUTS, after).is_harmful, "fewer than under the champion is no harm"


def test_an_incident_that_only_one_arm_could_have_says_nothing() -> None:
    assert watch(Guardrail.HARDSHIP, [Incident(True, 0, 50)] * 40).evidence == 0
