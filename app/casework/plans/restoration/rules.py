"""Restoration of a broken agreement: whether its payment was made in time after all, and what happens to instalments
whose time ran while it was taken to be broken. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from app.casework.plans.rules import Instalment
from app.casework.plans.tracking.assessing import (
    Assessment,
    Broken,
    InGrace,
    Kept,
    Payments,
    Running,
    assess,
)

CASE_CLOSED = "the case was closed"
"""Why a restored agreement does not run on where its case was closed meanwhile."""
MORE_TIME = timedelta(days=14)
"""From the restoration to the first day by which a payment may be asked for: a letter by post takes a week, and the
customer had read that the agreement was over."""


@dataclass(frozen=True, slots=True)
class Break:
    """A break as it is on record: the instalment, and the day on which the agreement was found broken."""

    n: int
    on: date


@dataclass(frozen=True, slots=True)
class Restored:
    """An agreement that was not broken: how it stands today, and the instalments that get a new date."""

    stands: Running | InGrace | Kept
    more_time: tuple[Instalment, ...] = ()
    """Those that are short and whose time would have ended before `new_date`, as they were; all of them fall due on
    it."""
    new_date: date | None = None


def judge_break(
    instalments: Sequence[Instalment],
    payments: Payments,
    late: Payments,
    broken: Break,
    *,
    today: date,
    grace_days: int,
    tolerance: int = 0,
) -> Restored | None:
    """The agreement as it stands at the end of `today` with all payments known by now, if it was not broken; None if
    it was. A payment counts on its own date, on whatever day it was posted.

    `late`: those of the payments that were posted after the break. It is taken back only if they make the difference:
    an agreement of which nothing was missing broke for another reason, as a settlement does whose debt is a higher one
    because a payment from before its offer came back.
    """
    stands = partial(
        _stands, instalments, broken=broken, today=today, grace_days=grace_days, tolerance=tolerance
    )
    if stands(list((Counter(payments) - Counter(late)).elements())) is not None:
        return None
    return stands(payments)


def _stands(
    instalments: Sequence[Instalment],
    payments: Payments,
    *,
    broken: Break,
    today: date,
    grace_days: int,
    tolerance: int,
) -> Restored | None:
    parts = list(instalments)

    def judged(on: date) -> Assessment:
        return assess(parts, payments, today=on, grace_days=grace_days, tolerance=tolerance)

    part = next((each for each in parts if each.n == broken.n), None)
    if part is None:
        return None
    over_on = part.due_on + timedelta(days=grace_days + 1)
    if is_short(judged(min(today, max(broken.on, over_on))), part):
        return None
    more_time: list[Instalment] = []
    new_date = today + MORE_TIME
    while (at := _out_of_time(parts, stands := judged(today), new_date, grace_days)) is not None:
        more_time.append(parts[at])
        parts[at] = replace(parts[at], due_on=new_date)
    if not isinstance(stands, Running | InGrace | Kept):
        return None
    return Restored(stands, tuple(more_time), new_date if more_time else None)


def _out_of_time(parts: Sequence[Instalment], stands: Assessment, until: date, grace_days: int) -> int | None:
    """The place of the instalment that money is wanted for next, if its grace days end before `until`."""
    match stands:
        case Broken(n=n):
            return next(at for at, each in enumerate(parts) if each.n == n)
        case InGrace(n=n, until=last_day) if last_day < until:
            return next(at for at, each in enumerate(parts) if each.n == n)
        case Running(next_due_on=day) if day + timedelta(days=grace_days) < until:
            return next(at for at, each in enumerate(parts) if each.due_on == day and not each.is_skipped)
    return None


def is_short(stands: Assessment, part: Instalment) -> bool:
    """True if the agreement was broken on that day, or the instalment was still to be paid: of a settlement whose
    payment came back before its day."""
    match stands:
        case Broken():
            return True
        case InGrace(n=n):
            return n == part.n
        case Running(next_due_on=due_on):
            return due_on <= part.due_on
    return False
