"""The figures of accounts, counted by hand: each account folded from its ledger, each figure added up in plain Python.

Nothing here is shared with the statements that the night runs but the fold itself: that is what makes it a proof. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from app.book.delinquency.days import CURRENT, DAY, bucket_labels
from app.book.delinquency.facts import Folded, MovementKind, Standing
from app.book.ledger.rules import AccountStatus
from app.core.dates import month_start
from app.reporting.kpis.rules import OVERDUE_DAYS

Counted = tuple[str, str, int, int]
"""Figure, bucket, numerator, denominator: what one account adds."""
LOST = (AccountStatus.CHARGED_OFF, AccountStatus.SOLD)


@dataclass(frozen=True, slots=True)
class Life:
    """The ledger of an account, and its fold from nothing through the day that is counted."""

    status: AccountStatus
    opened_on: date
    ended_on: date | None
    works_charged_off: bool
    """Accounts that came charged off count in its portfolio."""
    known_from: date | None
    """First day on which its creditor reported it; None = its ledger is kept from the beginning."""
    edges: tuple[int, ...]
    balance: int
    """At the end of the day that is counted."""
    balance_then: int
    """At the end of the month before."""
    folded: Folded

    def stands(self, on: date) -> Standing | None:
        """Its standing at the end of a day; None = current."""
        changes = self.folded.standings
        place = bisect_right(changes, on, key=lambda change: change[0])
        return changes[place - 1][1] if place else None

    def bucket(self, on: date) -> str:
        stands = self.stands(on)
        return stands.bucket if stands else CURRENT

    def past_due(self, on: date) -> int:
        stands = self.stands(on)
        return stands.past_due if stands else 0

    def is_counted(self, on: date) -> bool:
        """It was open, and not charged off, by the end of the day."""
        if self.opened_on > on:
            return False
        if self.status is not AccountStatus.CHARGED_OFF:
            return True
        return self.works_charged_off if self.ended_on is None else self.ended_on > on


def count(life: Life, on: date) -> Iterator[Counted]:
    """Everything that the account adds to the figures of `on`."""
    yield from _recovery("recovery_rate", life, month_start(on), on)
    yield from _recovery("recovery_rate_30d", life, on - timedelta(days=29), on)
    if life.is_counted(on):
        yield from _overdue(life, on)
    yield from _flow(life, on)
    yield from _repayment(life, on)


def _recovery(kpi: str, life: Life, first_on: date, on: date) -> Iterator[Counted]:
    bucket = life.bucket(first_on - DAY)
    moved = [(kind, amount) for day, kind, amount in life.folded.movements if first_on <= day <= on]
    paid = sum(amount for kind, amount in moved if kind is MovementKind.PAID)
    fell = sum(amount for kind, amount in moved if kind is MovementKind.FELL_PAST_DUE)
    yield kpi, bucket, paid, life.past_due(first_on - DAY) + fell


def _overdue(life: Life, on: date) -> Iterator[Counted]:
    stands, owed = life.stands(on), max(0, life.balance)
    for days in OVERDUE_DAYS:
        is_late = stands is not None and (on - stands.counted_from).days >= days
        bucket = life.bucket(on)
        yield f"overdue_rate_balance_{days}", bucket, owed if is_late else 0, owed
        yield f"overdue_rate_accounts_{days}", bucket, int(is_late), 1


def _flow(life: Life, on: date) -> Iterator[Counted]:
    then_on = month_start(on) - DAY
    has_ended = life.ended_on is not None and life.ended_on <= then_on
    is_unknown = life.known_from is not None and life.known_from > then_on
    then = life.bucket(then_on)
    if has_ended or is_unknown or not life.is_counted(then_on):
        return
    yield "roll_matrix", then, 1, 1
    yield "roll_matrix_balance", then, life.balance_then, life.balance_then
    if then == CURRENT:
        return
    labels = bucket_labels(life.edges)
    if life.ended_on is not None and life.ended_on <= on:
        worse, cured = life.status in LOST, life.status is AccountStatus.PAID
    else:
        now = life.bucket(on)
        worse, cured = labels.index(now) > labels.index(then), now == CURRENT
    for kpi, counts in (("roll_rate", worse), ("cure_rate", cured)):
        yield kpi, then, int(counts), 1
        yield f"{kpi}_balance", then, life.balance_then if counts else 0, life.balance_then


def _repayment(life: Life, on: date) -> Iterator[Counted]:
    fell_on = on - timedelta(days=30)
    if life.stands(fell_on) is None or life.stands(fell_on - DAY) is not None:
        return
    cleared = False
    for day, stands in life.folded.standings:
        if fell_on < day <= on and stands is None:
            cleared = not (life.status in LOST and life.ended_on == day)
            break
    yield "overdue_repayment_rate", life.bucket(on), int(cleared), 1


def summed(counted: Iterable[Counted]) -> dict[tuple[str, str], list[int]]:
    """Numerator and denominator by figure and bucket."""
    sums: dict[tuple[str, str], list[int]] = {}
    for kpi, bucket, numerator, denominator in counted:
        pair = sums.setdefault((kpi, bucket), [0, 0])
        pair[0] += numerator
        pair[1] += denominator
    return sums
