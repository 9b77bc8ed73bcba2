"""Training of a portfolio's break-risk model: a logistic hazard, calibrated, and tested on a later period.

scikit-learn is imported when a model is trained and by nothing else; what is stored is a scorecard that
`app.casework.risk.rules` evaluates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.risk.features import FEATURE_LABELS, Features, features_of
from app.casework.risk.measures import ROUNDING, drift, explained_share, measure
from app.casework.risk.outcomes import AgreementOutcome, base_rate
from app.casework.risk.rules import LEAST_ENDED, BaseRate, Isotonic, Scorecard, Sigmoid, Weight, reasons
from app.core.errors import Conflict
from app.reporting.risk.findings import MOST_EXPLAINED, FeatureFinding, TrainingFindings

LATER_SHARE = 0.25
"""Share of the agreements, the latest ones, that only test the model."""
LEAST_BREAKS = 10
"""Breaks without which nothing is learned from a period."""
ISOTONIC_FROM = 1000
"""Outcomes from which calibration is isotonic; below it isotonic steps fit noise (so scikit-learn's guide)."""
FOLDS = 5
SEED = 20261129
"""Of the folds: the same outcomes give the same model."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A finding, and the model that goes with it where there was enough history."""

    base: BaseRate
    why: str
    is_used: bool = False
    card: Scorecard | None = None
    findings: TrainingFindings | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One decided instalment."""

    agreement: AgreementOutcome
    features: Features
    broke: bool


def train(outcomes: Sequence[AgreementOutcome]) -> Trained:
    """Train on the earlier agreements and test on the later ones; `outcomes` in order of acceptance.

    What an earlier agreement did after the later period began is not learned: it was not known then. The model is used
    only if its Brier score on the later period is below that of the base rate known before it.
    """
    base = base_rate(outcomes)
    if base.is_too_little:
        why = f"Too little history: {base.ended} agreements have ended, and a model needs {LEAST_ENDED}."
        return Trained(base, why)
    begins = outcomes[int(len(outcomes) * (1 - LATER_SHARE))].promised.agreed_on
    earlier = [each for each in outcomes if each.promised.agreed_on < begins]
    known = [_known_before(each, begins) for each in earlier]
    training, testing = (
        _lines(known),
        _lines([each for each in outcomes if each.promised.agreed_on >= begins]),
    )
    for lines, period in ((training, "before"), (testing, "from")):
        breaks = sum(line.broke for line in lines)
        if not LEAST_BREAKS <= breaks <= len(lines) - LEAST_BREAKS:
            return Trained(
                base,
                f"Too little history: {breaks} of {len(lines)} instalments {period} {begins.isoformat()} broke their "
                f"agreement, and a model needs {LEAST_BREAKS} that did and as many that did not.",
            )
    proxies = {name: _explained(name, training) for name in FEATURE_LABELS}
    used = [name for name in FEATURE_LABELS if max(proxies[name]) <= MOST_EXPLAINED]
    card = _fit(training, used)
    before = base_rate(known)
    said = [card.hazard(line.features) for line in testing]
    measures = measure(said, [line.broke for line in testing], before.hazard)
    weights = {weight.feature: weight.coefficient for weight in card.weights}
    worst = max(range(len(testing)), key=lambda n: said[n])
    findings = TrainingFindings(
        agreements=len(outcomes),
        trained_on=len(training),
        trained_from=outcomes[0].promised.agreed_on,
        tested_from=begins,
        calibrated_by="sigmoid" if card.sigmoid else "isotonic",
        measures=measures,
        features=tuple(
            FeatureFinding(
                name,
                weights.get(name, 0.0),
                drift([x.features[name] for x in training], [x.features[name] for x in testing]),
                *proxies[name],
            )
            for name in FEATURE_LABELS
        ),
        example=tuple(reasons(card, testing[worst].features)),
    )
    if measures.gain <= 0:
        why = f"The base rate was better: Brier {measures.base_brier:.4f} against {measures.brier:.4f} of the model."
        return Trained(base, why, False, card, findings)
    why = f"Brier {measures.brier:.4f}, {100 * measures.gain:.1f} % below the base rate's {measures.base_brier:.4f}."
    return Trained(base, why, True, card, findings)


def _known_before(outcome: AgreementOutcome, day: date) -> AgreementOutcome:
    """The outcome as far as it was known on that day."""
    parts = outcome.promised.parts[: len(outcome.broke)]
    known = sum(part.due_on + timedelta(days=outcome.grace_days) < day for part in parts)
    return outcome.until(known)


def _lines(outcomes: Sequence[AgreementOutcome]) -> list[_Line]:
    found = []
    for each in outcomes:
        features = features_of(each.standing, each.promised)
        found += [_Line(each, features[n], broke) for n, broke in enumerate(each.broke)]
    return found


def _explained(name: str, lines: Sequence[_Line]) -> tuple[float, float, float]:
    values = [line.features[name] for line in lines]
    groups = (
        [line.agreement.language for line in lines],
        [line.agreement.country for line in lines],
        [line.agreement.postcode_area for line in lines],
    )
    language, country, postcode = (explained_share(values, group) for group in groups)
    return language, country, postcode


def _fit(lines: Sequence[_Line], names: Sequence[str]) -> Scorecard:
    """Fit the weights on all lines, and the calibration on scores of models that did not see them."""
    learn = _library()
    broke = [line.broke for line in lines]
    centred = [_centre(name, lines) for name in names]
    moving = [(name, mean, scale) for name, mean, scale in centred if scale > ROUNDING**0.5 * (1 + abs(mean))]
    table = [[(line.features[name] - mean) / scale for name, mean, scale in moving] for line in lines]
    groups = [line.agreement.plan_id for line in lines]
    folds = learn.GroupKFold(n_splits=FOLDS, shuffle=True, random_state=SEED)
    blind = learn.cross_val_predict(
        learn.LogisticRegression(max_iter=1000),
        table,
        broke,
        groups=groups,
        cv=folds,
        method="decision_function",
    )
    fitted = learn.LogisticRegression(max_iter=1000).fit(table, broke)
    weights = tuple(
        Weight(name, mean, scale, float(coefficient))
        for (name, mean, scale), coefficient in zip(moving, fitted.coef_[0], strict=True)
    )
    scores = [float(score) for score in blind]
    intercept = float(fitted.intercept_[0])
    if len(scores) < ISOTONIC_FROM:
        return Scorecard(intercept, weights, sigmoid=_sigmoid(scores, broke))
    return Scorecard(intercept, weights, isotonic=_isotonic(scores, broke))


def _sigmoid(scores: Sequence[float], broke: Sequence[bool]) -> Sigmoid:
    line = _library().LogisticRegression(C=1e6, max_iter=1000).fit([[score] for score in scores], broke)
    return Sigmoid(float(line.coef_[0][0]), float(line.intercept_[0]))


def _isotonic(scores: Sequence[float], broke: Sequence[bool]) -> Isotonic:
    steps = _library().IsotonicRegression(out_of_bounds="clip").fit(scores, [float(each) for each in broke])
    pairs = zip(steps.X_thresholds_, steps.y_thresholds_, strict=True)
    return Isotonic(tuple((float(x), float(y)) for x, y in pairs))


def _centre(name: str, lines: Sequence[_Line]) -> tuple[str, float, float]:
    values = [line.features[name] for line in lines]
    mean = sum(values) / len(values)
    return name, mean, (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


class _Library:
    """The four names of scikit-learn that a training uses."""

    def __init__(self) -> None:
        from sklearn.isotonic import IsotonicRegression
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold, cross_val_predict

        self.IsotonicRegression, self.LogisticRegression = IsotonicRegression, LogisticRegression
        self.GroupKFold, self.cross_val_predict = GroupKFold, cross_val_predict


def _library() -> _Library:
    try:
        return _Library()
    except ImportError:
        raise Conflict(
            "Training needs scikit-learn, which is not installed. Install the extra `risk`: "
            'pip install "arrears-desk[risk]".'
        ) from None
