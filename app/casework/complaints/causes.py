"""Root causes with their complaints: by month, and before and after the action against each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import Session

from app.casework.complaints.models import RootCause
from app.casework.complaints.queries import causes_of, days_by_cause
from app.core.dates import add_months
from app.core.ids import id_of

MONTHS = 6
"""Months shown, the last of which is this one."""
LONGEST_COMPARISON = 90
"""Days before and after an action that are compared at most."""


@dataclass(frozen=True, slots=True)
class CauseRow:
    """A root cause with its complaints."""

    cause: RootCause
    complaints: int
    """Since the first month shown, or the first day compared."""
    before: int | None
    """In as many days before the action as have passed since, at most 90; None = no action works yet."""
    after: int | None
    by_month: Mapping[str, int] = field(default_factory=dict)

    @property
    def fell(self) -> bool | None:
        """Whether fewer came after the action than before; None = nothing to compare."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after < self.before


def cause_rows(session: Session, portfolio_id: int, today: date) -> Sequence[CauseRow]:
    """The root causes of a portfolio, by name."""
    causes = causes_of(session, portfolio_id)
    firsts = [each.action_on - timedelta(days=LONGEST_COMPARISON) for each in causes if each.action_on]
    since = min([first_month(today), *firsts])
    days: dict[int, Counter[date]] = {id_of(each): Counter() for each in causes}
    for cause_id, day, n in days_by_cause(session, portfolio_id, since):
        if cause_id in days:
            days[cause_id][day] += n
    return [_row(each, days[id_of(each)], today) for each in causes]


def first_month(today: date) -> date:
    """The first day of the first month shown."""
    return add_months(today.replace(day=1), 1 - MONTHS)


def months_shown(today: date) -> Sequence[str]:
    """The months shown, as `2026-03`."""
    return [add_months(first_month(today), n).strftime("%Y-%m") for n in range(MONTHS)]


def _row(cause: RootCause, days: Mapping[date, int], today: date) -> CauseRow:
    by_month = dict.fromkeys(months_shown(today), 0)
    for day, n in days.items():
        if (month := day.strftime("%Y-%m")) in by_month:
            by_month[month] += n
    before = after = None
    if cause.action_on is not None and cause.action_on <= today:
        span = timedelta(days=min((today - cause.action_on).days + 1, LONGEST_COMPARISON))
        before = sum(n for day, n in days.items() if cause.action_on - span <= day < cause.action_on)
        after = sum(n for day, n in days.items() if cause.action_on <= day < cause.action_on + span)
    return CauseRow(cause, sum(days.values()), before, after, by_month)
