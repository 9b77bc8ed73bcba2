"""The figures of accounts, counted by hand: each account folded from its ledger, each figure added up in plain Python.

Nothing here is shared with the statements that the night runs but the fold itself: that is what makes it a proof. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import chain

from app.book.delinquency.days import CURRENT, DAY, bucket_labels
from app.book.delinquency.facts import MovementKind
from app.book.ledger.rules import AccountStatus
from app.core.dates import month_start
from app.reporting.kpis.definitions.outcomes.rules import LOST
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.proof.life import Counted, Key, Life
from app.reporting.kpis.proof.outcomes import count_classes, count_outcomes, count_roll_forward
from app.reporting.kpis.rules import OVERDUE_DAYS, Dimension


def count(life: Life, on: date) -> Iterator[tuple[Key, int, int]]:
    """Everything that the account adds to the figures of `on`: numerator and denominator by bucket, and of the
    supervisory classes by class, too."""
    for kpi, bucket, numerator, denominator in chain(_by_bucket(life, on), count_outcomes(life, on)):
        yield (kpi, Dimension.BUCKET, bucket), numerator, denominator
    yield from count_classes(life, on)
    yield from count_roll_forward(life, on)


def _by_bucket(life: Life, on: date) -> Iterator[Counted]:
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
    for dimension, scheme in schemes().items():
        is_classified = stands is not None and (on - stands.counted_from).days >= scheme.classified_from
        yield f"classified_rate_{dimension}", life.bucket(on), owed if is_classified else 0, owed


def _flow(life: Life, on: date) -> Iterator[Counted]:
    then_on = month_start(on) - DAY
    has_ended = life.ended_on is not None and life.ended_on <= then_on
    is_unknown = life.known_from is not None and life.known_from > then_on
    then = life.bucket(then_on)
    if has_ended or is_unknown or not life.is_counted(then_on):
        return
    yield "roll_matrix", then, 1, 1
    yield "roll_matrix_balance", then, life.balance_then, life.balance_then
    is_off = life.status is AccountStatus.CHARGED_OFF and life.ended_on is not None and life.ended_on <= on
    yield "charge_off_rate", then, life.balance_then if is_off else 0, life.balance_then
    if then == CURRENT:
        return
    labels = bucket_labels(life.edges)
    if life.ended_on is not None and life.ended_on <= on:
        worse, cured = life.status in LOST, life.status is AccountStatus.PAID
    else:
        now = life.bucket(on)
        worse, cured = labels.index(now) > labels.index(then), now == CURRENT
    re_aged = any(then_on < each <= on for each in life.re_aged_on)
    for kpi, counts in (("roll_rate", worse), ("cure_rate", cured), ("re_aged_rate", re_aged)):
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


def summed(counted: Iterable[tuple[Key, int, int]]) -> dict[Key, list[int]]:
    """Numerator and denominator by figure, dimension and member."""
    sums: dict[Key, list[int]] = {}
    for key, numerator, denominator in counted:
        pair = sums.setdefault(key, [0, 0])
        pair[0] += numerator
        pair[1] += denominator
    return sums
