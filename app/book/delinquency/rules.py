"""Delinquency is a fold over dated events. One file, however long: it is the definition, all else feeds or stores it.

- A statement closing on C with due date U and minimum M opens a minimum of M at the end of C.
- What is left of it after U is, from the first day after U that counts, an unpaid due (U, amount); on U itself
  nothing is late.
- A credit pays unpaid dues oldest first, then open minimums of statements that closed before its date (oldest
  first), then the balance only: money beyond a minimum never counts toward a later statement's. Where the product
  says so (`prepays`), money beyond what is due is kept and pays the next minimums as they close.
- A waiver takes back a charge. It lowers what is left of the minimum of the statement that billed the charge, late
  or open, and nothing else: it pays no other due and no later minimum.
- Days past due on D = the days in (U, D] that count, U being the due date of the oldest unpaid due; "on D" means
  at the end of D. So something is past due exactly where days past due are 1 or more.
- A pause is an interval of days that do not count, as if they did not exist: nothing falls past due on them and
  no bucket edge is crossed. Credits and closings on them are what they are on any day.
- A re-age on R: at the end of R all unpaid dues are gone; open minimums stay.
- A position the creditor reports: at the end of its date what is unpaid is what it says, as one due of the oldest
  due date (open, if no day after that date has counted yet); other open minimums are dropped.
- An account's end (charged off, settled, paid off, sold): at the end of that day dues and minimums are gone, and
  nothing after it has any effect.

Order within a date: minimums lapse, waivers, credits, re-age, position, closings, end. Amounts are minor units; a
credit is positive.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from operator import itemgetter
from typing import NamedTuple

DAY = timedelta(days=1)
NEVER = date.max
CURRENT = "current"

Interval = tuple[date, date | None]
"""Days [from, to); no `to` = open."""


class MovementKind(StrEnum):
    FELL_PAST_DUE = "fell_past_due"
    PAID = "paid"
    """By payments."""
    ADJUSTED = "adjusted"
    """By refunds and other credits, waivers, a re-age, a creditor's position, or the account's end (a charge-off)."""


class Credit(NamedTuple):
    """A payment, refund or credit that was not reversed, on its effective date."""

    on: date
    amount: int
    is_payment: bool


class Waived(NamedTuple):
    """A charge that was forgiven, wholly or in part, and that a statement had billed; not reversed."""

    on: date
    amount: int
    closing_on: date
    due_on: date
    """Closing and due date of the statement that billed it, or of the position that reported it."""


class Closing(NamedTuple):
    """A statement: closing date, due date (after it) and minimum."""

    on: date
    due_on: date
    minimum: int


class Reported(NamedTuple):
    """What the placing creditor says is past due at the end of a day; no oldest due date = nothing."""

    on: date
    past_due: int
    oldest_due_on: date | None


@dataclass(slots=True)
class Events:
    """What is to be folded: `Credit`, `Closing`, `Reported`, `Waived`, or plain tuples of their shape.

    Lists may come in any order; credits of one date count in the order given. `pauses` and `ended_on` are all that
    the account has, whenever they are; the rest only what lies in the stretch to be folded.
    """

    credits: Sequence[tuple[date, int, bool]] = ()
    closings: Sequence[tuple[date, date, int]] = ()
    positions: Sequence[tuple[date, int, date | None]] = ()
    re_ages: Sequence[date] = ()
    pauses: Sequence[Interval] = ()
    ended_on: date | None = None
    waivers: Sequence[tuple[date, int, date, date]] = ()
    prepays: bool = False
    """Money beyond what is due counts toward the next statements: of a loan paid in instalments, not of a card."""


@dataclass(slots=True)
class State:
    """What the fold carries from day to day. `through` None = nothing folded yet."""

    through: date | None = None
    dues: list[tuple[date, int]] = field(default_factory=list)
    """Unpaid dues (due_on, amount), oldest first."""
    minimums: list[tuple[date, date, int]] = field(default_factory=list)
    """Open minimums (closing_on, due_on, amount), oldest first."""
    prepaid: int = 0
    """Money beyond what was due, kept for the next minimums where the product says so; otherwise 0."""

    @property
    def past_due(self) -> int:
        return sum(amount for _, amount in self.dues)

    @property
    def oldest_due_on(self) -> date | None:
        return self.dues[0][0] if self.dues else None


class Standing(NamedTuple):
    """Where an account stands at the end of a day while past due."""

    bucket: str
    counted_from: date
    """Days past due on D are D - this: the oldest unpaid due's date, later by as many days as were paused since.
    On a paused day it moves along, so that whoever compares dates needs to know nothing of pauses."""
    past_due: int


@dataclass(slots=True)
class Folded:
    """What folding some days added: movements, and the days on which the standing changed (None = current)."""

    movements: list[tuple[date, MovementKind, int]] = field(default_factory=list)
    standings: list[tuple[date, Standing | None]] = field(default_factory=list)


def bucket_labels(edges: Sequence[int]) -> list[str]:
    """Labels of the buckets, current first: edges (1, 30, 60) give current, 1-29, 30-59, 60+."""
    return list(_labels(tuple(edges)))


def bucket_of(days: int, edges: Sequence[int]) -> str:
    return _labels(tuple(edges))[bisect_right(edges, days)]


def owed_of(past_due: int, balance: int) -> int:
    """What is owed of a past-due amount: never more than the balance. A credit that counted toward no minimum, or a
    minimum in which a creditor repeats arrears, leaves more unpaid than there is debt; the difference nobody owes."""
    return max(0, min(past_due, balance))


@cache
def _labels(edges: tuple[int, ...]) -> tuple[str, ...]:
    spans = [f"{low}-{high - 1}" for low, high in zip(edges, edges[1:], strict=False)]
    return (CURRENT, *spans, f"{edges[-1]}+")


_days = cache(timedelta)


# --- days that count --------------------------------------------------------------------------------------------


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
        return due_on + _days(n)
    on = due_on.toordinal() + n
    for from_on, to_on in union(pauses):
        if from_on.toordinal() > on:
            break
        if to_on > due_on + DAY:
            on += (to_on - max(from_on, due_on + DAY)).days
    return date.fromordinal(min(on, NEVER.toordinal()))


def billed_by(
    billed_on: date,
    waived_on: date,
    closings: Sequence[tuple[date, date, int]],
    positions: Sequence[tuple[date, int, date | None]] = (),
) -> tuple[date, date] | None:
    """Closing and due date of what asked for a charge dated `billed_on` before it was waived: the first statement
    that closed on or after that day, or the last position reported since. None = nobody has asked for it yet, and
    whoever asks later knows of the waiver."""
    asked = [(closed, due) for closed, due, _ in closings if billed_on <= closed < waived_on]
    if asked:
        return min(asked)
    told = [(on, due) for on, _, due in positions if billed_on <= on < waived_on]
    if told and (last := max(told, key=_by_date))[1] is not None:
        return last[0], last[1]
    return None


# --- the fold ---------------------------------------------------------------------------------------------------


def fold(state: State, events: Events, *, through: date, edges: Sequence[int]) -> Folded:
    """Advance `state` in place to the end of `through` and say what changed on the way.

    Credits, closings, positions and re-ages are those with state.through < date <= through; one outside that
    stretch is a caller's mistake and raises ValueError (a back-dated event needs a fold from nothing).
    """
    credits, closings, turns, waivers = _in_order(state, events, through)
    pauses, ended_on = union(events.pauses) if events.pauses else (), events.ended_on
    horizon = min(through, ended_on or NEVER, NEVER - DAY)
    out = Folded()
    stood, edge_on = _stand(state, state.through, edges, pauses)
    lapse_on = _first_lapse(state, pauses)
    next_credit = next_closing = next_turn = next_waiver = 0
    credit_on, closing_on, turn_on, waiver_on = credits[0][0], closings[0][0], turns[0][0], waivers[0][0]
    while True:
        on = min(lapse_on, edge_on, credit_on, closing_on, turn_on, waiver_on)
        if on > horizon:
            break
        moves = len(out.movements)
        if on == lapse_on:
            _lapse(state, on, pauses, out)
            lapse_on = _first_lapse(state, pauses)
        while waiver_on == on:
            _forgive(state, waivers[next_waiver], out)
            next_waiver += 1
            waiver_on = waivers[next_waiver][0]
            lapse_on = _first_lapse(state, pauses)
        while credit_on == on:
            beyond = _apply(state, credits[next_credit], out)
            if events.prepays:
                state.prepaid += beyond
            next_credit += 1
            credit_on = credits[next_credit][0]
            if not state.minimums:
                lapse_on = NEVER
        turns_today = turn_on == on
        if turns_today:
            _turn(state, on, events, pauses, out)
            lapse_on = _first_lapse(state, pauses)
            next_turn += 1
            turn_on = turns[next_turn][0]
        while closing_on == on:
            closing = closings[next_closing]
            if state.prepaid:
                closing = _prepay(state, closing)
            if closing[2] > 0:
                state.minimums.append(closing)
                lapse_on = min(lapse_on, day_that_counts(1, closing[1], pauses))
            next_closing += 1
            closing_on = closings[next_closing][0]
        if on == ended_on:
            _adjust(state, on, [], out)
            state.minimums, state.prepaid = [], 0
        if turns_today or on == edge_on or len(out.movements) > moves:
            stands, edge_on = _stand(state, on, edges, pauses)
            if stands != stood:
                out.standings.append((on, stands))
                stood = stands
    state.through = through
    return out


def standing(
    state: State, on: date, edges: Sequence[int], pauses: Sequence[Interval] = ()
) -> Standing | None:
    """Where an account with this state stands at the end of `on`; None = current."""
    return _stand(state, on, edges, union(pauses))[0]


def next_wake(
    state: State, edges: Sequence[int], upcoming: date | None, pauses: Sequence[Interval] = ()
) -> date | None:
    """First day after `state.through` on which the account changes by itself or by an event already known.

    `upcoming` is the first known event after `state.through`: entry, closing, position, re-age or the end.
    """
    assert state.through is not None
    _, edge_on = _stand(state, state.through, edges, pauses)
    first = min(edge_on, _first_lapse(state, pauses), upcoming or NEVER)
    return first if first < NEVER else None


_by_date = itemgetter(0)
_NO_CREDIT = (NEVER, 0, False)
_NO_CLOSING = (NEVER, NEVER, 0)
_NO_WAIVER = (NEVER, 0, NEVER, NEVER)


def _in_order(
    state: State, events: Events, through: date
) -> tuple[
    list[tuple[date, int, bool]],
    list[tuple[date, date, int]],
    list[tuple[date]],
    list[tuple[date, int, date, date]],
]:
    """Credits, closings, the days of re-ages, positions and the end, and waivers, each by date and with a last one
    NEVER."""
    credits = sorted(events.credits, key=_by_date)
    closings = sorted(events.closings)
    turns: list[tuple[date]] = []
    if events.re_ages or events.positions:
        turns = sorted({(on,) for on in events.re_ages} | {(on,) for on, _, _ in events.positions})
    waivers = sorted(events.waivers) if events.waivers else []
    after, ended_on = state.through or date.min, events.ended_on
    for dated in (credits, closings, turns, waivers):
        if dated and (dated[0][0] <= after or dated[-1][0] > through):
            raise ValueError(
                f"an event on {dated[0][0]} or {dated[-1][0]} is outside the stretch after {state.through} "
                f"up to {through}"
            )
    if ended_on is not None and ended_on > after:
        turns = sorted({*turns, (ended_on,)})
    credits.append(_NO_CREDIT)
    closings.append(_NO_CLOSING)
    turns.append((NEVER,))
    waivers.append(_NO_WAIVER)
    return credits, closings, turns, waivers


def _stand(
    state: State, on: date | None, edges: Sequence[int], pauses: Sequence[Interval]
) -> tuple[Standing | None, date]:
    """The standing at the end of `on`, and the day on which it next changes by itself: a bucket edge is crossed,
    or a paused day has to be left out."""
    dues = state.dues
    if not dues or on is None:
        return None, NEVER
    oldest = dues[0][0]
    days = days_past_due(oldest, on, pauses) if pauses else (on - oldest).days
    crossed = bisect_right(edges, days)
    edge_on = day_that_counts(edges[crossed], oldest, pauses) if crossed < len(edges) else NEVER
    if pauses:
        oldest = on - timedelta(days=days)
        paused = [max(from_on, on + DAY) for from_on, to_on in pauses if (to_on or NEVER) > on + DAY]
        edge_on = min(edge_on, *paused) if paused else edge_on
    past_due = dues[0][1] if len(dues) == 1 else state.past_due
    return Standing(_labels(tuple(edges))[crossed], oldest, past_due), edge_on


def _first_lapse(state: State, pauses: Sequence[Interval]) -> date:
    if not state.minimums:
        return NEVER
    return day_that_counts(1, min([due_on for _, due_on, _ in state.minimums]), pauses)


def _lapse(state: State, on: date, pauses: Sequence[Interval], out: Folded) -> None:
    """Open minimums whose due date has passed become unpaid dues."""
    still_open = []
    for minimum in state.minimums:
        _, due_on, amount = minimum
        if due_on < on and (not pauses or day_that_counts(1, due_on, pauses) <= on):
            state.dues.append((due_on, amount))
            out.movements.append((on, MovementKind.FELL_PAST_DUE, amount))
        else:
            still_open.append(minimum)
    state.minimums = still_open
    state.dues.sort(key=_by_date)


def _apply(state: State, credit: tuple[date, int, bool], out: Folded) -> int:
    """Pay dues, then open minimums; returns what is left for the balance only."""
    on, left, is_payment = credit
    dues = state.dues
    to_dues = 0
    while left > 0 and dues:
        due_on, amount = dues[0]
        paid = min(left, amount)
        left -= paid
        to_dues += paid
        if paid == amount:
            del dues[0]
        else:
            dues[0] = (due_on, amount - paid)
    if to_dues:
        out.movements.append((on, MovementKind.PAID if is_payment else MovementKind.ADJUSTED, to_dues))
    if left > 0 and state.minimums:
        # Every open minimum has closed before today (closings come after credits) and has not lapsed yet.
        kept = []
        for closing_on, due_on, amount in state.minimums:
            paid = min(left, amount)
            left -= paid
            if amount > paid:
                kept.append((closing_on, due_on, amount - paid))
        state.minimums = kept
    return left


def _prepay(state: State, closing: tuple[date, date, int]) -> tuple[date, date, int]:
    """What is left of a minimum that closes once the money kept for it has paid it."""
    closing_on, due_on, minimum = closing
    paid = min(state.prepaid, minimum)
    state.prepaid -= paid
    return closing_on, due_on, minimum - paid


def _forgive(state: State, waiver: tuple[date, int, date, date], out: Folded) -> None:
    """Lower what is left of the minimum that billed the charge."""
    on, left, closing_on, due_on = waiver
    dues, minimums = [], []
    for each, amount in state.dues:
        taken = min(left, amount) if each == due_on else 0
        left -= taken
        if taken:
            out.movements.append((on, MovementKind.ADJUSTED, taken))
        if amount > taken:
            dues.append((each, amount - taken))
    for closed, due, amount in state.minimums:
        taken = min(left, amount) if (closed, due) == (closing_on, due_on) else 0
        left -= taken
        if amount > taken:
            minimums.append((closed, due, amount - taken))
    state.dues, state.minimums = dues, minimums


def _turn(state: State, on: date, events: Events, pauses: Sequence[Interval], out: Folded) -> None:
    """What happens to unpaid dues by somebody's decision or word: a re-age, then a position."""
    if on in events.re_ages:
        _adjust(state, on, [], out)
    for as_of, past_due, oldest_due_on in events.positions:
        if as_of != on:
            continue
        reported = [(oldest_due_on, past_due)] if oldest_due_on is not None and past_due > 0 else []
        state.minimums, state.prepaid = [], 0
        if reported and day_that_counts(1, reported[0][0], pauses) > on:
            state.minimums = [(on, *reported.pop())]
        _adjust(state, on, reported, out)


def _adjust(state: State, on: date, dues: list[tuple[date, int]], out: Folded) -> None:
    """The unpaid dues are these from now on."""
    before = state.past_due
    state.dues = dues
    if state.past_due > before:
        out.movements.append((on, MovementKind.FELL_PAST_DUE, state.past_due - before))
    elif state.past_due < before:
        out.movements.append((on, MovementKind.ADJUSTED, before - state.past_due))


# --- who paid what ----------------------------------------------------------------------------------------------


class TakenBy(StrEnum):
    """What may take a minimum away without its being paid."""

    RE_AGE = "re_age"
    POSITION = "position"
    END = "end"


@dataclass(slots=True)
class Owed:
    """One minimum and what became of it. `closing` is its index in the events, None for a reported position."""

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
    """What is open or unpaid at the end of the stretch."""
    taken: int = 0
    """What was taken away without being paid, on `taken_on`."""
    taken_on: date | None = None
    taken_by: TakenBy | None = None


def trace(events: Events, *, through: date) -> list[Owed]:
    """Which credit paid which minimum, from nothing to the end of `through`: the fold's rules once more, slowly and
    with names kept. A property test says that both agree. Events after `through` are left out.
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
