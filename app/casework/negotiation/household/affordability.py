"""Affordability: the amount a household can pay us, from its statement, the customer's words, or both. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from app.casework.negotiation.facts import Affordability, Basis
from app.casework.negotiation.household.rules import Budget
from app.casework.plans.rules import WEEKS
from app.casework.plans.terms import Payday
from app.core.dates import add_months


@dataclass(frozen=True, slots=True)
class Said:
    """The answers to "what could you pay, and when are you paid?", in minor units."""

    said_on: date
    recorded_at: datetime
    monthly_minor: int | None = None
    """None = they did not say."""
    once_minor: int = 0
    payday: Payday | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """The newest statement of a household, and what it comes to."""

    statement_id: int
    taken_on: date
    recorded_at: datetime
    review_on: date
    budget: Budget
    payday: Payday | None = None


def affordability(stated: Stated | None, said: Said | None, today: date) -> Affordability:
    """The amount that can be paid each month.

    A statement counts until its review date; after it, only as long as the customer has said nothing newer. Newer words
    give the payday and what can be paid at once. They lower what the statement affords and never raise it: a person who
    is pressed says more than the household can bear.
    """
    if said is not None and stated is not None and _is_older(said, stated):
        said = None
    if stated is None or (stated.review_on < today and said is not None and said.monthly_minor is not None):
        return _from_words(said, today)
    budget = stated.budget
    affords = Affordability(
        Basis.STATEMENT,
        budget.our_share_minor,
        budget.disposable_minor,
        budget.share_percent,
        payday=next_payday(stated.payday, today),
        statement_id=stated.statement_id,
        as_of=stated.taken_on,
        review_on=stated.review_on,
    )
    if said is None:
        return affords
    least = min(affords.monthly_minor, said.monthly_minor) if said.monthly_minor is not None else None
    return replace(
        affords,
        monthly_minor=affords.monthly_minor if least is None else least,
        once_minor=said.once_minor,
        payday=next_payday(said.payday, today) or affords.payday,
    )


def _is_older(said: Said, stated: Stated) -> bool:
    return (said.said_on, said.recorded_at) < (stated.taken_on, stated.recorded_at)


def _from_words(said: Said | None, today: date) -> Affordability:
    if said is None:
        return Affordability(Basis.UNKNOWN)
    basis = Basis.UNKNOWN if said.monthly_minor is None and not said.once_minor else Basis.SAID
    return Affordability(
        basis,
        said.monthly_minor or 0,
        once_minor=said.once_minor,
        payday=next_payday(said.payday, today),
        as_of=said.said_on,
    )


def next_payday(payday: Payday | None, today: date) -> Payday | None:
    """The same payday, from the first one that is not past. A month without its day uses the last day."""
    if payday is None or payday.next_on >= today:
        return payday
    if payday.cadence in WEEKS:
        step = timedelta(weeks=WEEKS[payday.cadence])
        periods = -((payday.next_on - today) // step)
        return replace(payday, next_on=payday.next_on + periods * step)
    months = (today.year - payday.next_on.year) * 12 + today.month - payday.next_on.month
    after = add_months(payday.next_on, months)
    return replace(payday, next_on=after if after >= today else add_months(payday.next_on, months + 1))
