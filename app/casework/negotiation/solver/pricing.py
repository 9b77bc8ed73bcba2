"""The price of a finalist: its full schedule, what it costs, who may grant it, and what is expected of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from app.casework.negotiation.facts import Chance, Option
from app.casework.negotiation.solver.authority import may_grant
from app.casework.negotiation.solver.candidates import Candidate
from app.casework.negotiation.solver.situation import Situation
from app.casework.plans.rules import PERIODS_A_YEAR, Cadence, Instalment, PlanKind
from app.casework.plans.schedule import grows, longest_months, schedule
from app.casework.plans.terms import AgreementTerms
from app.core.errors import Invalid

TRIES = 3
"""Schedules of a candidate: interest by the day may make an instalment too dear; one more payment mends it."""


def price(s: Situation, candidate: Candidate, chance: Chance) -> Option | None:
    """The offer, or None where its schedule is not affordable, comes too late or may be granted by nobody."""
    terms = candidate.terms
    for _ in range(TRIES):
        parts = _parts(s, terms)
        if parts is None or is_affordable(s, parts, candidate.most_minor):
            break
        if terms.apr_millionths is None:
            return None
        terms = replace(terms, payments=terms.payments + 1)
    else:
        return None
    grants = may_grant(s, terms)
    if parts is None or grants is None or not is_in_time(s, candidate, parts):
        return None
    chances = chance(terms, parts)
    total = sum(part.amount for part in parts)
    expected = sum(part.amount * kept for part, kept in zip(parts, chances, strict=True))
    return Option(
        candidate.kind,
        terms.kind,
        terms,
        tuple(parts),
        total_cost_minor=total,
        waived_minor=terms.waived_minor + terms.waived_fees_minor,
        ends_on=parts[-1].due_on,
        share_of_disposable=_share(s, terms, parts),
        chance_kept=round(chances[-1], 6),
        expected_kept_minor=min(total, int(expected + 0.5)),
        may_grant=grants,
    )


def is_affordable(s: Situation, parts: Sequence[Instalment], most: int | None) -> bool:
    """Each instalment is within `most`, and the down payment within what can be paid at once."""
    if most is None:
        return True
    return all(part.amount <= (s.once if part.n == 0 else most) for part in parts)


def is_in_time(s: Situation, candidate: Candidate, parts: Sequence[Instalment]) -> bool:
    """The first payment, the last, and each one's interest keep to the limits."""
    today = s.facts.today
    first_by: date = today + timedelta(days=s.facts.limits.first_within_days.value)
    last_by = today + timedelta(days=candidate.within.value) if candidate.within else None
    return (
        (candidate.terms.kind is PlanKind.PROMISE or parts[0].due_on <= first_by)
        and (last_by is None or parts[-1].due_on <= last_by)
        and (candidate.months is None or longest_months(parts) <= candidate.months.value)
        and grows(parts) is None
    )


def _parts(s: Situation, terms: AgreementTerms) -> list[Instalment] | None:
    try:
        return schedule(terms, s.facts.holidays)
    except Invalid:
        return None


def _share(s: Situation, terms: AgreementTerms, parts: Sequence[Instalment]) -> int | None:
    """Per cent of a month's disposable income that the instalments of a month take, rounded up."""
    disposable = s.facts.affordability.disposable_minor
    if disposable <= 0:
        return None
    level = max(part.amount for part in parts if part.n > 0)
    a_year = level * (PERIODS_A_YEAR[terms.cadence] if terms.cadence is not Cadence.ONCE else 12)
    return -(-100 * a_year // (12 * disposable))
