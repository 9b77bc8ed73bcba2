"""Interest by the day and late fees by the statement. Pure integers: nothing is rounded away, fractions are carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.book.delinquency.days import DAY, Interval
from app.policy.sections.charges import MILLION, ChargeCaps


def capped_apr(apr_millionths: int, caps: ChargeCaps | None) -> int:
    """The annual rate that may be charged, in millionths."""
    if caps is None or caps.max_apr_millionths is None:
        return apr_millionths
    return min(apr_millionths, caps.max_apr_millionths)


def interest_of_day(balance_minor: int, apr_millionths: int, day_count: int, carry: int) -> tuple[int, int]:
    """Interest of one day on the balance at the end of the day before, and the fraction to carry on.

    Simple daily interest: balance x rate / days of a year. `carry` is in parts of 1 / (day count x 1,000,000) of
    a minor unit, so that a year of days adds up to a year of interest exactly. None on a credit balance.
    """
    if balance_minor <= 0:
        return 0, carry
    return divmod(carry + balance_minor * apr_millionths, day_count * MILLION)


@dataclass(frozen=True, slots=True)
class LowerRate:
    """Days [from_on, to_on) with a rate that was agreed; `to_on` None = until the agreement ends."""

    from_on: date
    to_on: date | None
    apr_millionths: int


def rate_on(on: date, apr_millionths: int, lower: Sequence[LowerRate]) -> int:
    """The rate of a day: the account's, or the lowest that was agreed for it. An agreement never raises it."""
    agreed = (
        each.apr_millionths
        for each in lower
        if each.from_on <= on and (each.to_on is None or on < each.to_on)
    )
    return min([apr_millionths, *agreed])


@dataclass(frozen=True, slots=True)
class Rest:
    """Days [from_on, to_on) on which a part of an account bears nothing; `to_on` None = until it is decided."""

    from_on: date
    to_on: date | None
    amount_minor: int


def resting_on(on: date, rests: Sequence[Rest]) -> int:
    """The sum of an account that bears nothing on a day, in minor units."""
    return sum(
        each.amount_minor for each in rests if each.from_on <= on and (each.to_on is None or on < each.to_on)
    )


@dataclass(frozen=True, slots=True)
class DefaultSum:
    """A late fee of a day, and (day, amount) of what was reversed or waived of it, in minor units."""

    on: date
    amount_minor: int
    less: list[tuple[date, int]]


def unpaid_sums(sums: Sequence[DefaultSum], lows: Sequence[tuple[date, int]]) -> list[Rest]:
    """What of default sums is unpaid, as parts that bear nothing from the day after. `sums` from the oldest on; `lows`
    are balances at the end of days: all else is paid before a default sum (CONC 6.7.4R), and older ones before newer.
    """
    balances, left = dict(lows), [0] * len(sums)
    days = {on for each in sums for on in (each.on, *(day for day, _ in each.less))} | balances.keys()
    steps: list[tuple[date, int]] = []
    for day in sorted(days):
        for n, each in enumerate(sums):
            if each.on == day:
                left[n] = each.amount_minor
            left[n] = max(0, left[n] - sum(amount for on, amount in each.less if on == day))
        paid = sum(left) - max(0, balances[day]) if day in balances else 0
        for n, unpaid in enumerate(left):
            part = min(unpaid, max(0, paid))
            left[n], paid = unpaid - part, paid - part
        if sum(left) != (steps[-1][1] if steps else 0):
            steps.append((day, sum(left)))
    ends = [day + DAY for day, _ in steps[1:]]
    return [
        Rest(day + DAY, to_on, unpaid)
        for (day, unpaid), to_on in zip(steps, [*ends, None], strict=False)
        if unpaid
    ]


@dataclass(slots=True)
class Accrued:
    """Interest of a stretch of days: all of it but the last day's, the last day's, and what is carried on."""

    before: int = 0
    last: int = 0
    carry: int = 0


def accrue(
    entries: Sequence[tuple[date, int]],
    *,
    first_on: date,
    through: date,
    apr_millionths: int,
    day_count: int,
    pauses: Sequence[Interval] = (),
    lower: Sequence[LowerRate] = (),
    rests: Sequence[Rest] = (),
) -> Accrued:
    """Compute the interest due from `first_on` to `through`, as if everything had been known on its day.

    `entries` are (effective date, amount) of everything but interest posted by the night, in order of date. The
    interest found here is added to the balance on its own day. What rests on a day bears none.
    """
    result = Accrued()
    principal = n = 0
    on = first_on
    while on <= through:
        while n < len(entries) and entries[n][0] < on:
            principal += entries[n][1]
            n += 1
        result.before += result.last
        result.last = 0
        if not is_paused(on, pauses):
            balance = principal + result.before - (resting_on(on, rests) if rests else 0)
            rate = rate_on(on, apr_millionths, lower) if lower else apr_millionths
            result.last, result.carry = interest_of_day(balance, rate, day_count, result.carry)
        on += DAY
    return result


def is_paused(on: date, pauses: Sequence[Interval]) -> bool:
    return any(from_on <= on and (to_on is None or on < to_on) for from_on, to_on in pauses)


def late_fee(
    set_minor: int, minimum_minor: int, currency: str, caps: ChargeCaps | None, resting_minor: int = 0
) -> int:
    """Compute the fee for a missed minimum: what the portfolio sets, at most the pack's cap, and never more than the
    minimum itself (as 12 CFR 1026.52(b)(2)(i) has it; we hold to it everywhere). Returns 0 where the cap is in
    another currency, because its amount in this one is not given. `resting_minor`: the sum of the account that bears
    nothing; nobody had to pay that much of the minimum."""
    fee = min(set_minor, max(0, minimum_minor - resting_minor))
    if caps is None or caps.late_fee_minor is None:
        return fee
    return min(fee, caps.late_fee_minor) if caps.currency == currency else 0


def is_missed(unpaid: int, late_from: date | None, today: date, small_debt: int) -> bool:
    """Check whether a minimum with `unpaid` still open on its due date is a violation by the end of `today`."""
    return late_from is not None and late_from <= today and unpaid >= max(1, small_debt)
