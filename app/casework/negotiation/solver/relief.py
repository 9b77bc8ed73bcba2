"""Offers for a household that can pay a little, but nothing that repays the debt: token payments, or a plan whose
instalments are reduced for a time. Pure.

Both are terms of a hardship plan and end in a review with the customer. Token payments for a reasonable time are named
as forbearance by FCA CONC 7.3; they bear no interest, because otherwise the debt grows while they are kept.
"""

from __future__ import annotations

from dataclasses import replace

from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.solver.candidates import Candidate, Repayment, in_instalments
from app.casework.negotiation.solver.situation import Situation, periods_within
from app.casework.plans.rules import PERIODS_A_YEAR, Cadence, PlanKind
from app.casework.plans.schedule import portions_of
from app.casework.plans.terms import AgreementTerms, Limit, Reduced

MOST_TIMES = 2
"""The later instalments of a reduced plan are at most so many times what the household can pay now."""


def relief(s: Situation) -> list[Candidate]:
    """Token payments, and plans that begin with what can be paid now. None where nobody knows what that is."""
    if not s.is_known or s.monthly <= 0:
        return []
    return [*_tokens(s), *_reduced(s)]


def _tokens(s: Situation) -> list[Candidate]:
    limit, least = s.facts.limits.token_months, s.facts.limits.min_apr_millionths
    bears = any(each.apr_millionths for each in s.accounts)
    if limit is None or not limit.value or (bears and least is not None and least.value):
        return []
    found = []
    for n, months in enumerate(_months(s, limit)):
        for cadence in s.cadences:
            payments, per = _payments(months, cadence), s.per_period(cadence)
            if payments < 1 or per <= 0 or payments * per >= s.balance:
                continue
            debt = Repayment(payments * per, PlanKind.HARDSHIP, 0 if bears else None)
            terms = replace(in_instalments(s, debt, cadence, payments), is_token=True)
            found.append(Candidate(OptionKind.HARDSHIP, terms, per, months=limit, group=n))
    return found


def _reduced(s: Situation) -> list[Candidate]:
    """Reduced instalments: the affordable amount for the time that is permitted, then the smallest instalment that
    repays the debt in the time that is left, on the deepest concession; where that is within twice the first."""
    limit, longest = s.facts.limits.reduced_months, s.facts.limits.longest_months
    if limit is None or not limit.value:
        return []
    least = s.facts.limits.min_apr_millionths
    may_lower = s.facts.manager.may_lower_rate or s.facts.authority.may_lower_rate
    own = max((each.apr_millionths for each in s.accounts), default=0)
    rate = (min(own, least.value if least else 0) if may_lower else own) if own else None
    fees = s.fees if s.fees < s.balance else 0
    found = []
    for n, months in enumerate(_months(s, limit)):
        for cadence in s.cadences:
            most, per = periods_within(longest.value, cadence), s.per_period(cadence)
            payments = _payments(months, cadence)
            debt = Repayment(s.balance - fees, PlanKind.HARDSHIP, rate, waived_fees_minor=fees)
            if not 0 < payments < most or per <= 0 or payments * per >= debt.principal_minor:
                continue
            terms = replace(in_instalments(s, debt, cadence, most), reduced=Reduced(payments, per))
            terms = _portioned(s, terms)
            found.append(
                Candidate(OptionKind.HARDSHIP, terms, MOST_TIMES * per, months=longest, group=10 + n)
            )
    return found


def _portioned(s: Situation, terms: AgreementTerms) -> AgreementTerms:
    if not terms.portions:
        return terms
    debts = [(each.balance_minor, each.apr_millionths) for each in s.accounts]
    return replace(terms, portions=portions_of(terms, debts))


def _months(s: Situation, limit: Limit) -> list[int]:
    """As many months as are permitted, and as an agent may grant alone."""
    agent = min(limit.value, s.facts.authority.max_relief_months)
    return [months for months in dict.fromkeys((limit.value, agent)) if months > 0]


def _payments(months: int, cadence: Cadence) -> int:
    """Payments of a cadence in so many months, none of them begun."""
    return months * PERIODS_A_YEAR[cadence] // 12
