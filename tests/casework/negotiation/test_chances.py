"""The chance that a negotiation ranks by, and how it is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from app.casework.negotiation.options import solve
from app.casework.negotiation.record.chances import chance_from, chance_of, chance_text
from app.casework.negotiation.solver.chance import BaseChance
from app.casework.plans.rules import Instalment, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.casework.risk.features import FEATURE_LABELS, Standing
from app.casework.risk.rules import BaseRate, Isotonic, RiskChance, RiskModel, Scorecard, Sigmoid, Weight
from tests.casework.negotiation.solver_facts import TODAY, facts, said

WEIGHTS = tuple(Weight(name, 0.5, 1.5, 0.1) for name in FEATURE_LABELS)
SIGMOID = Scorecard(-2.0, WEIGHTS, sigmoid=Sigmoid(1.1, -0.2))
ISOTONIC = Scorecard(-2.0, WEIGHTS, isotonic=Isotonic(((-3.0, 0.01), (0.0, 0.1), (3.0, 0.6))))


def risk(card: Scorecard | None, base: BaseRate = BaseRate(5, 200, 80)) -> RiskChance:  # noqa: B008 - frozen
    return RiskChance(replace(RiskModel(base), card=card), Standing(30, 1, 0, 5_000), TODAY)


@pytest.mark.parametrize("card", [SIGMOID, ISOTONIC])
def test_a_model_is_used_and_comes_back_from_its_text(card: Scorecard) -> None:
    chance = chance_from(risk(card))
    assert isinstance(chance, RiskChance)
    again = chance_of(chance_text(chance))
    assert again == chance
    given = facts(said(12_000, 5_000))
    assert solve(given, again) == solve(given, chance)
    assert chance_text(again) == chance_text(chance)


@pytest.mark.parametrize("base", [BaseRate(), BaseRate(1, 40, 49), BaseRate(5, 200, 80)])
def test_without_a_model_the_base_chances_take_the_level_of_the_history(base: BaseRate) -> None:
    """The prior holds them near their own figures while there is little history."""
    model = risk(None, base).model
    chance = chance_from(risk(None, base))
    assert chance == BaseChance(model.label, 1 - base.first, base.monthly)
    assert chance_of(chance_text(chance)) == chance
    if base == BaseRate():
        assert chance == BaseChance("too little history", first=pytest.approx(0.85), monthly_break=0.04)


def test_without_a_model_the_risk_is_by_time_not_by_the_number_of_instalments() -> None:
    weekly = [Instalment(n, TODAY + timedelta(days=7 * n), 1_000) for n in range(1, 28)]
    monthly = [Instalment(n, TODAY + timedelta(days=7 + 30 * n), 5_000) for n in range(7)]
    terms = AgreementTerms(PlanKind.INSTALMENTS, 30_000, weekly[0].due_on)
    chance = chance_from(risk(None, BaseRate()))
    by_week, by_month = chance(terms, weekly), chance(terms, monthly)
    assert by_week[-1] == pytest.approx(by_month[-1], rel=0.01)
    assert by_month[0] == pytest.approx(0.85)
    for found in (by_week, by_month):
        assert all(0 < later < earlier < 1 for earlier, later in pairwise(found))
