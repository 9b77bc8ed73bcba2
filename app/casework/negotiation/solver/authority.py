"""The least authority that may grant an offer alone, or two managers together. Pure."""

from __future__ import annotations

from app.casework.negotiation.solver.situation import Situation
from app.casework.plans.rules import PlanKind
from app.casework.plans.terms import AgreementTerms, Authority

TWO = "two"
"""Two managers: one asks, another approves."""

MOST_DISCOUNT_OF_TWO = 90
"""Per cent of a debt beyond which no settlement is proposed, whoever grants it."""


def two_may_discount(manager: Authority) -> int:
    """Per cent that the solver proposes to two managers: twice what one may grant alone. Where one may grant none, the
    portfolio settles nothing."""
    return min(MOST_DISCOUNT_OF_TWO, 2 * manager.max_discount_percent)


def may_grant(s: Situation, terms: AgreementTerms) -> str | None:
    """The role that may grant these terms alone, or `two`; None = nobody may."""
    for authority in (s.facts.authority, s.facts.manager):
        if is_within(s, terms, authority):
            return authority.role
    manager = s.facts.manager
    if (terms.re_age and not manager.may_re_age) or (lowers_rate(s, terms) and not manager.may_lower_rate):
        return None
    return TWO


def is_within(s: Situation, terms: AgreementTerms, authority: Authority) -> bool:
    if terms.kind is PlanKind.PROMISE:
        return True
    waived, owed = terms.waived_minor, terms.waived_minor + terms.total_minor
    return (
        (terms.kind is PlanKind.SETTLEMENT or terms.count <= authority.max_payments)
        and 100 * waived <= authority.max_discount_percent * owed
        and (
            terms.waived_fees_minor == 0
            or terms.waived_fees_minor + authority.waived_before_minor <= authority.max_waived_fees_minor
        )
        and (authority.may_lower_rate or not lowers_rate(s, terms))
        and (authority.may_re_age or not terms.re_age)
        and terms.relief_months <= authority.max_relief_months
    )


def lowers_rate(s: Situation, terms: AgreementTerms) -> bool:
    """True if some account bears less than its own rate while the plan is kept."""
    rate = terms.apr_millionths
    return rate is not None and any(each.apr_millionths > rate for each in s.accounts)
