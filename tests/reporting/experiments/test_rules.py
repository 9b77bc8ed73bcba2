"""The verdict about an experiment, and the intervals of one arm."""

from __future__ import annotations

import pytest

from app.casework.risk.measures import wilson
from app.outreach.strategy.experiments import FEWEST, PrimaryFigure
from app.reporting.experiments.arms import Moments
from app.reporting.experiments.rules import ArmResult, Verdict, compare
from app.reporting.experiments.safeguards import Guardrail, GuardrailResult


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def arm(cases: int, cured: int) -> ArmResult:
    """Each cured case paid 100."""
    return ArmResult(
        cases,
        Moments.of((int(n < cured), 10) for n in range(cases)),
        Moments.of((100 if n < cured else 0, 10) for n in range(cases)),
        cured,
    )


@pytest.mark.parametrize(
    ("champion", "challenger", "wanted", "verdict"),
    [
        (arm(0, 0), arm(0, 0), 0, Verdict.NOT_ENOUGH),
        (arm(FEWEST - 1, 10), arm(FEWEST - 1, 90), 0, Verdict.NOT_ENOUGH),
        (arm(FEWEST, 10), arm(FEWEST, 90), 0, Verdict.CHALLENGER),
        (arm(FEWEST, 10), arm(FEWEST, 90), 1_000, Verdict.CHALLENGER),
        (arm(FEWEST, 90), arm(FEWEST, 10), FEWEST, Verdict.CHAMPION),
        (arm(400, 80), arm(400, 85), 0, Verdict.NO_DIFFERENCE),
        (arm(400, 80), arm(400, 85), 500, Verdict.UNDECIDED),
        (arm(400, 0), arm(400, 9), 0, Verdict.NOT_ENOUGH),
        (arm(400, 80), arm(600, 110), 0, Verdict.UNEVEN),
    ],
)
def test_the_primary_figure_decides_on_any_day(
    champion: ArmResult, challenger: ArmResult, wanted: int, verdict: Verdict
) -> None:
    assert compare(champion, challenger, 50, wanted).verdict is verdict
    paid = compare(champion, challenger, 50, wanted, PrimaryFigure.RECOVERED)
    assert (paid.verdict, paid.primary) == (verdict, PrimaryFigure.RECOVERED)


def test_harm_comes_before_any_success() -> None:
    harm = GuardrailResult(Guardrail.COMPLAINTS, 1, 20, 9.0, 4.0)
    found = compare(arm(FEWEST, 10), arm(FEWEST, 90), 50, guardrails=[harm])
    assert found.verdict is Verdict.HARM
    assert found.cured is not None
    assert found.cured.leaves_zero_out
