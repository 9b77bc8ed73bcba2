"""The reading of an experiment: one primary figure, chosen before the start, and what else was watched. Pure.

Sources: `casework/risk/measures.py` for one arm's rate; `arms.py` for the difference; `safeguards.py` for the draw and
for harm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from app.casework.cases.rules import CaseOutcome
from app.casework.risk.measures import wilson
from app.outreach.strategy.experiments import FEWEST, WITHIN_DAYS, PrimaryFigure, smaller_arm_share
from app.reporting.experiments.arms import Difference, Moments, difference
from app.reporting.experiments.safeguards import GuardrailResult, SampleRatio, sample_ratio

CURES = (CaseOutcome.CURED, CaseOutcome.PAID)
FEWEST_OF_EACH = 10
"""Cured cases, or cases that paid, and as many that did not, over both arms: below it no interval of a mean holds."""


def is_cure(since: date, closed_on: date | None, outcome: CaseOutcome | None) -> bool:
    """True if the case was cured or paid within 30 days after `since`."""
    return outcome in CURES and closed_on is not None and closed_on <= since + timedelta(days=WITHIN_DAYS)


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Customers of one arm, regardless of what they were then sent (intention to treat).

    The moments are of those who joined at least 30 days ago; past due at joining is the figure before.
    """

    joined: int
    cured: Moments = Moments()
    """Outcome 1 where the case was cured within 30 days."""
    recovered: Moments = Moments()
    """Outcome: paid within 30 days, minor units."""
    paying: int = 0
    """Cases that paid anything within 30 days."""

    @property
    def cases(self) -> int:
        return self.cured.n

    @property
    def cure_rate(self) -> float | None:
        return self.cured.mean

    @property
    def cure_interval(self) -> tuple[float, float]:
        return wilson(self.cured.y, self.cured.n)

    @property
    def mean(self) -> float | None:
        """Recovered per case, minor units."""
        return self.recovered.mean

    def of(self, figure: PrimaryFigure) -> Moments:
        return self.cured if figure is PrimaryFigure.CURED else self.recovered

    def events(self, figure: PrimaryFigure) -> int:
        return self.cured.y if figure is PrimaryFigure.CURED else self.paying


class Verdict(StrEnum):
    HARM = "harm"
    """A guardrail stopped the challenger."""
    UNEVEN = "uneven"
    """The arms were not drawn as planned: nothing else is said."""
    NOT_ENOUGH = "not_enough"
    UNDECIDED = "undecided"
    """No difference so far; the planned cases are not reached."""
    NO_DIFFERENCE = "no_difference"
    CHALLENGER = "challenger"
    CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion. Each interval holds on every day, at 95 %."""

    champion: ArmResult
    challenger: ArmResult
    primary: PrimaryFigure
    cured: Difference | None
    recovered: Difference | None
    """Per case, minor units."""
    ratio: SampleRatio
    guardrails: Sequence[GuardrailResult]
    verdict: Verdict
    wanted: int
    """Cases in each arm that were planned."""


def compare(
    champion: ArmResult,
    challenger: ArmResult,
    share_percent: int,
    cases_wanted: int = 0,
    primary: PrimaryFigure = PrimaryFigure.CURED,
    guardrails: Sequence[GuardrailResult] = (),
) -> Comparison:
    """Judge by the primary figure alone, on any day: its interval leaves the truth out on any of them with a chance of
    5 % at most, so that looking every day finds no difference where there is none."""
    wanted = max(FEWEST, cases_wanted)
    planned = math.ceil(wanted / smaller_arm_share(share_percent))
    found = {
        figure: difference(champion.of(figure), challenger.of(figure), planned) for figure in PrimaryFigure
    }
    ratio = sample_ratio(champion.joined, challenger.joined, share_percent)
    verdict = _verdict(champion, challenger, found[primary], primary, wanted)
    if ratio.is_uneven:
        verdict = Verdict.UNEVEN
    if any(each.is_harmful for each in guardrails):
        verdict = Verdict.HARM
    return Comparison(
        champion,
        challenger,
        primary,
        found[PrimaryFigure.CURED],
        found[PrimaryFigure.RECOVERED],
        ratio,
        tuple(guardrails),
        verdict,
        wanted,
    )


def _verdict(
    champion: ArmResult, challenger: ArmResult, found: Difference | None, primary: PrimaryFigure, wanted: int
) -> Verdict:
    fewest = min(champion.cases, challenger.cases)
    events = champion.events(primary) + challenger.events(primary)
    rarer = min(events, champion.cases + challenger.cases - events)
    if found is None or fewest < FEWEST or rarer < FEWEST_OF_EACH:
        return Verdict.NOT_ENOUGH
    if found.leaves_zero_out:
        return Verdict.CHALLENGER if found.low > 0 else Verdict.CHAMPION
    return Verdict.NO_DIFFERENCE if fewest >= wanted else Verdict.UNDECIDED
