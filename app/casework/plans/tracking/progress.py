"""Payments of an agreement, instalment by instalment: what came, what is short, what is next. Pure.

A payment that names an instalment pays that one first; everything else goes to the oldest instalment that is short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.assessing import (
    Assessment,
    Broken,
    InGrace,
    as_due,
    as_owed,
    assess,
)


@dataclass(frozen=True, slots=True)
class PlanPayment:
    """A payment or credit that counts toward an agreement, in minor units."""

    on: date
    amount: int
    n: int | None = None
    """The instalment that it named by reference."""


class InstalmentState(StrEnum):
    """The standing of one instalment at the end of a day."""

    TO_COME = "to_come"
    """Not due yet, or due today; a part of it may be paid."""
    PAID = "paid"
    NEARLY_PAID = "nearly_paid"
    """Short by no more than the tolerance, which counts as paid; the rest falls due with the last instalment."""
    SKIPPED = "skipped"
    """Skipped as agreed; its amount falls due with the last instalment."""
    COVERED = "covered"
    """Short, while other payments named later instalments: as much as fell due has come."""
    IN_GRACE = "in_grace"
    MISSED = "missed"
    """Short after its grace days."""


SHORT = (InstalmentState.TO_COME, InstalmentState.IN_GRACE, InstalmentState.MISSED)
"""States of an instalment that wants money, or wanted it when its time was over."""


@dataclass(frozen=True, slots=True)
class InstalmentProgress:
    """One instalment, in minor units."""

    n: int
    due_on: date
    agreed_on: date
    """Due date as first agreed: another one where the instalment was moved."""
    amount: int
    """As agreed."""
    due: int
    """What falls due on its date: nothing of a skipped one, more than agreed of the last after that."""
    paid: int
    short: int
    """What is missing of `due`, whether or not its date has come."""
    state: InstalmentState
    paid_on: date | None
    """Day on which it was paid, or nearly paid."""
    grace_until: date
    """The last day on which it can still be paid."""
    came: tuple[tuple[date, int], ...] = ()
    """What came for it: day and amount, oldest first."""

    def moved_from(self, days: int) -> date:
        """The day from which the bounds of a move count: that first agreed. A date that lies further from it than these
        `days` was given after a rest or a restoration, and counts itself."""
        return self.agreed_on if abs((self.due_on - self.agreed_on).days) <= days else self.due_on


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """An agreement at the end of a day, in minor units."""

    on: date
    stands: Assessment
    instalments: tuple[InstalmentProgress, ...]
    total: int
    paid: int
    """What went to its instalments."""
    beyond: int
    """What came beyond them all."""

    def line(self, n: int) -> InstalmentProgress:
        """The instalment of this number, which the plan has."""
        return next(each for each in self.instalments if each.n == n)

    @property
    def last(self) -> InstalmentProgress:
        """The last that falls due: with it come skipped amounts, and the interest of changes."""
        falling = (each for each in self.instalments if each.state is not InstalmentState.SKIPPED)
        return max(falling, key=lambda each: (each.due_on, each.n))

    @property
    def left(self) -> int:
        return self.total - self.paid

    @property
    def overdue(self) -> int:
        """The amount that fell due and is missing, in grace or after it."""
        late = (InstalmentState.IN_GRACE, InstalmentState.MISSED)
        return sum(each.short for each in self.instalments if each.state in late)

    @property
    def next(self) -> InstalmentProgress | None:
        """The instalment that money is wanted for next: the oldest that is in grace or still to come."""
        wanted = (InstalmentState.IN_GRACE, InstalmentState.TO_COME)
        unpaid = (each for each in self.instalments if each.state in wanted and each.short > 0)
        return min(unpaid, key=lambda each: (each.due_on, each.n), default=None)

    @property
    def percent_done(self) -> int:
        """Share of the total that is paid, rounded down: 100 only when all of it is."""
        return 100 * self.paid // self.total if self.total else 100


def progress(
    instalments: Sequence[Instalment],
    given: Sequence[PlanPayment],
    *,
    on: date,
    grace_days: int,
    tolerance: int = 0,
    nothing_left: bool = False,
) -> PlanProgress:
    """An agreement at the end of `on`; later payments do not count."""
    came = [payment for payment in given if payment.on <= on]
    payments = [(payment.on, payment.amount) for payment in came]
    owed = as_owed(instalments, payments, today=on, grace_days=grace_days, tolerance=tolerance)
    matched = match_payments(owed, came)
    due = {part.n: part for part in as_due(instalments)}
    counted = {part.n: part.amount for part in owed}
    stands = assess(
        instalments, payments, today=on, grace_days=grace_days, tolerance=tolerance, nothing_left=nothing_left
    )
    lines = tuple(
        _line(
            part,
            due.get(part.n),
            counted.get(part.n, 0),
            matched.shares.get(part.n, ()),
            on=on,
            grace_days=grace_days,
            tolerance=tolerance if owed and part.n == owed[-1].n else 0,
            stands=stands,
        )
        for part in sorted(instalments, key=lambda part: part.n)
    )
    total = sum(part.amount for part in instalments)
    paid = sum(line.paid for line in lines)
    return PlanProgress(on, _named(stands, lines), lines, total, paid, matched.beyond)


def when_time_was_over(
    part: Instalment,
    instalments: Sequence[Instalment],
    payments: Sequence[PlanPayment],
    *,
    on: date,
    grace_days: int,
    tolerance: int = 0,
) -> InstalmentProgress:
    """An instalment at the end of its grace days, or of `on` before that: what came later is no part of it."""
    last_day = min(on, part.due_on + timedelta(days=grace_days))
    found = progress(instalments, payments, on=last_day, grace_days=grace_days, tolerance=tolerance)
    return found.line(part.n)


def first_missed(
    instalments: Sequence[Instalment],
    payments: Sequence[PlanPayment],
    *,
    on: date,
    grace_days: int,
    tolerance: int = 0,
) -> int:
    """The number of the first instalment that was short when its time was over, or is short at the end of `on`; the
    last one where none is."""
    parts = as_due(instalments)
    for part in parts:
        line = when_time_was_over(
            part, instalments, payments, on=on, grace_days=grace_days, tolerance=tolerance
        )
        if line.state in SHORT and line.short > 0:
            return part.n
    return parts[-1].n


@dataclass(frozen=True, slots=True)
class Matching:
    """Shares of payments, (day, amount) oldest first, by instalment; and the money beyond all instalments."""

    shares: dict[int, tuple[tuple[date, int], ...]]
    beyond: int


def match_payments(parts: Sequence[Instalment], payments: Sequence[PlanPayment]) -> Matching:
    """Match payments to instalments: those that named one first, the rest, and what is too much for a named one, to the
    oldest that is short. The order in which they are given does not matter; no money is lost or made."""
    open_ = {part.n: part.amount for part in parts}
    by_date = sorted(parts, key=lambda part: (part.due_on, part.n))
    shares: dict[int, Counter[date]] = {part.n: Counter() for part in parts}
    rest: Counter[date] = Counter()

    def pay(n: int, on: date, amount: int) -> int:
        share = min(open_[n], amount)
        open_[n] -= share
        if share:
            shares[n][on] += share
        return amount - share

    for payment in sorted(payments, key=lambda payment: payment.on):
        named = payment.n if payment.n in open_ else None
        rest[payment.on] += payment.amount if named is None else pay(named, payment.on, payment.amount)
    beyond = 0
    for on in sorted(rest):
        amount = rest[on]
        for part in by_date:
            amount = pay(part.n, on, amount) if amount else 0
        beyond += amount
    return Matching({n: tuple(sorted(days.items())) for n, days in shares.items() if days}, beyond)


def _line(
    part: Instalment,
    due: Instalment | None,
    counted: int,
    shares: Sequence[tuple[date, int]],
    *,
    on: date,
    grace_days: int,
    tolerance: int,
    stands: Assessment,
) -> InstalmentProgress:
    """`counted`: what it has to bring to count as paid; `tolerance`: of the last instalment."""
    paid = sum(amount for _, amount in shares)
    owed = due.amount if due is not None else 0
    until = part.due_on + timedelta(days=grace_days)
    is_due = on >= part.due_on
    if part.is_skipped:
        state = InstalmentState.SKIPPED
    elif paid >= max(owed, counted):
        state = InstalmentState.PAID
    elif paid >= counted or (is_due and counted - paid <= tolerance):
        state = InstalmentState.NEARLY_PAID
    elif on <= part.due_on:
        state = InstalmentState.TO_COME
    elif isinstance(stands, InGrace):
        state, until = InstalmentState.IN_GRACE, stands.until
    elif isinstance(stands, Broken):
        state = InstalmentState.IN_GRACE if on <= until else InstalmentState.MISSED
    else:
        state = InstalmentState.COVERED
    done = state in (InstalmentState.PAID, InstalmentState.NEARLY_PAID)
    return InstalmentProgress(
        n=part.n,
        due_on=part.due_on,
        agreed_on=part.agreed_on or part.due_on,
        amount=part.amount,
        due=max(owed, counted),
        paid=paid,
        short=max(0, max(owed, counted) - paid),
        state=state,
        paid_on=shares[-1][0] if done and shares else None,
        grace_until=until,
        came=tuple(shares),
    )


def _named(stands: Assessment, lines: Sequence[InstalmentProgress]) -> Assessment:
    """The assessment, told of the instalment that is short once payments went where they were named for."""
    late = (InstalmentState.IN_GRACE, InstalmentState.MISSED)
    short = [line for line in lines if line.state in late]
    if not short or not isinstance(stands, Broken | InGrace) or stands.n in {line.n for line in short}:
        return stands
    first = min(short, key=lambda line: (line.due_on, line.n))
    if isinstance(stands, InGrace):
        return replace(stands, n=first.n)
    return replace(stands, n=first.n, due_on=first.due_on, came=first.paid)
