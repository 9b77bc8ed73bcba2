"""Settlements: as much of a late debt as the household can raise in time, and the rest waived. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.casework.negotiation.facts import NotOffered, OptionKind
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
from app.core.text import counted


def settlement(s: Situation) -> Found:
    """The largest sum for each number of payments that the limits permit."""
    kind, limits, owed = OptionKind.SETTLEMENT, s.facts.limits, s.late_balance
    if against := _against(s):
        return only(against)
    if not s.is_known:
        return only(s.unasked(kind))
    sums = raised(s)
    best = max(sums.values(), default=0)
    payments = counted(limits.settlement_payments.value, "payment")
    days = counted(limits.settlement_days.value, "day")
    if best >= owed:
        why = f"The household can raise the whole {s.money(owed)} in {payments} within {days}: nothing need be waived."
        return only(s.not_offered(kind, why, "need"))
    least, most = _least(s)
    why = (
        f"In {payments} within {days} the household can raise {s.sum(best)} of {s.money(owed)}; the least that is "
        f"proposed is {s.money(least)}, {most} % waived."
    )
    rule = limits.settlement_payments if best < least else limits.settlement_days
    return Found(_candidates(s, sums, least), s.not_offered(kind, why, rule))


def settlement_of(household: Situation, proposed: Situation, payments: int | None) -> Found:
    """A settlement of the sum that the customer names, in so many payments beside one at once. Whether one is needed is
    a matter of what the household can pay, not of this sum: a car is sold once."""
    kind, limits, owed = OptionKind.SETTLEMENT, household.facts.limits, household.late_balance
    if against := _against(household):
        return only(against)
    at_once = proposed.once > 0
    sums = {
        (cadence, count): amount
        for (cadence, count), amount in raised(proposed).items()
        if payments is None or count - at_once == payments
    }
    if not sums:
        most_payments, days = limits.settlement_payments, limits.settlement_days
        most_of = counted(most_payments.value, "payment")
        why = f"A settlement is paid in at most {most_of} within {counted(days.value, 'day')}."
        return only(household.not_offered(kind, why, most_payments))
    best, (least, most) = max(sums.values()), _least(household)
    if best >= owed:
        why = f"This pays the whole {household.money(owed)}: nothing needs to be waived."
        return only(household.not_offered(kind, why, "need"))
    why = (
        f"{household.sum(best)} of {household.money(owed)} is proposed; the least that is accepted is "
        f"{household.money(least)}, {most} % waived."
    )
    if best >= least:
        why = f"{household.sum(best)} is not paid within {counted(limits.settlement_days.value, 'day')} on these dates."
    rule = limits.settlement_days if best >= least else "authority"
    return Found(_candidates(proposed, sums, least), household.not_offered(kind, why, rule))


def _against(s: Situation) -> NotOffered | None:
    """The reason against any settlement: nobody may waive, or the household can pay the debt."""
    kind = OptionKind.SETTLEMENT
    if two_may_discount(s.facts.manager) <= 0:
        return s.not_offered(kind, "Nobody in this portfolio may waive a part of a debt.", "authority")
    if not s.is_known:
        return None
    if s.catches_up:
        return s.not_needed(kind)
    if not all(each.is_charged_off for each in s.accounts if each.past_due_minor > 0) and repays_in_a_year(s):
        why = (
            f"The household can repay the whole {s.money(s.balance)} within {NEEDS_NONE_MONTHS} months: nothing needs "
            "to be waived."
        )
        return s.not_offered(kind, why, "need")
    return None


def _least(s: Situation) -> tuple[int, int]:
    """The least sum that settles the debt, and the per cent of it that this waives."""
    most = two_may_discount(s.facts.manager)
    return -(-s.late_balance * (100 - most) // 100), most


def _candidates(s: Situation, sums: Mapping[tuple[Cadence, int], int], least: int) -> list[Candidate]:
    return [
        Candidate(
            OptionKind.SETTLEMENT,
            _terms(s, cadence, count, amount),
            _cap(s, cadence, count),
            within=s.facts.limits.settlement_days,
            group=count,
        )
        for (cadence, count), amount in sums.items()
        if amount >= least
    ]


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
