"""Offers that pay what is past due: now, promised, or in a short plan; and a re-age. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.casework.negotiation.facts import NotOffered, OptionKind
from app.casework.negotiation.solver.candidates import (
    Candidate,
    Found,
    Repayment,
    down_payments,
    in_instalments,
    only,
    single,
)
from app.casework.negotiation.solver.situation import SHORT_MONTHS, Situation, joined, periods_within
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms, Limit
from app.core.text import counted

MOST_PROMISED = 4
"""Dates of one promise; more of them are a plan."""


def pay_now(s: Situation) -> Found:
    """Today: everything, or what is past due."""
    kind, able = OptionKind.PAY_NOW, s.once
    payable = [s.past_due]
    if s.is_known:
        payable = [each for each in dict.fromkeys((s.balance, s.past_due)) if each <= able]
    why = f"{s.money(s.past_due)} is past due, and {s.pays} {s.sum(able)} at once."
    cap = able if s.is_known else None
    terms = [single(PlanKind.PROMISE, each, s.facts.today) for each in payable]
    return Found(
        [Candidate(kind, each, cap, group=n) for n, each in enumerate(terms)],
        s.not_offered(kind, why, "affordability"),
    )


def promise(s: Situation) -> Found:
    """Offers that pay the past-due amount on one payday or on several."""
    kind, limit = OptionKind.PROMISE, s.facts.limits.promise_days
    candidates = [
        Candidate(kind, terms, s.per_period(terms.cadence) if s.is_known else None, within=limit, group=n)
        for cadence in s.cadences
        for n, terms in _promised(s, cadence)
    ]
    short, pays = "the household cannot", "it can pay"
    if s.is_proposed:
        short, pays = "what is offered does not", s.pays
    why = (
        f"A promise is kept within {counted(limit.value, 'day')}. In that time {short} pay the {s.money(s.past_due)} "
        f"that is past due: {pays} {s.sum(s.monthly)} a month and {s.sum(s.once)} at once."
    )
    if s.is_known and s.once >= s.past_due:
        return Found(candidates, _paid_at_once(s, kind))
    if not s.is_known:
        days = counted(limit.value, "day")
        why = f"The first payment would fall due on {s.first_due()}, after the {days} of a promise."
    return Found(candidates, s.not_offered(kind, why, limit))


def _paid_at_once(s: Situation, kind: OptionKind) -> NotOffered:
    """The reason against waiting for money that is there."""
    why = f"{s.pays.capitalize()} the {s.money(s.past_due)} that is past due at once: take the payment now."
    return s.not_offered(kind, why, "need")


def _promised(s: Situation, cadence: Cadence) -> Iterator[tuple[int, AgreementTerms]]:
    debt = Repayment(s.past_due, PlanKind.PROMISE)
    for down in down_payments(s, s.past_due):
        most = s.per_period(cadence)
        fewest = 1 if not s.is_known else -(-(s.past_due - down) // most) if most else 0
        if 0 < fewest <= MOST_PROMISED:
            for payments in range(fewest, min(fewest + 1, MOST_PROMISED) + 1):
                if s.past_due - down >= payments:
                    yield payments, in_instalments(s, debt, cadence, payments, down)


def short_plan(s: Situation) -> Found:
    """Offers that pay the past-due amount in a few instalments, beside the minimum payments that go on falling due."""
    kind, months = OptionKind.SHORT_PLAN, min(SHORT_MONTHS, s.facts.limits.longest_months.value)
    monthly = s.monthly_left
    debt = Repayment(s.past_due)
    limit = Limit(months, s.facts.limits.longest_months.rule, s.facts.limits.longest_months.citation)
    candidates = []
    for cadence in s.cadences:
        per, most = s.per_period(cadence, monthly), periods_within(months, cadence)
        for down in down_payments(s, s.past_due):
            rest = s.past_due - down
            fewest = 2 if not s.is_known else max(2, -(-rest // per)) if per else most + 1
            for n, payments in enumerate((fewest, (fewest + most) // 2, most)):
                if fewest <= payments <= most and rest >= payments:
                    terms = in_instalments(s, debt, cadence, payments, down)
                    candidates.append(
                        Candidate(kind, terms, per if s.is_known else None, months=limit, group=n)
                    )
    if s.is_known and s.once >= s.past_due:
        return Found(candidates, _paid_at_once(s, kind))
    need = -(-(s.past_due - s.once) // max(1, months))
    beside = f" beside the minimum payments of {s.money(s.minimum)}" if s.minimum else ""
    paid = monthly if s.is_proposed else s.monthly  # who proposes names no minimum payment
    why = (
        f"Paying the {s.money(s.past_due)} that is past due within {counted(months, 'month')} takes "
        f"{s.money(need)} a month{beside}; {s.pays} {s.sum(paid)} a month."
    )
    return Found(candidates, s.not_offered(kind, why, "affordability"))


def re_age(s: Situation) -> Found:
    """Minimum payments in a row, after which the accounts are current though the arrears were not paid."""
    kind, rule = OptionKind.RE_AGE, s.facts.re_age_payments
    late = [each for each in s.accounts if each.past_due_minor > 0]
    minimum = sum(each.minimum_minor for each in late)
    if rule is None:
        return only(s.not_offered(kind, "The policy pack has no rule for a re-age.", "re_age"))
    against = list(dict.fromkeys(each.why_not_re_age for each in late if not each.may_re_age))
    if against:
        return only(s.not_offered(kind, joined([each.rstrip(".") for each in against]) + ".", rule))
    if not s.facts.manager.may_re_age and not s.facts.authority.may_re_age:
        return only(s.not_offered(kind, "Nobody in this portfolio may re-age an account.", "authority"))
    if not s.is_known:
        return only(s.unasked(kind))
    if minimum <= 0:
        return only(s.not_offered(kind, "The minimum payment of the accounts is not known.", rule))
    if s.catches_up:
        return only(s.not_needed(kind))
    total = rule.value * minimum
    if total >= s.past_due:
        why = (
            f"{rule.value} minimum payments of {s.money(minimum)} pay the {s.money(s.past_due)} that is past due: no "
            "re-age is needed."
        )
        return only(s.not_offered(kind, why, "need"))
    cadence = s.cadences[-1]
    per = s.per_period(cadence)
    why = (
        f"A re-age takes {counted(rule.value, 'payment')} of {s.money(minimum)} in a row; {s.pays} {s.money(per)} "
        "each time."
    )
    if per < minimum:
        return only(s.not_offered(kind, why, rule))
    terms = in_instalments(s, Repayment(total, re_age=True), cadence, rule.value)
    return Found(
        [Candidate(kind, terms, per, months=s.facts.limits.longest_months)], s.not_offered(kind, why, rule)
    )
