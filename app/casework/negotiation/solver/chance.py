"""The chance that a plan is kept where no model is used: the portfolio's base rates by time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.casework.plans.rules import Instalment
from app.casework.plans.terms import AgreementTerms

MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class BaseChance:
    """Base rates: the first payment fails more often than later ones, a longer plan is more exposed, and a lower rate
    helps (Dobbie and Song 2020). The figures are a prior until a portfolio's own outcomes outweigh it
    (`app.casework.risk.rules.BaseRate`); the two parts about the term and the rate stay assumptions."""

    version: str = "too little history"
    first: float = 0.85
    monthly_break: float = 0.035
    """Part of the plans that breaks in a month after the first payment."""
    per_month_of_term: float = 0.0005
    lowered: float = 0.75
    """Factor of the two parts above where the rate is lowered to nothing."""

    def __call__(self, terms: AgreementTerms, parts: Sequence[Instalment]) -> list[float]:
        months = (parts[-1].due_on - parts[0].due_on).days / MONTH_DAYS
        breaks = min(0.5, self.monthly_break + self.per_month_of_term * months)
        if terms.apr_millionths == 0:
            breaks *= self.lowered
        kept, chances = self.first, []
        for n, part in enumerate(parts):
            if n:
                gap = (part.due_on - parts[n - 1].due_on).days
                kept *= max(0.0, 1 - breaks * gap / MONTH_DAYS)
            chances.append(kept)
        return chances
