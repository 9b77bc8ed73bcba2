"""Safeguards of an experiment: were the arms drawn as planned, and does the challenger do harm? Pure.

Both may be asked every night: the evidence is a likelihood ratio against "nothing is wrong", whose chance of ever
passing 1 / alpha is at most alpha (Ville's inequality).

Sources: M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022 (sample ratio); P.
Gruenwald, A. Ly, M. Perez-Ortiz, J. ter Schure, "The safe logrank test", AISTATS 2021 (incidents one by one).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

RATIO_ALPHA = 0.001
"""Chance that a fair draw is ever called uneven; the usual level of a sample-ratio check."""
CONCENTRATION = 100.0
"""Cases that the prior of the sample-ratio check is worth: shares a few points off the plan are looked for."""
HARM_ALPHA = 0.05
"""Chance that a harmless challenger is ever stopped, over all guardrails together."""
TIMES = (1.5, 2.0, 3.0, 5.0, 10.0)
"""So many times as frequent as under the champion: the harms that are looked for, each with the same weight."""


class Guardrail(StrEnum):
    """An incident that grows more frequent under a harmful challenger."""

    COMPLAINTS = "complaints"
    OPT_OUTS = "opt_outs"
    HARDSHIP = "hardship"


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Customers drawn for the challenger, against the share that was planned."""

    drawn: int
    joined: int
    planned: float
    p_value: float
    """Of the chi-square test at one look, for readers who know it. It decides nothing: it is looked at every day."""
    evidence: float
    """Likelihood ratio against the planned share; a natural logarithm."""

    @property
    def is_uneven(self) -> bool:
        return self.evidence >= -math.log(RATIO_ALPHA)


def sample_ratio(champion: int, challenger: int, share_percent: int) -> SampleRatio:
    """Check the number of customers in each arm. An uneven draw means that something besides chance decides who is
    where, so no figure of the experiment can be trusted."""
    n, share = champion + challenger, share_percent / 100
    if n == 0:
        return SampleRatio(0, 0, share, 1.0, 0.0)
    expected = n * share
    chi2 = (challenger - expected) ** 2 / expected + (champion - (n - expected)) ** 2 / (n - expected)
    a, b = CONCENTRATION * share, CONCENTRATION * (1 - share)
    evidence = _log_beta(a + challenger, b + champion) - _log_beta(a, b)
    evidence -= challenger * math.log(share) + champion * math.log(1 - share)
    return SampleRatio(challenger, n, share, math.erfc(math.sqrt(chi2 / 2)), evidence)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@dataclass(frozen=True, slots=True)
class Incident:
    """One complaint, opt-out or hardship, in the order of days; `champion` and `challenger` are the customers of each
    arm that it could have come from on that day."""

    in_challenger: bool
    champion: int
    challenger: int


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    guardrail: Guardrail
    champion: int
    """Incidents."""
    challenger: int
    evidence: float
    """For harm by the challenger; a natural logarithm."""
    limit: float
    """From which the challenger is stopped."""

    @property
    def is_harmful(self) -> bool:
        return self.evidence >= self.limit


def watch(guardrail: Guardrail, incidents: Iterable[Incident]) -> GuardrailResult:
    """Weigh incidents one by one: without harm each comes from the challenger's arm with the share of customers that
    this arm has on that day. The highest evidence of any day counts, since the challenger would have stopped then."""
    limit = math.log(len(Guardrail) / HARM_ALPHA)
    logs, highest, counts = [0.0] * len(TIMES), 0.0, [0, 0]
    for each in incidents:
        counts[each.in_challenger] += 1
        if not each.champion or not each.challenger:
            continue  # it could have come from one arm only, so it says nothing
        share = each.challenger / (each.champion + each.challenger)
        for n, times in enumerate(TIMES):
            logs[n] += math.log((times if each.in_challenger else 1.0) / (times * share + 1 - share))
        top = max(logs)
        mean = top + math.log(sum(math.exp(log - top) for log in logs) / len(logs))
        highest = max(highest, mean)
    return GuardrailResult(guardrail, counts[0], counts[1], highest, limit)
