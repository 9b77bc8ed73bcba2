"""Outcomes of agreements, instalment by instalment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.casework.plans.rules import Instalment, PlanStatus
from app.casework.risk.features import Promised, Standing
from app.casework.risk.rules import BaseRate


@dataclass(frozen=True, slots=True)
class AgreementOutcome:
    """One agreement: what was known on its day, and what became of its instalments."""

    plan_id: int
    promised: Promised
    standing: Standing
    broke: tuple[bool, ...]
    """For each instalment that was decided, in order: True = the agreement broke at it. The rest is not known yet."""
    has_ended: bool
    """Kept or broken; the others run, or were cancelled."""
    grace_days: int = 0
    language: str = ""
    country: str = ""
    postcode_area: str = ""
    """To test for proxies only: no feature knows these three."""

    def until(self, known: int) -> AgreementOutcome:
        """The same with the first `known` outcomes alone."""
        return replace(self, broke=self.broke[:known], has_ended=self.has_ended and known == len(self.broke))


def decided(
    parts: Sequence[Instalment],
    status: PlanStatus,
    *,
    broken_instalment: int | None,
    ended_on: date | None,
    grace_days: int,
    through: date,
) -> tuple[bool, ...]:
    """The outcomes known at the end of `through`. An agreement that runs or was cancelled says nothing of what had not
    fallen due with its grace days: it is censored there, not left out."""
    if status is PlanStatus.KEPT:
        return (False,) * len(parts)
    found: list[bool] = []
    last_day = min(through, ended_on) if ended_on and status is PlanStatus.CANCELLED else through
    for part in parts:
        if status is PlanStatus.BROKEN:
            if part.n == broken_instalment:
                return (*found, True)
        elif part.due_on + timedelta(days=grace_days) >= last_day:
            break
        found.append(False)
    return tuple(found)


def base_rate(outcomes: Sequence[AgreementOutcome]) -> BaseRate:
    return BaseRate(
        breaks=sum(sum(each.broke) for each in outcomes),
        trials=sum(len(each.broke) for each in outcomes),
        ended=sum(each.has_ended for each in outcomes),
        first_breaks=sum(each.broke[0] for each in outcomes if each.broke),
        first_trials=sum(1 for each in outcomes if each.broke),
        later_days=sum(_days_after_first(each) for each in outcomes),
    )


def _days_after_first(outcome: AgreementOutcome) -> int:
    decided_parts = outcome.promised.parts[: len(outcome.broke)]
    return (decided_parts[-1].due_on - decided_parts[0].due_on).days if decided_parts else 0
