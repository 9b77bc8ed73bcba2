"""Settlements: as much of a late debt as the household can raise in time, and the rest waived. Pure."""

from __future__ import annotations

from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.solver.authority import two_may_discount
from app.casework.negotiation.solver.candidates import (
    Candidate,
    Found,
    Repayment,
    in_instalments,
    only,
    single,
)
from app.casework.negotiation.solver.situation import Situation
from app.casework.negotiation.solver.whole_debt import NEEDS_NONE_MONTHS, repays_in_a_year
from app.casework.plans.rules import Cadence, PlanKind, period_on
from app.casework.plans.terms import AgreementTerms


def settlement(s: Situation) -> Found:
    """The largest sum for each number of payments that the limits permit."""
    kind, limits, owed = OptionKind.SETTLEMENT, s.facts.limits, s.late_balance
    most = two_may_discount(s.facts.manager)
    if most <= 0:
        return only(s.not_offered(kind, "Nobody in this portfolio may waive a part of a debt.", "authority"))
    if not s.is_known:
        return only(s.unasked(kind))
    if s.catches_up:
        return only(s.not_needed(kind))
    if not all(each.is_charged_off for each in s.accounts if each.past_due_minor > 0) and repays_in_a_year(s):
        why = (
            f"The household can repay the whole {s.money(s.balance)} within {NEEDS_NONE_MONTHS} months: nothing needs "
            "to be waived."
        )
        return only(s.not_offered(kind, why, "need"))
    sums = raised(s)
    best = max(sums.values(), default=0)
    if best >= owed:
        why = (
            f"The household can raise the whole {s.money(owed)} in {limits.settlement_payments.value} payments within "
            f"{limits.settlement_days.value} days: nothing needs to be waived."
        )
        return only(s.not_offered(kind, why, "need"))
    least = -(-owed * (100 - most) // 100)
    candidates = [
        Candidate(
            kind,
            _terms(s, cadence, count, amount),
            _cap(s, cadence, count),
            within=limits.settlement_days,
            group=count,
        )
        for (cadence, count), amount in sums.items()
        if amount >= least
    ]
    why = (
        f"In {limits.settlement_payments.value} payments within {limits.settlement_days.value} days the household can "
        f"raise {s.sum(best)} of {s.money(owed)}; the least that is proposed is {s.money(least)}, {most} % waived."
    )
    rule = limits.settlement_payments if best < least else limits.settlement_days
    return Found(candidates, s.not_offered(kind, why, rule))


def raised(s: Situation) -> dict[tuple[Cadence, int], int]:
    """By cadence and number of payments, what the household can pay in them in time; the first may be due at once."""
    limits = s.facts.limits
    end = s.facts.today.toordinal() + limits.settlement_days.value
    sums: dict[tuple[Cadence, int], int] = {}
    if s.once > 0:
        sums[s.cadence, 1] = s.once
    first = s.first_due()
    for cadence in s.cadences:
        per = s.per_period(cadence)
        for count in range(1, limits.settlement_payments.value + 1):
            instalments = count - 1 if s.once > 0 else count
            if instalments < 1 or per <= 0:
                continue
            if period_on(first, cadence, instalments - 1).toordinal() > end:
                break
            sums[cadence, count] = s.once + per * instalments
    return sums


def _terms(s: Situation, cadence: Cadence, count: int, amount: int) -> AgreementTerms:
    waived = s.late_balance - amount
    if count == 1 and s.once > 0:
        return single(PlanKind.SETTLEMENT, amount, s.at_once(), waived)
    debt = Repayment(amount, PlanKind.SETTLEMENT, waived_minor=waived)
    return in_instalments(s, debt, cadence, count - 1 if s.once > 0 else count, s.once)


def _cap(s: Situation, cadence: Cadence, count: int) -> int:
    return s.once if count == 1 and s.once > 0 else s.per_period(cadence)
