"""Break risk of agreements: a discrete-time hazard for each instalment, as a scorecard. Pure.

The hazard of an instalment is the chance that the agreement breaks at it, given that all before were paid. A scorecard
is data: an explanation is each weight times its value, and the same facts give the same chance again. Where a portfolio
has too little history, a base rate takes its place: the Beta-binomial mean of its outcomes and a prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import exp

from pydantic import TypeAdapter

from app.casework.plans.rules import Instalment
from app.casework.plans.terms import AgreementTerms
from app.casework.risk.features import FEATURE_LABELS, Features, Promised, Standing, features_of

LEAST_ENDED = 50
"""Ended agreements below which a portfolio has too little history for a model."""
PRIOR_BREAKS, PRIOR_TRIALS = 2.0, 16.0
"""The prior: as if 16 instalments had been seen and two of them had broken their agreement. Weak on purpose: a
portfolio's own outcomes outweigh it after a few weeks."""
PRIOR_FIRST_BREAKS, PRIOR_FIRSTS = 1.5, 10.0
PRIOR_LATER_BREAKS, PRIOR_MONTHS = 2.0, 50.0
"""The same prior by time: 15 % of the first payments, and after them 4 % of the agreements a month."""
MONTH_DAYS = 30
SURE = 0.001
"""No chance is nearer to 0 or 1 than this."""


@dataclass(frozen=True, slots=True)
class BaseRate:
    """Outcomes of a portfolio's instalments that fell due."""

    breaks: int = 0
    trials: int = 0
    ended: int = 0
    """Agreements that were kept or broken."""
    first_breaks: int = 0
    first_trials: int = 0
    """Of the first instalments alone."""
    later_days: int = 0
    """Days between the later instalments and those before them."""

    @property
    def hazard(self) -> float:
        """Posterior mean over all instalments."""
        return (PRIOR_BREAKS + self.breaks) / (PRIOR_TRIALS + self.trials)

    @property
    def first(self) -> float:
        """Share of the first payments at which agreements break."""
        return (PRIOR_FIRST_BREAKS + self.first_breaks) / (PRIOR_FIRSTS + self.first_trials)

    @property
    def monthly(self) -> float:
        """Share of the agreements that break in a month after the first payment: weekly instalments are not four times
        as risky as monthly ones."""
        later = self.breaks - self.first_breaks
        return (PRIOR_LATER_BREAKS + later) / (PRIOR_MONTHS + self.later_days / MONTH_DAYS)

    @property
    def is_too_little(self) -> bool:
        return self.ended < LEAST_ENDED


@dataclass(frozen=True, slots=True)
class Weight:
    """One feature: `coefficient` times (value - mean) / scale is what it adds to the score."""

    feature: str
    mean: float
    scale: float
    coefficient: float

    def adds(self, features: Features) -> float:
        return self.coefficient * (features[self.feature] - self.mean) / self.scale


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """Calibration by a logistic curve: where fewer than a thousand outcomes are known."""

    slope: float
    offset: float

    def hazard(self, score: float) -> float:
        return logistic(self.slope * score + self.offset)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Calibration by steps that only rise: (score, hazard) in order; between two of them the hazard is interpolated."""

    points: tuple[tuple[float, float], ...]

    def hazard(self, score: float) -> float:
        if score <= self.points[0][0]:
            return self.points[0][1]
        for (x0, y0), (x1, y1) in pairwise(self.points):
            if score <= x1:
                return y0 if x1 == x0 else y0 + (y1 - y0) * (score - x0) / (x1 - x0)
        return self.points[-1][1]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A trained model: score = intercept + what each feature adds; hazard = the calibrated score."""

    intercept: float
    weights: tuple[Weight, ...]
    sigmoid: Sigmoid | None = None
    isotonic: Isotonic | None = None
    """One of the two: how a score becomes a hazard."""

    def score(self, features: Features) -> float:
        return self.intercept + sum(weight.adds(features) for weight in self.weights)

    def hazard(self, features: Features) -> float:
        calibration = self.sigmoid or self.isotonic
        assert calibration is not None
        return _bounded(calibration.hazard(self.score(features)))

    def to_json(self) -> str:
        return _SCORECARD.dump_json(self).decode()

    @staticmethod
    def of_json(text: str) -> Scorecard:
        """The scorecard that `to_json` wrote. ValueError where a feature does not exist any more."""
        card = _SCORECARD.validate_json(text)
        if unknown := [weight.feature for weight in card.weights if weight.feature not in FEATURE_LABELS]:
            raise ValueError(
                f"The model uses features that do not exist: {', '.join(unknown)}. Train it again."
            )
        return card


_SCORECARD = TypeAdapter(Scorecard)


@dataclass(frozen=True, slots=True)
class Reason:
    """One feature of one instalment and what it adds to the score; above 0 it speaks for a break."""

    label: str
    value: float
    adds: float


def reasons(card: Scorecard, features: Features) -> list[Reason]:
    """The contributions to a score, the strongest first."""
    found = [Reason(FEATURE_LABELS[w.feature], features[w.feature], w.adds(features)) for w in card.weights]
    return sorted(found, key=lambda reason: -abs(reason.adds))


@dataclass(frozen=True, slots=True)
class RiskModel:
    """The break-risk model of a portfolio: a scorecard where one is shown, otherwise its base rate."""

    base: BaseRate
    card: Scorecard | None = None
    version: int = 0
    """0 = no model was trained."""

    @property
    def label(self) -> str:
        """The name of it on pages."""
        if self.card is not None:
            return f"model {self.version}"
        return "too little history" if self.base.is_too_little else "base rate"

    def hazards(self, standing: Standing, promised: Promised) -> list[float]:
        """The hazard of each instalment by the scorecard. Without one the chances are `BaseChance`
        (`app.casework.negotiation.solver.chance`), from the base rates."""
        if self.card is None:
            raise ValueError("this portfolio has no scorecard: ask for its base chances")
        return [self.card.hazard(each) for each in features_of(standing, promised)]


@dataclass(frozen=True, slots=True)
class RiskChance:
    """For each instalment of an agreement made `today`, the chance that the agreement still runs after it. A value:
    stored as JSON with a decision, it gives the same chances again."""

    model: RiskModel
    standing: Standing
    today: date

    @property
    def version(self) -> str:
        """The source of the chances, as a decision on record names it."""
        return self.model.label

    def __call__(self, terms: AgreementTerms, parts: Sequence[Instalment]) -> list[float]:
        concession = terms.apr_millionths is not None or terms.waived_fees_minor > 0
        promised = Promised(terms.kind, self.today, parts, concession)
        return survival(self.model.hazards(self.standing, promised))


def survival(hazards: Sequence[float]) -> list[float]:
    """The chance of having come past each of these hazards."""
    left, found = 1.0, []
    for hazard in hazards:
        left *= 1 - hazard
        found.append(left)
    return found


def logistic(score: float) -> float:
    return 1 / (1 + exp(-max(-60.0, min(60.0, score))))


def _bounded(chance: float) -> float:
    return min(1 - SURE, max(SURE, chance))
