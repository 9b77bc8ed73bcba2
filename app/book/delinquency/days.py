"""Days that count toward days past due, and the buckets of days past due. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

DAY = timedelta(days=1)


NEVER = date.max


CURRENT = "current"


Interval = tuple[date, date | None]
"""Days [from, to); no `to` = open."""


def bucket_labels(edges: Sequence[int]) -> list[str]:
    """Labels of the buckets, current first: edges (1, 30, 60) give current, 1-29, 30-59, 60+."""
    return list(labels_of(tuple(edges)))


def bucket_of(days: int, edges: Sequence[int]) -> str:
    return labels_of(tuple(edges))[bisect_right(edges, days)]


@cache
def labels_of(edges: tuple[int, ...]) -> tuple[str, ...]:
    spans = [f"{low}-{high - 1}" for low, high in zip(edges, edges[1:], strict=False)]
    return (CURRENT, *spans, f"{edges[-1]}+")


_delta = cache(timedelta)


def days_past_due(oldest_due_on: date | None, on: date, pauses: Sequence[Interval] = ()) -> int:
    """The days in (oldest_due_on, on] that count."""
    if oldest_due_on is None or on <= oldest_due_on:
        return 0
    first, end = oldest_due_on + DAY, on + DAY
    paused = sum(
        (min(to_on, end) - max(from_on, first)).days
        for from_on, to_on in union(pauses)
        if from_on < end and to_on > first
    )
    return (on - oldest_due_on).days - paused


def union(pauses: Sequence[Interval]) -> list[tuple[date, date]]:
    """The same days as intervals that neither overlap nor touch, in order; an open one ends `NEVER`."""
    merged: list[tuple[date, date]] = []
    for from_on, to_on in sorted((from_on, to_on or NEVER) for from_on, to_on in pauses):
        if merged and from_on <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(to_on, merged[-1][1]))
        else:
            merged.append((from_on, to_on))
    return merged


def day_that_counts(n: int, due_on: date, pauses: Sequence[Interval]) -> date:
    """The n-th day after `due_on` that counts: the first on which days past due are n. NEVER if there is none."""
    if not pauses:
        return due_on + _delta(n)
    on = due_on.toordinal() + n
    for from_on, to_on in union(pauses):
        if from_on.toordinal() > on:
            break
        if to_on > due_on + DAY:
            on += (to_on - max(from_on, due_on + DAY)).days
    return date.fromordinal(min(on, NEVER.toordinal()))
