"""New dates of a running agreement that rested (decision 0386). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, pairwise

from app.casework.plans.rules import REGULAR, Cadence, Instalment, period_on
from app.casework.plans.schedule import working_day
from app.casework.plans.tracking.assessing import Payments, as_owed, paid_by

RESTED = "the agreement rested while nothing could be asked for"
"""The reason of the new dates of open payments."""
PAID_MEANWHILE = "it was paid while the agreement rested"
TIME_TO_BE_TOLD = timedelta(days=14)
"""From the end of a rest to the first day by which a payment may be asked for: a letter by post takes a week."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewDates:
    """Due dates by number of the instalment."""

    paid: Mapping[int, date]
    """Of those that were paid after their time: they are due today, and so in time."""
    open: Mapping[int, date]
    """Of all that are not paid, where the first of them would have to be paid before the customer can be told. They
    move by as many whole periods; without a cadence, by as many days."""


def dates_after_rest(
    instalments: Sequence[Instalment],
    payments: Payments,
    cadence: Cadence,
    *,
    on_schedule: Sequence[date] = (),
    today: date,
    ended_on: date,
    grace_days: int,
    tolerance: int,
    is_off: Callable[[date], bool],
) -> NewDates:
    """The dates that change, at the end of `today`, after a rest that ended on `ended_on`. Asked again on a later day,
    none changes once more. None of those to come is a day on which banks are closed (`is_off`).

    `on_schedule`: the due dates of the agreed schedule, as if it went on without end.
    """
    parts = as_owed(instalments, payments, today=today, grace_days=grace_days, tolerance=tolerance)
    paid, grace = paid_by(payments, today), timedelta(days=grace_days)
    owed = dict(zip((part.n for part in parts), accumulate(part.amount for part in parts), strict=True))
    spared = {parts[-1].n: tolerance} if parts and today >= parts[-1].due_on else {}
    left = [part for part in parts if owed[part.n] - spared.get(part.n, 0) > paid]
    late = [
        part
        for part in parts
        if part not in left and owed[part.n] > paid_by(payments, part.due_on + grace) + spared.get(part.n, 0)
    ]
    moved = _moved(left, cadence, ended_on + TIME_TO_BE_TOLD, grace, on_schedule, is_off)
    return NewDates(dict.fromkeys((part.n for part in late), today), moved)


def _moved(
    left: Sequence[Instalment],
    cadence: Cadence,
    least: date,
    grace: timedelta,
    on_schedule: Sequence[date],
    is_off: Callable[[date], bool],
) -> Mapping[int, date]:
    """The dates of what is left, by as many periods later as the first of them needs to come to `least`."""
    if not left or left[0].due_on + grace >= least:
        return {}
    first = left[0].due_on
    if cadence not in REGULAR:
        days = [part.due_on + (least - first) for part in left]
    else:
        places = {day: at for at, day in enumerate(on_schedule)}

        def later(day: date, periods: int) -> date:
            """One of the schedule stays on it: a payment at the end of a month, or after a payday, falls due at the end
            of a month, or after a payday."""
            at = places.get(day)
            if at is None or at + periods >= len(on_schedule):
                return period_on(day, cadence, periods)
            return on_schedule[at + periods]

        periods = 1
        while later(first, periods) < least:
            periods += 1
        days = [later(part.due_on, periods) for part in left]
    days[0] = working_day(days[0], is_off)
    for at, (before, day) in enumerate(pairwise(days), start=1):
        days[at] = working_day(max(day, before + _DAY), is_off)
    return {part.n: day for part, day in zip(left, days, strict=True)}
