"""Trace of the fold: which credit paid which minimum. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.book.delinquency.days import DAY, NEVER, day_that_counts, union
from app.book.delinquency.facts import Events


class TakenBy(StrEnum):
    """Causes that take a minimum away unpaid."""

    RE_AGE = "re_age"
    POSITION = "position"
    END = "end"


@dataclass(slots=True)
class Owed:
    """One minimum and its fate. `closing` is its index in the events, None for a reported position."""

    closing: int | None
    due_on: date
    amount: int
    late_from: date
    """The first day on which it is past due unless it is paid before."""
    paid: list[tuple[int, int]] = field(default_factory=list)
    """(index of the credit in the events, amount), in order."""
    waived: list[tuple[int, int]] = field(default_factory=list)
    """(index of the waiver in the events, amount), in order."""
    closing_on: date | None = None
    left: int = 0
    """Amount still open or unpaid at the end of the stretch."""
    taken: int = 0
    """Amount taken away unpaid on `taken_on`."""
    taken_on: date | None = None
    taken_by: TakenBy | None = None


def trace(events: Events, *, through: date) -> list[Owed]:
    """Trace which credit paid which minimum, from nothing to the end of `through`.

    It applies the fold's rules once more, slowly and with names kept. A property test holds both together.
    Events after `through` are left out.
    """
    pauses = union(events.pauses)
    horizon = min(through, events.ended_on or NEVER, NEVER - DAY)
    credits = sorted(enumerate(events.credits), key=lambda c: c[1][0])
    closings = sorted(enumerate(events.closings), key=lambda c: c[1])
    dates = {e[0] for e in (*events.credits, *events.closings, *events.positions)} | {*events.re_ages}
    dates |= {waiver[0] for waiver in events.waivers}
    waivers = sorted(enumerate(events.waivers), key=lambda w: w[1])
    owed: list[Owed] = []
    kept: list[tuple[int, int]] = []
    """Money beyond what was due: (index of the credit, amount)."""
    for on in sorted(d for d in dates | {horizon} if d <= horizon):
        for index, (_, amount, closing_on, due_on) in (w for w in waivers if w[1][0] == on):
            for item in sorted(owed, key=lambda o: o.late_from > on):
                is_late = item.late_from <= on
                if item.due_on == due_on and (is_late or item.closing_on == closing_on):
                    taken = min(amount, item.left)
                    if taken:
                        item.waived.append((index, taken))
                        item.left, amount = item.left - taken, amount - taken
        late = sorted((o for o in owed if o.left and o.late_from <= on), key=lambda o: o.due_on)
        early = [o for o in owed if o.left and o.late_from > on]
        for index, (_, amount, _) in (c for c in credits if c[1][0] == on):
            for item in late + early:
                paid = min(amount, item.left)
                if paid:
                    item.paid.append((index, paid))
                    item.left, amount = item.left - paid, amount - paid
            if amount and events.prepays:
                kept.append((index, amount))
        if on in events.re_ages:
            _take(late, on, TakenBy.RE_AGE)
        for _, past_due, since in (p for p in events.positions if p[0] == on):
            _take(owed, on, TakenBy.POSITION)
            kept = []
            if since is not None and past_due > 0:
                late_from = day_that_counts(1, since, pauses)
                owed.append(Owed(None, since, past_due, late_from, closing_on=on, left=past_due))
        for index, (_, due_on, minimum) in (c for c in closings if c[1][0] == on):
            late_from = day_that_counts(1, due_on, pauses)
            item = Owed(index, due_on, minimum, late_from, closing_on=on, left=minimum)
            kept = _use_kept(kept, item)
            owed.append(item)
        if on == events.ended_on:
            _take(owed, on, TakenBy.END)
    return owed


def _use_kept(kept: list[tuple[int, int]], item: Owed) -> list[tuple[int, int]]:
    """Pay a minimum that closes with money kept for it; returns what is kept on."""
    rest = []
    for index, amount in kept:
        paid = min(amount, item.left)
        if paid:
            item.paid.append((index, paid))
            item.left -= paid
        if amount > paid:
            rest.append((index, amount - paid))
    return rest


def _take(owed: list[Owed], on: date, by: TakenBy) -> None:
    for item in owed:
        if item.left:
            item.taken, item.taken_on, item.taken_by, item.left = item.left, on, by, 0
