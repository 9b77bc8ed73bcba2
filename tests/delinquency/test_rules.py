"""The fold against a reference that shares no line with it, over lives nobody would think of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delinquency.rules import (
    DAY,
    Closing,
    Credit,
    Events,
    Folded,
    MovementKind,
    Standing,
    State,
    bucket_labels,
    bucket_of,
    days_past_due,
    fold,
    next_wake,
    standing,
)

FIRST = date(2026, 1, 1)
LAST = FIRST + timedelta(days=110)
EDGES = (1, 10, 30)  # close together, so that lives of a hundred days cross all of them

Event = Credit | Closing


def reference(credits: Sequence[Credit], closings: Sequence[Closing], on: date) -> list[tuple[date, int]]:
    """Unpaid dues at the end of `on`, read off docs/delinquency.md one day after another."""
    minimums: list[list] = []  # [closed on, due on, left]
    day = FIRST
    while day <= on:
        late = sorted((m for m in minimums if m[1] < day), key=lambda m: m[1])
        waiting = sorted((m for m in minimums if m[0] < day <= m[1]), key=lambda m: m[0])
        for money in (c.amount for c in credits if c.on == day):
            for owed in late + waiting:
                paid = min(money, owed[2])
                owed[2], money = owed[2] - paid, money - paid
        minimums += [
            [c.on, c.due_on, c.minimum] for c in sorted(closings, key=lambda c: c.due_on) if c.on == day
        ]
        day += DAY
    return sorted((due, left) for _, due, left in minimums if due < on and left)


days = st.integers(0, 110).map(lambda n: FIRST + timedelta(days=n))
credits_ = st.builds(Credit, days, st.integers(1, 120), st.booleans())
closings_ = st.builds(
    lambda on, after, minimum: Closing(on, on + timedelta(days=after), minimum),
    days, st.integers(1, 40), st.sampled_from([0, 1, 30, 50, 80]),
)  # fmt: skip
lives = st.tuples(st.lists(credits_, max_size=10), st.lists(closings_, max_size=7))


def fold_in_steps(
    credits: Sequence[Credit], closings: Sequence[Closing], nights: Sequence[date]
) -> tuple[State, Folded]:
    """As the nights do it: each folds what came since the one before."""
    state, total, before = State(), Folded(), date.min
    for night in nights:
        part = fold(
            state,
            Events(
                [c for c in credits if before < c.on <= night],
                [c for c in closings if before < c.on <= night],
            ),
            through=night,
            edges=EDGES,
        )
        total.movements += part.movements
        total.standings += part.standings
        before = night
    return state, total


def stood(folded: Folded, on: date) -> Standing | None:
    return next((s for day, s in reversed(folded.standings) if day <= on), None)


@given(lives, st.sets(days, max_size=8))
def test_any_way_of_splitting_the_nights_gives_the_full_fold(
    life: tuple[list[Credit], list[Closing]], nights: set[date]
) -> None:
    whole_state, whole = fold_in_steps(*life, [LAST])
    state, folded = fold_in_steps(*life, sorted(nights | {LAST}))
    assert state == whole_state
    assert folded == whole


@given(lives)
def test_every_day_agrees_with_the_reference(life: tuple[list[Credit], list[Closing]]) -> None:
    _, folded = fold_in_steps(*life, [LAST])
    moved = 0
    for n in range((LAST - FIRST).days + 1):
        on = FIRST + timedelta(days=n)
        unpaid = reference(*life, on)
        past_due = sum(amount for _, amount in unpaid)
        stands = stood(folded, on)
        if not unpaid:
            assert stands is None
        else:
            oldest = unpaid[0][0]
            assert stands == Standing(bucket_of((on - oldest).days, EDGES), oldest, past_due)
        for _, kind, amount in (m for m in folded.movements if m[0] == on):
            assert amount > 0
            moved += amount if kind is MovementKind.FELL_PAST_DUE else -amount
        assert moved == past_due, f"the movements up to {on} do not explain what is past due"


@given(lives, days)
def test_nobody_needs_to_look_before_the_wake_up(
    life: tuple[list[Credit], list[Closing]], night: date
) -> None:
    """What the sweep relies on: between a fold and its wake-up day the standing is the reference's."""
    credits, closings = life
    state, _ = fold_in_steps(credits, closings, [night])
    later = [e.on for e in (*credits, *closings) if e.on > night]
    wake = next_wake(state, EDGES, min(later, default=None))
    kept = standing(state, night, EDGES)
    on = night + DAY
    while on < (wake or LAST + timedelta(days=60)):
        unpaid = reference(credits, closings, on)
        assert sum(amount for _, amount in unpaid) == state.past_due
        if kept is not None:
            assert bucket_of((on - kept.oldest_due_on).days, EDGES) == kept.bucket
        on += DAY


@pytest.mark.parametrize(
    ("days_late", "label"),
    [(0, "current"), (1, "1-29"), (29, "1-29"), (30, "30-59"), (59, "30-59"), (60, "60+"), (4000, "60+")],
)
def test_bucket_edges(days_late: int, label: str) -> None:
    assert bucket_of(days_late, (1, 30, 60)) == label


def test_buckets_are_named_by_their_edges() -> None:
    assert bucket_labels((1, 30, 60)) == ["current", "1-29", "30-59", "60+"]
    assert bucket_labels((1,)) == ["current", "1+"]


def test_days_past_due_never_go_below_nothing() -> None:
    assert days_past_due(None, FIRST) == 0
    assert days_past_due(FIRST, FIRST) == 0
    assert days_past_due(FIRST, FIRST - DAY) == 0
    assert days_past_due(FIRST, FIRST + DAY) == 1


@pytest.mark.parametrize("on", [FIRST - DAY, FIRST, FIRST + timedelta(days=5)])
def test_an_event_outside_the_stretch_is_a_callers_mistake(on: date) -> None:
    """Folding it silently would put a payment on the wrong day."""
    state = State(through=FIRST)
    through = FIRST + timedelta(days=4)
    with pytest.raises(ValueError, match="outside the stretch"):
        fold(state, Events([Credit(on, 100, True)]), through=through, edges=EDGES)


def test_what_a_payment_and_a_refund_cured_are_told_apart() -> None:
    """A manager's recovery rate counts payments; a merchant's refund is nobody's success."""
    closing = Closing(FIRST, FIRST + timedelta(days=10), 100)
    late = FIRST + timedelta(days=12)
    state = State()
    folded = fold(
        state,
        Events([Credit(late, 60, True), Credit(late, 70, False)], [closing]),
        through=late,
        edges=EDGES,
    )
    assert folded.movements == [
        (FIRST + timedelta(days=11), MovementKind.FELL_PAST_DUE, 100),
        (late, MovementKind.PAID, 60),
        (late, MovementKind.ADJUSTED, 40),
    ]
