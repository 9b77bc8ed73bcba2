"""Conditions for a re-age: an account is brought current without full payment. Pure; the figures are the pack's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.dates import add_months
from app.core.text import counted
from app.policy.sections.re_age import ReAgeRule


class ReAgeReason(StrEnum):
    NO_RULE = "no_rule"
    NOT_PAST_DUE = "not_past_due"
    NOT_ACTIVE = "not_active"
    TOO_YOUNG = "too_young"
    TOO_FEW_MINIMUMS = "too_few_minimums"
    TOO_LITTLE_PAID = "too_little_paid"
    ONCE_IN_12_MONTHS = "once_in_12_months"
    TWICE_IN_5_YEARS = "twice_in_5_years"


@dataclass(frozen=True, slots=True)
class ReAgeRefusal:
    """The refusal: a sentence for the person who asked, and the text it rests on (empty = plain sense)."""

    reason: ReAgeReason
    detail: str
    citation: str = ""


@dataclass(frozen=True, slots=True)
class ReAgeFacts:
    opened_on: date
    past_due_minor: int
    is_open: bool
    """Not charged off, settled, paid or sold."""
    minimums: Sequence[int]
    """Minimums of the latest statements that have fallen due, as many as the rule asks for, oldest first."""
    paid_minor: int
    """Payments, net of reversals, since the first of those statements closed."""
    re_aged_on: Sequence[date]


def review_re_age(facts: ReAgeFacts, rule: ReAgeRule | None, on: date) -> list[ReAgeRefusal]:
    """Every reason against re-aging on `on`; none = it may be done.

    An extra re-age on entering a workout programme, which the policy allows once in 5 years, is not encoded.
    """
    refusals = []
    if facts.past_due_minor <= 0:
        refusals.append(ReAgeRefusal(ReAgeReason.NOT_PAST_DUE, "nothing is past due"))
    if not facts.is_open:
        refusals.append(ReAgeRefusal(ReAgeReason.NOT_ACTIVE, "the account has ended"))
    if rule is None:
        refusals.append(ReAgeRefusal(ReAgeReason.NO_RULE, "the policy pack has no rule for re-aging"))
        return refusals

    def refuse(reason: ReAgeReason, detail: str) -> None:
        refusals.append(ReAgeRefusal(reason, detail, rule.citation))

    if add_months(facts.opened_on, rule.min_age_months) > on:
        refuse(
            ReAgeReason.TOO_YOUNG,
            f"opened on {facts.opened_on}: it must be at least {counted(rule.min_age_months, 'month')} old",
        )
    if len(facts.minimums) < rule.min_payments:
        refuse(
            ReAgeReason.TOO_FEW_MINIMUMS,
            f"only {len(facts.minimums)} of {rule.min_payments} minimum payments have fallen due",
        )
    elif facts.paid_minor < sum(facts.minimums):
        refuse(
            ReAgeReason.TOO_LITTLE_PAID,
            f"the last {rule.min_payments} minimum payments, or the same sum, must have been paid",
        )
    for reason, months, most in (
        (ReAgeReason.ONCE_IN_12_MONTHS, 12, rule.most_in_12_months),
        (ReAgeReason.TWICE_IN_5_YEARS, 60, rule.most_in_5_years),
    ):
        since = add_months(on, -months)
        if sum(1 for before in facts.re_aged_on if since < before <= on) >= most:
            refuse(reason, f"re-aged {most} time{'s' * (most > 1)} since {since} already")
    return refusals
