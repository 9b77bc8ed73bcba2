"""Level payments of a debt that bears interest, in integers: the same figures on every machine. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from app.casework.plans.rules import WEEKS, Cadence

ONE = 10**15
"""One, in fixed point: rates of a period and discount factors carry 15 decimals."""


def growth_of_period(apr_millionths: int, cadence: Cadence, day_count: int) -> int:
    """The growth of one unit in a period, in fixed point, with interest added each day; a month has 365/12 days."""
    daily = apr_millionths * (ONE // 10**6) // day_count
    growth = ONE
    for _ in range(7 * WEEKS[cadence] if cadence in WEEKS else 30):
        growth += growth * daily // ONE
    if cadence not in WEEKS:
        growth += growth * daily * 5 // (12 * ONE)
    return growth


def interest_of_month(balance_minor: int, apr_millionths: int, day_count: int) -> int:
    """Interest of an average month in minor units, half a unit rounded up."""
    rate = growth_of_period(apr_millionths, Cadence.MONTHLY, day_count) - ONE
    return (balance_minor * rate + ONE // 2) // ONE


@lru_cache(maxsize=256)
def annuity_factors(apr_millionths: int, cadence: Cadence, day_count: int, most: int) -> Sequence[int]:
    """Present value, in fixed point, of 1, 2, ... `most` payments of one at the ends of their periods."""
    growth = growth_of_period(apr_millionths, cadence, day_count)
    factors, discount, total = [], ONE, 0
    for _ in range(most):
        discount = discount * ONE // growth
        total += discount
        factors.append(total)
    return tuple(factors)


def level_payment(principal_minor: int, factor: int) -> int:
    """The payment that pays off the principal in the periods of this factor, rounded up to a minor unit."""
    return -(-principal_minor * ONE // factor)


def fewest_payments(principal_minor: int, payment_minor: int, factors: Sequence[int]) -> int | None:
    """The fewest payments, none of them over `payment_minor`, that pay off the principal; None = more than there are
    factors."""
    if principal_minor <= 0 or payment_minor <= 0 or not factors:
        return None
    low, high = 0, len(factors) - 1
    if level_payment(principal_minor, factors[high]) > payment_minor:
        return None
    while low < high:
        middle = (low + high) // 2
        if level_payment(principal_minor, factors[middle]) <= payment_minor:
            high = middle
        else:
            low = middle + 1
    return low + 1
