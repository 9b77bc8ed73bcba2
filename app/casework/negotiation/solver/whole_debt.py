"""Offers that pay the whole debt in instalments: on the accounts' own rates, or on concessions. Pure.

The levers come in this order: waive fees, lower the rate, then lengthen. Interest that was written down raised what was
repaid in a randomised trial, longer terms alone did not (Dobbie and Song 2020, American Economic Review 110).
"""

from __future__ import annotations

from dataclasses import dataclass

from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.solver.annuity import annuity_factors, interest_of_month, level_payment
from app.casework.negotiation.solver.candidates import Candidate, Found, Repayment, only, sweep
from app.casework.negotiation.solver.situation import SHORT_MONTHS, Situation, periods_within
from app.casework.plans.rules import Cadence, PlanKind
from app.core.text import counted

NEEDS_NONE_MONTHS = 12
"""A household that repays everything within so many months needs no concession."""

EVIDENCE = "Dobbie and Song 2020, American Economic Review 110(4)"

REDUCED = (70,)
"""Share of what the household can pay, in per cent, that reduced instalments take: the last lever lengthens."""


def long_plan(s: Situation) -> Found:
    """The whole debt at the accounts' own rates."""
    kind, limit = OptionKind.LONG_PLAN, s.facts.limits.longest_months
    if not s.is_known:
        return only(s.unasked(kind))
    if s.once >= s.balance:
        why = f"{s.pays.capitalize()} the whole {s.money(s.balance)} at once."
        return only(s.not_offered(kind, why, "need"))
    if s.catches_up:
        return only(s.not_needed(kind))
    debt = Repayment(s.balance, apr_millionths=own_rate(s))
    arrears_only = s.past_due == s.balance
    candidates = [
        Candidate(kind, terms, s.per_period(terms.cadence), months=limit, group=n)
        for n, terms in sweep(s, debt, limit.value)
        if not arrears_only or terms.payments > periods_within(min(SHORT_MONTHS, limit.value), terms.cadence)
    ]
    if arrears_only and monthly_need(s, debt, SHORT_MONTHS) <= s.monthly:
        why = f"A short plan pays the whole {s.money(s.balance)} within {SHORT_MONTHS} months."
        return Found(candidates, s.not_offered(kind, why, "need"))
    return Found(candidates, s.not_offered(kind, *_too_dear(s, debt)))


@dataclass(frozen=True, slots=True)
class Concession:
    """A concession, in minor units and millionths a year; each goes further than the one before."""

    waived_fees: int
    rate: int | None


def hardship(s: Situation) -> Found:
    """The whole debt on the smallest concession that a household can keep, and on two that go further."""
    kind, limit = OptionKind.HARDSHIP, s.facts.limits.longest_months
    if not s.is_known:
        return only(s.unasked(kind))
    if s.catches_up:
        return only(s.not_needed(kind))
    own = Repayment(s.balance, apr_millionths=own_rate(s))
    if repays_in_a_year(s):
        who = "What the customer offers repays" if s.is_proposed else "The household can repay"
        why = (
            f"{who} the {s.money(s.balance)} within {NEEDS_NONE_MONTHS} months at {s.money(s.monthly)} a month without "
            "a concession."
        )
        return only(s.not_offered(kind, why, "need"))
    steps = concessions(s)
    if not steps:
        why = "There is no fee to waive and no interest to lower here. A longer term alone does not help to keep it."
        return only(s.not_offered(kind, why, "levers", EVIDENCE))
    candidates, deepest = [], own
    for n, step in enumerate(steps):
        deepest = Repayment(
            s.balance - step.waived_fees, PlanKind.HARDSHIP, step.rate, waived_fees_minor=step.waived_fees
        )
        burdens = (100, *REDUCED) if n == len(steps) - 1 else (100,)
        candidates += [
            Candidate(kind, terms, s.per_period(terms.cadence), months=limit, group=n + burden)
            for burden, terms in sweep(s, deepest, limit.value, burdens)
        ]
    return Found(candidates, s.not_offered(kind, *_too_dear(s, deepest)))


def concessions(s: Situation) -> list[Concession]:
    """Levers in order: the fees alone, then half of the rate, then the lowest that may be set."""
    own, least = own_rate(s), s.facts.limits.min_apr_millionths
    floor = least.value if least else 0
    steps = [Concession(s.fees, own)] if 0 < s.fees < s.balance else []
    fees = s.fees if 0 < s.fees < s.balance else 0
    may_lower = s.facts.manager.may_lower_rate or s.facts.authority.may_lower_rate
    if own is not None and own > floor and may_lower:
        half = max(floor, own // 2)
        steps += [Concession(fees, rate) for rate in dict.fromkeys((half, floor))]
    return steps


def own_rate(s: Situation) -> int | None:
    """The rate of a plan without a concession, that no account's own is above; None where no interest runs here.
    Where the accounts do not run apart, the lowest of them."""
    rates = [each.apr_millionths for each in s.accounts]
    if not rates or max(rates) <= 0:
        return None
    return max(rates) if s.facts.rates_apart else min(rates)


def repays_in_a_year(s: Situation) -> bool:
    """True if the household can repay everything within a year without a concession."""
    months = min(NEEDS_NONE_MONTHS, s.facts.limits.longest_months.value)
    own = Repayment(s.balance, apr_millionths=own_rate(s))
    return s.once >= s.balance or monthly_need(s, own, months) <= s.monthly


def monthly_need(s: Situation, debt: Repayment, months: int) -> int:
    """The monthly payment that repays this within so many months, after the down payment."""
    factors = annuity_factors(
        s.blended(debt.apr_millionths), Cadence.MONTHLY, s.facts.day_count, max(1, months)
    )
    return level_payment(max(1, debt.principal_minor - s.once), factors[-1])


def _too_dear(s: Situation, debt: Repayment) -> tuple[str, str, str]:
    """The sentence, rule and citation where no number of instalments is affordable."""
    limits, rate = s.facts.limits, s.blended(debt.apr_millionths)
    fees = f" after {s.money(debt.waived_fees_minor)} of fees are waived" if debt.waived_fees_minor else ""
    a_year = f" at {rate / 10_000:g} % a year{fees}" if rate or fees else ""
    interest = interest_of_month(debt.principal_minor, rate, s.facts.day_count)
    if interest >= s.monthly > 0:
        why = (
            f"{s.money(debt.principal_minor)}{a_year} bears {s.money(interest)} of interest a month, and "
            f"{s.pays} {s.money(s.monthly)}: the debt would grow."
        )
        rule = limits.must_amortise or limits.longest_months
        return why, rule.rule, rule.citation
    need = monthly_need(s, debt, limits.longest_months.value)
    why = (
        f"Repaying {s.money(debt.principal_minor)}{a_year} within "
        f"{counted(limits.longest_months.value, 'month')} takes {s.money(need)} a month; {s.pays} {s.sum(s.monthly)}."
    )
    return why, limits.longest_months.rule, limits.longest_months.citation
