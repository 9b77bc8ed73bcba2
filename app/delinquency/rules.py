"""Delinquency is a fold over dated events. This file is the definition; everything else only feeds or stores it.

- A statement closing on C with due date U and minimum M opens a minimum of M at the end of C.
- What is left of it after U is, from the day after U, an unpaid due (U, amount); on U itself nothing is late.
- A credit pays unpaid dues oldest first, then open minimums of statements with C < date <= U (oldest first),
  then the balance only: money beyond a minimum never counts toward a later statement's.
- Days past due on D = D - due date of the oldest unpaid due; "on D" means at the end of D.

Order within a date: minimums lapse, then credits, then closings. Amounts are minor units; a credit is positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

DAY = timedelta(days=1)
CURRENT = "current"


class PauseKind(StrEnum):
    """Why days do not count."""

    HARDSHIP = "hardship"
    MORATORIUM = "moratorium"
    DISPUTE = "dispute"
    BREATHING_SPACE = "breathing_space"


class MovementKind(StrEnum):
    FELL_PAST_DUE = "fell_past_due"
    PAID = "paid"
    """By payments."""
    ADJUSTED = "adjusted"
    """By refunds and other credits, a re-age, a creditor's position, or the account's end (charge-off, sale)."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A payment, refund or credit, net of its reversals, on its effective date."""

    on: date
    amount: int
    is_payment: bool


@dataclass(frozen=True, slots=True)
class Closing:
    on: date
    due_on: date
    minimum: int


@dataclass(slots=True)
class State:
    """What the fold carries from day to day. `through` None = nothing folded yet."""

    through: date | None = None
    dues: list[tuple[date, int]] = field(default_factory=list)
    """Unpaid dues (due_on, amount), oldest first."""
    minimums: list[tuple[date, date, int]] = field(default_factory=list)
    """Open minimums (closing_on, due_on, amount), oldest first."""

    @property
    def past_due(self) -> int:
        return sum(amount for _, amount in self.dues)

    @property
    def oldest_due_on(self) -> date | None:
        return self.dues[0][0] if self.dues else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands at the end of a day while past due."""

    bucket: str
    oldest_due_on: date
    past_due: int


@dataclass(slots=True)
class Folded:
    """What folding some days added: movements, and the days on which the standing changed (None = current)."""

    movements: list[tuple[date, MovementKind, int]] = field(default_factory=list)
    standings: list[tuple[date, Standing | None]] = field(default_factory=list)


def days_past_due(oldest_due_on: date | None, on: date) -> int:
    return (on - oldest_due_on).days if oldest_due_on is not None and on > oldest_due_on else 0


def bucket_labels(edges: Sequence[int]) -> list[str]:
    """Labels of the buckets, current first: edges (1, 30, 60) give current, 1-29, 30-59, 60+."""
    spans = [f"{low}-{high - 1}" for low, high in zip(edges, edges[1:], strict=False)]
    return [CURRENT, *spans, f"{edges[-1]}+"]


def bucket_of(days: int, edges: Sequence[int]) -> str:
    label = CURRENT
    for edge, name in zip(edges, bucket_labels(edges)[1:], strict=True):
        if days >= edge:
            label = name
    return label


def fold(
    state: State,
    credits: Sequence[Credit],
    closings: Sequence[Closing],
    *,
    through: date,
    edges: Sequence[int],
) -> Folded:
    """Advance `state` in place to the end of `through` and say what changed on the way.

    `credits` and `closings` are those with state.through < on <= through, in any order; events outside that
    stretch are a caller's mistake and raise ValueError (a back-dated event needs a fold from nothing).
    """
    events = _by_date(state, credits, closings, through)
    out = Folded()
    stood = standing(state, state.through, edges) if state.through else None
    while True:
        on = _next_date(state, events, stood, edges)
        if on is None or on > through:
            break
        _lapse(state, on, out)
        todays_credits, todays_closings = events.pop(on, ((), ()))
        for credit in todays_credits:
            _apply(state, credit, out)
        for closing in todays_closings:
            if closing.minimum > 0:
                state.minimums.append((closing.on, closing.due_on, closing.minimum))
        state.through = on
        stands = standing(state, on, edges)
        if stands != stood:
            out.standings.append((on, stands))
            stood = stands
    state.through = through
    return out


def next_wake(state: State, edges: Sequence[int], upcoming: date | None) -> date | None:
    """First day after `state.through` on which the account changes by itself or by an event already known.

    `upcoming` is the first known entry or closing after `state.through`.
    """
    assert state.through is not None
    own = _next_date(state, {}, standing(state, state.through, edges), edges)
    dates = [d for d in (own, upcoming) if d is not None]
    return min(dates) if dates else None


_Events = dict[date, tuple[list[Credit], list[Closing]]]


def _by_date(state: State, credits: Iterable[Credit], closings: Iterable[Closing], through: date) -> _Events:
    events: _Events = {}
    for credit in credits:
        events.setdefault(credit.on, ([], []))[0].append(credit)
    for closing in closings:
        events.setdefault(closing.on, ([], []))[1].append(closing)
    for on in events:
        if on > through or (state.through is not None and on <= state.through):
            raise ValueError(f"event on {on} is outside the stretch after {state.through} up to {through}")
    for same_day in events.values():
        same_day[1].sort(key=lambda c: c.due_on)
    return events


def _next_date(state: State, events: _Events, stood: Standing | None, edges: Sequence[int]) -> date | None:
    """The next day on which something happens: an event, a minimum that lapses, a bucket edge that is crossed."""
    after = state.through
    candidates = list(events)
    candidates += [due_on + DAY for _, due_on, _ in state.minimums]
    if stood is not None:
        candidates += [stood.oldest_due_on + timedelta(days=edge) for edge in edges]
    later = [on for on in candidates if after is None or on > after]
    return min(later) if later else None


def standing(state: State, on: date, edges: Sequence[int]) -> Standing | None:
    """Where an account with this state stands at the end of `on`; None = current."""
    oldest = state.oldest_due_on
    if oldest is None:
        return None
    return Standing(bucket_of((on - oldest).days, edges), oldest, state.past_due)


def _lapse(state: State, on: date, out: Folded) -> None:
    """Open minimums whose due date has passed become unpaid dues."""
    open_minimums = []
    for closing_on, due_on, amount in state.minimums:
        if due_on < on:
            state.dues.append((due_on, amount))
            out.movements.append((on, MovementKind.FELL_PAST_DUE, amount))
        else:
            open_minimums.append((closing_on, due_on, amount))
    if len(open_minimums) != len(state.minimums):
        state.minimums = open_minimums
        state.dues.sort(key=lambda due: due[0])


def _apply(state: State, credit: Credit, out: Folded) -> None:
    left = credit.amount
    to_dues = 0
    while left > 0 and state.dues:
        due_on, amount = state.dues[0]
        paid = min(left, amount)
        left -= paid
        to_dues += paid
        if paid == amount:
            state.dues.pop(0)
        else:
            state.dues[0] = (due_on, amount - paid)
    if to_dues:
        kind = MovementKind.PAID if credit.is_payment else MovementKind.ADJUSTED
        out.movements.append((credit.on, kind, to_dues))
    if left > 0 and state.minimums:
        kept = []
        for closing_on, due_on, amount in state.minimums:
            paid = min(left, amount) if closing_on < credit.on <= due_on else 0
            left -= paid
            if amount > paid:
                kept.append((closing_on, due_on, amount - paid))
        state.minimums = kept
