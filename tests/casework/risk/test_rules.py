"""Break risk: scorecards, base rates, and the outcomes that are known on a day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.risk.features import FEATURE_LABELS, Promised, Standing, features_of
from app.casework.risk.outcomes import AgreementOutcome, base_rate, decided
from app.casework.risk.rules import (
    BaseRate,
    Isotonic,
    RiskChance,
    RiskModel,
    Scorecard,
    Sigmoid,
    Weight,
    reasons,
    survival,
)

TODAY = date(2026, 5, 4)
MONTHLY = [Instalment(n, TODAY + timedelta(days=30 * n), 5_000) for n in range(1, 7)]
PLAN = Promised(PlanKind.INSTALMENTS, TODAY, MONTHLY)
CARD = Scorecard(
    -2.0,
    (Weight("broken_before", 0.5, 0.8, 0.9), Weight("instalment_number", 1.0, 0.5, -0.3)),
    sigmoid=Sigmoid(1.0, 0.0),
)


def test_features_are_those_that_have_a_label() -> None:
    for features in features_of(Standing(), PLAN):
        assert features.keys() == FEATURE_LABELS.keys()


@given(
    days=st.integers(0, 4_000),
    paid=st.integers(0, 10**12),
    amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=60),
)
def test_features_stay_small_whatever_the_currency(days: int, paid: int, amounts: list[int]) -> None:
    parts = [Instalment(n, TODAY + timedelta(days=7 * n), amount) for n, amount in enumerate(amounts)]
    standing = Standing(days, 9, 9, paid)
    for features in features_of(standing, Promised(PlanKind.PROMISE, TODAY, parts)):
        assert all(-6 <= value <= 9 for value in features.values()), features


def test_a_figure_in_yen_and_in_fils_says_the_same() -> None:
    """Features are ratios: a currency with three decimals changes nothing."""
    more = [Instalment(part.n, part.due_on, part.amount * 1000) for part in MONTHLY]
    in_fils = features_of(Standing(40, 1, 0, 9_000_000), Promised(PlanKind.INSTALMENTS, TODAY, more))
    for one, other in zip(features_of(Standing(40, 1, 0, 9_000), PLAN), in_fils, strict=True):
        assert one == pytest.approx(other)


def test_a_broken_promise_before_raises_the_hazard_and_is_the_first_reason() -> None:
    [calm, *_], [worse, *_] = (features_of(Standing(broken_before=n), PLAN) for n in (0, 3))
    assert CARD.hazard(worse) > CARD.hazard(calm)
    first, second = reasons(CARD, worse)
    assert first.label == "Agreements broken before"
    assert first.adds == pytest.approx(0.9 * (3 - 0.5) / 0.8)
    assert CARD.score(worse) == pytest.approx(-2.0 + first.adds + second.adds)


@pytest.mark.parametrize(
    ("score", "hazard"),
    [(-9.0, 0.1), (-1.0, 0.1), (0.0, 0.25), (1.0, 0.4), (1.5, 0.4), (2.0, 0.4), (9.0, 0.4)],
)
def test_isotonic_calibration_is_interpolated_and_held_at_its_ends(score: float, hazard: float) -> None:
    assert Isotonic(((-1.0, 0.1), (1.0, 0.4), (2.0, 0.4))).hazard(score) == pytest.approx(hazard)


@pytest.mark.parametrize(
    "card",
    [
        Scorecard(-1.5, CARD.weights, sigmoid=Sigmoid(0.8, -0.1)),
        Scorecard(-1.5, CARD.weights, isotonic=Isotonic(((-3.0, 0.02), (1.0, 0.6)))),
    ],
)
def test_a_scorecard_comes_back_from_its_text(card: Scorecard) -> None:
    assert Scorecard.of_json(card.to_json()) == card


def test_a_scorecard_of_an_unknown_feature_is_refused_by_name() -> None:
    text = CARD.to_json().replace("broken_before", "age_in_years")
    with pytest.raises(ValueError, match="age_in_years"):
        Scorecard.of_json(text)


def test_the_prior_alone_says_one_in_eight_and_too_little_history() -> None:
    nothing = RiskModel(BaseRate())
    assert nothing.base.hazard == pytest.approx(2 / 16)
    assert nothing.label == "too little history"
    assert RiskModel(BaseRate(10, 400, 49)).label == "too little history"
    assert RiskModel(BaseRate(10, 400, 50)).label == "base rate"
    assert RiskModel(BaseRate(10, 400, 50), CARD, 3).label == "model 3"


def test_a_base_rate_follows_the_outcomes() -> None:
    assert BaseRate(300, 1_000, 400).hazard == pytest.approx(302 / 1_016)


def test_the_chance_that_a_plan_still_runs_falls_from_one_instalment_to_the_next() -> None:
    terms = AgreementTerms(PlanKind.INSTALMENTS, 30_000, MONTHLY[0].due_on, payments=6)
    found = RiskChance(RiskModel(BaseRate(), CARD, 1), Standing(45, 1, 0, 0), TODAY)(terms, MONTHLY)
    assert len(found) == 6
    assert all(0 < later < earlier < 1 for earlier, later in zip(found, found[1:], strict=False))
    with pytest.raises(ValueError, match="no scorecard"):
        RiskChance(RiskModel(BaseRate()), Standing(), TODAY)(terms, MONTHLY)
    assert survival([0.5, 0.5, 0.0]) == [0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("status", "broken", "ended", "through", "known"),
    [
        (PlanStatus.KEPT, None, TODAY, TODAY, (False,) * 6),
        (PlanStatus.BROKEN, 1, TODAY, TODAY, (True,)),
        (PlanStatus.BROKEN, 3, TODAY, TODAY, (False, False, True)),
        # It runs: an instalment is decided on the day after its grace days.
        (PlanStatus.ACTIVE, None, None, MONTHLY[1].due_on + timedelta(days=3), (False,)),
        (PlanStatus.ACTIVE, None, None, MONTHLY[1].due_on + timedelta(days=4), (False, False)),
        # Cancelled: what fell due before counts, the rest is not known.
        (PlanStatus.CANCELLED, None, MONTHLY[0].due_on, MONTHLY[5].due_on, ()),
        (PlanStatus.CANCELLED, None, MONTHLY[2].due_on, MONTHLY[5].due_on, (False, False)),
    ],
)
def test_running_and_cancelled_plans_are_censored(
    status: PlanStatus, broken: int | None, ended: date | None, through: date, known: tuple[bool, ...]
) -> None:
    assert (
        decided(MONTHLY, status, broken_instalment=broken, ended_on=ended, grace_days=3, through=through)
        == known
    )


def test_the_base_rate_counts_instalments_that_were_decided() -> None:
    outcomes = [
        AgreementOutcome(1, PLAN, Standing(), (False, False, True), has_ended=True),
        AgreementOutcome(2, PLAN, Standing(), (False,), has_ended=False),
    ]
    assert base_rate(outcomes) == BaseRate(
        breaks=1, trials=4, ended=1, first_breaks=0, first_trials=2, later_days=60
    )
    known = outcomes[0].until(2)
    assert (known.broke, known.has_ended) == ((False, False), False)
