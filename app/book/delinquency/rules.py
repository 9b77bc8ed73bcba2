"""Delinquency is a fold over dated events. One file, however long: it is the definition, all else feeds or stores it.

- A statement closing on C with due date U and minimum M opens a minimum of M at the end of C.
- What is left of it after U is, from the first day after U that counts, an unpaid due (U, amount); on U itself
  nothing is late.
- A credit pays unpaid dues oldest first, then open minimums of statements that closed before its date (oldest
  first), then the balance only: money beyond a minimum never counts toward a later statement's. Where the product
  says so (`prepays`), money beyond what is due is kept and pays the next minimums as they close.
- A waiver takes back a charge, and so does the reversal of a charge that was disputed. It lowers what is left of the
  minimum of the statement that billed the charge, late or open, and nothing else: it pays no other due and no later
  minimum.
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
from datetime import date, timedelta
from operator import itemgetter

from app.book.delinquency.days import DAY, NEVER, Interval, day_that_counts, days_past_due, labels_of, union
from app.book.delinquency.facts import Events, Folded, MovementKind, Standing, State


def owed_of(past_due: int, balance: int, disputed: int = 0) -> int:
    """Return the part of a past-due amount that may be asked for: never more than the balance, and without what the
    customer disputes.

    A credit that counted toward no minimum, or a minimum in which a creditor repeats arrears, leaves more unpaid than
    there is debt; nobody owes the difference.
    """
    return max(0, min(past_due, balance) - disputed)


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
    """Return the standing of an account with this state at the end of `on`; None = current."""
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
    return Standing(labels_of(tuple(edges))[crossed], oldest, past_due), edge_on


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
    """Pay a closing minimum with the money kept for it, and return the rest."""
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
    """Apply a re-age, then a reported position, to the unpaid dues."""
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
