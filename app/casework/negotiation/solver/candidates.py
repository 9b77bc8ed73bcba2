"""A candidate: terms that a kind of offer could have, before its schedule is made. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.casework.negotiation.facts import NotOffered, OptionKind
from app.casework.negotiation.solver.annuity import annuity_factors, fewest_payments
from app.casework.negotiation.solver.situation import Situation, periods_within
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import portions_of
from app.casework.plans.terms import AgreementTerms, Limit

BURDENS = (100, 80, 60)
"""Shares of what the household can pay, in per cent: the fastest plan, and two that leave it more room."""


@dataclass(frozen=True, slots=True)
class Candidate:
    kind: OptionKind
    terms: AgreementTerms
    most_minor: int | None
    """The most that an instalment may be; None = nobody knows what the household can pay."""
    within: Limit | None = None
    """Days from today to the last payment."""
    months: Limit | None = None
    """Months from the first to the last payment."""
    group: int = 0
    """Candidates that differ only in how they are paid: one of them is offered. Group 0 is the smallest concession."""


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates of a kind, and the reason that is given where none of them proves feasible."""

    candidates: Sequence[Candidate]
    otherwise: NotOffered


def only(reason: NotOffered) -> Found:
    return Found((), reason)


@dataclass(frozen=True, slots=True)
class Repayment:
    """A debt to be paid in level instalments, on or without a concession."""

    principal_minor: int
    plan_kind: PlanKind = PlanKind.INSTALMENTS
    apr_millionths: int | None = None
    waived_fees_minor: int = 0
    waived_minor: int = 0
    re_age: bool = False


def in_instalments(
    s: Situation, debt: Repayment, cadence: Cadence, payments: int, down_payment: int = 0
) -> AgreementTerms:
    """Terms of these instalments, on paydays where they are known; a down payment is due in a few working days."""
    terms = AgreementTerms(
        debt.plan_kind,
        debt.principal_minor,
        s.at_once() if down_payment else s.first_due(),
        payments,
        cadence,
        down_payment,
        s.payday,
        apr_millionths=debt.apr_millionths,
        interest_from=s.facts.today - timedelta(days=1) if debt.apr_millionths else None,
        day_count=s.facts.day_count,
        waived_fees_minor=debt.waived_fees_minor,
        waived_minor=debt.waived_minor,
        re_age=debt.re_age,
    )
    if not (debt.apr_millionths and s.facts.rates_apart):
        return terms
    debts = [(each.balance_minor, each.apr_millionths) for each in s.accounts]
    return replace(terms, portions=portions_of(terms, debts))


def single(kind: PlanKind, amount: int, due_on: date, waived: int = 0) -> AgreementTerms:
    """Terms of one payment."""
    return AgreementTerms(kind, amount, due_on, waived_minor=waived)


def down_payments(s: Situation, principal: int) -> tuple[int, ...]:
    """Down payments to try: the amount that can be paid at once, where that leaves instalments to pay; and none."""
    return (s.once, 0) if 0 < s.once < principal else (0,)


def sweep(
    s: Situation, debt: Repayment, most_months: int, burdens: Sequence[int] = BURDENS
) -> list[tuple[int, AgreementTerms]]:
    """(n of the burden, terms) by closed form: for each cadence, down payment and burden the fewest instalments that
    are affordable."""
    found: dict[tuple[Cadence, int, int], tuple[int, AgreementTerms]] = {}
    for cadence in s.cadences:
        most = periods_within(most_months, cadence)
        factors = annuity_factors(s.blended(debt.apr_millionths), cadence, s.facts.day_count, most)
        for down in down_payments(s, debt.principal_minor):
            rest = debt.principal_minor - down
            for n, burden in enumerate(burdens):
                payments = fewest_payments(rest, s.per_period(cadence) * burden // 100, factors)
                if payments is not None:
                    key = (cadence, down, payments)
                    found.setdefault(key, (n, in_instalments(s, debt, cadence, payments, down)))
    return list(found.values())
