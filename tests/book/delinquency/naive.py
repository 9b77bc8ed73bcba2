"""The reference the fold is measured against: an accountant with a calendar, one day after another, no cleverness.

It shares no line with `app.book.delinquency.rules`; read it beside docs/delinquency.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass
class Life:
    """All that ever happens to one account."""

    credits: list[tuple[date, int, bool]] = field(default_factory=list)
    closings: list[tuple[date, date, int]] = field(default_factory=list)
    positions: list[tuple[date, int, date | None]] = field(default_factory=list)
    re_ages: list[date] = field(default_factory=list)
    pauses: list[tuple[date, date | None]] = field(default_factory=list)
    ended_on: date | None = None
    waivers: list[tuple[date, int, date, date]] = field(default_factory=list)
    prepays: bool = False


@dataclass
class Owed:
    """A statement's minimum: what is left of it, and how many days it is late."""

    due_on: date
    left: int
    days_late: int = 0
    closed: date | None = None


def diary(life: Life, first: date, last: date) -> Iterator[tuple[date, int, int]]:
    """(day, past due, days past due) at the end of each day; nothing happened before `first`."""
    owed: list[Owed] = []
    purse = 0
    day = first
    while day <= last:
        if counts(life, day):
            for item in owed:
                item.days_late += item.due_on < day
        for _, charge, closed, due_on in (w for w in life.waivers if w[0] == day):
            # Once late, a minimum is known by its due date alone.
            for item in sorted(owed, key=lambda o: o.days_late == 0):
                if item.due_on == due_on and (item.days_late or item.closed == closed):
                    taken = min(charge, item.left)
                    charge, item.left = charge - taken, item.left - taken
        late_ones_first = sorted((o for o in owed if o.days_late), key=lambda o: o.due_on)
        late_ones_first += [o for o in owed if not o.days_late]
        for money in (amount for when, amount, _ in life.credits if when == day):
            for item in late_ones_first:
                paid = min(money, item.left)
                money, item.left = money - paid, item.left - paid
            purse += money if life.prepays else 0
        if day in life.re_ages:
            owed = [o for o in owed if not o.days_late]
        for _, past_due, since in (p for p in life.positions if p[0] == day):
            owed = [Owed(since, past_due, days_between(life, since, day), day)] if since else []
            purse = 0
        for closed, due_on, minimum in sorted(life.closings):
            if closed == day:
                ahead = min(purse, minimum)
                purse -= ahead
                owed.append(Owed(due_on, minimum - ahead, closed=day))
        if life.ended_on is not None and day >= life.ended_on:
            owed, purse = [], 0
        late = [o for o in owed if o.days_late and o.left]
        yield day, sum(o.left for o in late), max((o.days_late for o in late), default=0)
        day += timedelta(days=1)


def stands(life: Life, first: date, on: date) -> tuple[int, int]:
    """(past due, days past due) at the end of `on`."""
    *_, (_, past_due, days_late) = diary(life, first, on)
    return past_due, days_late


def counts(life: Life, day: date) -> bool:
    return not any(start <= day and (end is None or day < end) for start, end in life.pauses)


def days_between(life: Life, due_on: date, on: date) -> int:
    return sum(counts(life, due_on + timedelta(days=n)) for n in range(1, (on - due_on).days + 1))


def bucket(days: int, edges: tuple[int, ...]) -> str:
    name = "current"
    for edge, following in zip(edges, (*edges[1:], None), strict=True):
        if days >= edge:
            name = f"{edge}-{following - 1}" if following else f"{edge}+"
    return name
