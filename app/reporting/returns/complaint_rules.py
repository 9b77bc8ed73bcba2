"""The rows of the UK complaints return in which a complaint counts, by its local days. Pure.

Source: DISP 1.5 (resolved by close of the third business day following the day of receipt), DISP 1.6 (eight weeks),
DISP 1.10.2R (what is reported).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from app.reporting.returns.rules import Period

SUMMARY_DAYS = 3
"""Business days in which a complaint may be resolved without a final response."""
FINAL_WEEKS = timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint by its days where the portfolio is."""

    complaint_id: int
    customer_id: int
    received_on: date
    """Of receipt, or of its reopening."""
    ended_on: date | None
    closed_by_person: bool
    """Otherwise its day ended it, without an answer."""
    cause: str = "other"
    """The cause of the form (`FormCause`)."""
    decided: str = ""
    """`upheld` (also in part), `rejected` or `withdrawn`; '' = no decision is on record."""


def rows_of_complaint(
    complaint: Complaint, period: Period, holidays: Collection[date]
) -> Iterator[tuple[str, date]]:
    """Each row in which it counts, with the day by which it does."""
    received, ended = complaint.received_on, complaint.ended_on
    is_open_at_end = ended is None or ended > period.on
    if received > period.on:
        return
    if received < period.first_on and (ended is None or ended >= period.first_on):
        yield "outstanding_before", received
    if received >= period.first_on:
        yield "opened", received
        yield f"cause_{complaint.cause}", received
    if is_open_at_end:
        yield "outstanding_after", received
    elif ended is not None and ended >= period.first_on:
        yield _row_of_end(complaint, ended, holidays), ended
        if complaint.decided:
            yield complaint.decided, ended


def _row_of_end(complaint: Complaint, ended_on: date, holidays: Collection[date]) -> str:
    if not complaint.closed_by_person:
        return "lapsed"
    if ended_on <= nth_business_day(complaint.received_on, SUMMARY_DAYS, holidays):
        return "closed_3_days"
    return "closed_8_weeks" if ended_on <= complaint.received_on + FINAL_WEEKS else "closed_later"


def nth_business_day(after: date, days: int, holidays: Collection[date]) -> date:
    """The business day that is so many business days after a day: no Saturday, Sunday or public holiday."""
    on = after
    while days:
        on += timedelta(days=1)
        if on.weekday() < 5 and on not in holidays:
            days -= 1
    return on
