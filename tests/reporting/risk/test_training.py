"""Training of the break-risk model: on data of a known truth, on too little of it, and where nothing moves the risk."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.casework.plans.rules import Instalment, PlanKind
from app.casework.risk.features import Promised, Standing, features_of
from app.casework.risk.outcomes import AgreementOutcome
from app.casework.risk.rules import Scorecard, logistic
from app.core.errors import Conflict
from app.reporting.risk import training
from app.reporting.risk.findings import read_findings
from app.reporting.risk.training import Trained, train

BEGIN = date(2025, 1, 6)
TRUTH = {
    "broken_before": 0.7,
    "paid_nothing": 0.8,
    "burden": 0.5,
    "instalment_number": -0.4,
    "days_past_due": 0.6,
}
INTERCEPT = -2.6


def world(
    count: int, seed: int, truth: dict[str, float], *, days: int = 500, language: str = ""
) -> list[AgreementOutcome]:
    """Agreements whose hazards are known; those that still run at the end are censored there."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable world
    end = BEGIN + timedelta(days=days)
    found = []
    for plan_id in range(count):
        agreed_on = BEGIN + timedelta(days=plan_id * days // count)
        payments = dice.choice([1, 3, 6, 9, 12])
        parts = [Instalment(n, agreed_on + timedelta(days=30 * n), 4_000) for n in range(1, payments + 1)]
        standing = Standing(
            days_past_due=dice.choice([10, 35, 65, 100, 150]),
            broken_before=dice.choice([0, 0, 0, 1, 2]),
            kept_before=dice.choice([0, 0, 1]),
            paid_recently_minor=dice.choice([0, 3_000, 9_000, 15_000, 40_000]),
        )
        kind = PlanKind.PROMISE if payments == 1 else PlanKind.INSTALMENTS
        promised = Promised(kind, agreed_on, parts)
        broke: list[bool] = []
        for part, features in zip(parts, features_of(standing, promised), strict=True):
            if part.due_on >= end or (broke and broke[-1]):
                break
            score = INTERCEPT + sum(weight * features[name] for name, weight in truth.items())
            broke.append(dice.random() < logistic(score))
        has_ended = bool(broke) and (broke[-1] or len(broke) == len(parts))
        spoken = language or dice.choice(["en", "zh", "nl"])
        found.append(
            AgreementOutcome(plan_id, promised, standing, tuple(broke), has_ended, 0, spoken, "GB", "M1")
        )
    return found


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(world(5_000, 7, TRUTH, days=1_500))


def test_a_known_truth_is_found_calibrated_and_clearly_better_than_the_base_rate(trained: Trained) -> None:
    assert trained.is_used
    assert trained.findings is not None
    assert trained.findings.calibrated_by == "isotonic"
    measures = trained.findings.measures
    assert 0.9 <= measures.slope <= 1.1, measures.slope
    assert measures.gain >= 0.05, measures.gain
    assert measures.ece <= 0.03
    assert measures.outcomes >= 2_000


def test_the_weights_point_the_way_the_truth_does(trained: Trained) -> None:
    assert trained.card is not None
    found = {weight.feature: weight.coefficient / weight.scale for weight in trained.card.weights}
    for name, truth in TRUTH.items():
        assert found[name] == pytest.approx(truth, abs=0.25), name
    assert abs(found["kept_before"]) < 0.25


def test_hazards_are_near_the_true_ones(trained: Trained) -> None:
    assert trained.card is not None
    far = []
    for each in world(300, 99, TRUTH):
        for features in features_of(each.standing, each.promised):
            true = logistic(INTERCEPT + sum(weight * features[name] for name, weight in TRUTH.items()))
            far.append(abs(trained.card.hazard(features) - true))
    assert sum(far) / len(far) < 0.03


def test_the_reliability_bins_cover_what_came(trained: Trained) -> None:
    assert trained.findings is not None
    bins = trained.findings.measures.bins
    assert sum(each.count for each in bins) == trained.findings.measures.outcomes
    assert sum(each.low <= each.said <= each.high for each in bins) >= len(bins) - 2


def test_the_same_outcomes_give_the_same_model() -> None:
    assert train(world(1_000, 7, TRUTH)).card == train(world(1_000, 7, TRUTH)).card


def test_what_is_stored_comes_back(trained: Trained) -> None:
    assert trained.card is not None
    assert trained.findings is not None
    assert Scorecard.of_json(trained.card.to_json()) == trained.card
    assert read_findings(trained.findings.to_json()) == trained.findings


def test_below_a_thousand_outcomes_the_calibration_is_a_sigmoid() -> None:
    found = train(world(260, 3, {name: 2 * weight for name, weight in TRUTH.items()}))
    assert found.findings is not None
    assert found.findings.trained_on < training.ISOTONIC_FROM
    assert found.findings.calibrated_by == "sigmoid"


@pytest.mark.parametrize("count", [0, 30])
def test_too_little_history_says_so_and_gives_no_model(count: int) -> None:
    found = train(world(count, 5, TRUTH))
    assert (found.is_used, found.card, found.findings) == (False, None, None)
    assert found.why.startswith("Too little history: ")


def test_a_period_without_breaks_gives_no_model() -> None:
    calm = [replace(each, broke=(False,) * len(each.broke)) for each in world(400, 5, TRUTH)]
    assert "0 of" in train(calm).why


def test_where_nothing_moves_the_risk_the_base_rate_is_rarely_beaten_and_never_by_much() -> None:
    found = [train(world(900, seed, {})) for seed in range(4)]
    assert all(each.findings is None or each.findings.measures.gain < 0.01 for each in found)
    assert any(not each.is_used for each in found)


def test_a_feature_that_follows_the_language_is_left_out_and_named() -> None:
    outcomes = [
        replace(each, language="zh" if each.standing.broken_before else "en")
        for each in world(1_500, 11, TRUTH)
    ]
    found = train(outcomes)
    assert found.card is not None
    assert found.findings is not None
    assert "broken_before" not in {weight.feature for weight in found.card.weights}
    assert [each.feature for each in found.findings.features if each.is_proxy] == ["broken_before"]


def test_nothing_of_the_later_period_is_learned() -> None:
    """Outcomes after the later period began change its test, not the model."""
    outcomes = world(2_000, 13, TRUTH)
    begins = outcomes[int(len(outcomes) * 0.75)].promised.agreed_on
    turned = [
        replace(each, broke=tuple(not broke for broke in each.broke))
        if each.promised.agreed_on >= begins
        else each
        for each in outcomes
    ]
    assert train(turned).card == train(outcomes).card


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_self: object) -> None:
        raise ImportError("No module named 'sklearn'")

    monkeypatch.setattr(training._Library, "__init__", missing)
    with pytest.raises(Conflict, match="arrears-desk\\[risk\\]"):
        train(world(400, 5, TRUTH))


SURVIVAL_BY_LIFELINES: Sequence[float] = (
    0.7801418439716313, 0.6533687943262413, 0.5749645390070923, 0.5094622497531199, 0.4298587732291952,
    0.39247974947013475, 0.3805864237286155, 0.36746275394487005, 0.36746275394487005, 0.36746275394487005,
    0.36746275394487005, 0.30621896162072504,
)  # fmt: skip
"""KaplanMeierFitter of lifelines 0.30.3 on `world(300, 21, TRUTH)`: the share of agreements that run after instalments
1 to 12. Durations are the numbers of decided instalments; an agreement that did not break is censored at its last."""


def test_outcomes_give_the_survival_curve_of_an_independent_library() -> None:
    at_risk: Counter[int] = Counter()
    breaks: Counter[int] = Counter()
    for each in world(300, 21, TRUTH):
        for n, broke in enumerate(each.broke, start=1):
            at_risk[n] += 1
            breaks[n] += broke
    left, curve = 1.0, []
    for n in range(1, 13):
        left *= 1 - breaks[n] / at_risk[n]
        curve.append(left)
    assert curve == pytest.approx(SURVIVAL_BY_LIFELINES, abs=1e-9)
