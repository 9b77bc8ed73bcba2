"""The fold's small parts, each at its edges. Whole lives are in test_property.py, cases in docs/delinquency.md."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.book.delinquency.days import (
    DAY,
    NEVER,
    Interval,
    bucket_labels,
    bucket_of,
    day_that_counts,
    days_past_due,
    union,
)
from app.book.delinquency.facts import Closing, Credit, Events, Folded, MovementKind, Reported, State
from app.book.delinquency.rules import fold, next_wake, standing

FIRST = date(2026, 1, 1)
DUE = date(2026, 1, 10)
EDGES = (1, 10, 30)


def jan(day: int) -> date:
    return date(2026, 1, day)


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
    assert days_past_due(None, DUE) == 0
    assert days_past_due(DUE, DUE) == 0
    assert days_past_due(DUE, DUE - DAY) == 0
    assert days_past_due(DUE, DUE + DAY) == 1


@pytest.mark.parametrize(
    ("pauses", "counted", "why"),
    [
        ([], 10, "nothing paused"),
        ([(jan(1), jan(10))], 10, "over before the due date"),
        ([(jan(1), jan(11))], 10, "the due date itself is not counted anyway"),
        ([(jan(1), jan(12))], 9, "its last day is the first that would count"),
        ([(jan(12), jan(14))], 8, "the day it ends on counts again"),
        ([(jan(20), jan(21))], 9, "the last day"),
        ([(jan(21), None)], 10, "begins the day after"),
        ([(jan(15), None)], 4, "open: nothing counts from there"),
        ([(jan(12), jan(15)), (jan(13), jan(16))], 6, "overlapping days are left out once"),
        ([(jan(12), jan(14)), (jan(14), jan(16))], 6, "touching"),
        ([(jan(16), jan(18)), (jan(12), jan(14))], 6, "in any order"),
        ([(jan(1), None), (jan(12), jan(14))], 0, "one inside another"),
        ([(jan(12), NEVER)], 1, "an end of days is no end"),
    ],
)
def test_days_that_count_up_to_20_january(pauses: list[Interval], counted: int, why: str) -> None:
    assert days_past_due(DUE, jan(20), pauses) == counted, why
    # The two ways of counting agree: the n-th day that counts is the first on which there are n.
    if counted:
        nth = day_that_counts(counted, DUE, pauses)
        assert days_past_due(DUE, nth, pauses) == counted
        assert days_past_due(DUE, nth - DAY, pauses) == counted - 1


def test_a_day_that_never_comes() -> None:
    assert day_that_counts(5, DUE, [(jan(13), None)]) == NEVER
    assert day_that_counts(2, DUE, [(jan(13), None)]) == jan(12)
    assert union([(jan(3), None), (jan(1), jan(4))]) == [(jan(1), NEVER)]


@pytest.mark.parametrize(
    "events",
    [
        Events(credits=[Credit(FIRST, 100, True)]),
        Events(credits=[Credit(FIRST - DAY, 100, True)]),
        Events(credits=[Credit(jan(6), 100, True)]),
        Events(closings=[Closing(jan(6), jan(20), 100)]),
        Events(positions=[Reported(FIRST, 0, None)]),
        Events(re_ages=[jan(6)]),
    ],
)
def test_an_event_outside_the_stretch_is_a_callers_mistake(events: Events) -> None:
    """Folding it silently would put a payment on the wrong day."""
    with pytest.raises(ValueError, match="outside the stretch"):
        fold(State(through=FIRST), events, through=jan(5), edges=EDGES)


def late(amount: int = 100) -> State:
    state = State()
    fold(state, Events(closings=[Closing(FIRST, DUE, amount)]), through=jan(12), edges=EDGES)
    return state


def then(state: State, through: date, **events: object) -> Folded:
    return fold(state, Events(**events), through=through, edges=EDGES)  # type: ignore[arg-type]


def test_what_a_payment_and_a_refund_cured_are_told_apart() -> None:
    """A manager's recovery rate counts payments; a merchant's refund is nobody's success."""
    credits = [Credit(jan(13), 60, True), Credit(jan(13), 70, False)]
    assert then(late(), jan(13), credits=credits).movements == [
        (jan(13), MovementKind.PAID, 60),
        (jan(13), MovementKind.ADJUSTED, 40),
    ]


def test_a_re_age_and_an_end_adjust_and_a_position_says_the_difference() -> None:
    assert then(late(), jan(13), re_ages=[jan(13)]).movements == [(jan(13), MovementKind.ADJUSTED, 100)]
    assert then(late(), jan(13), ended_on=jan(13)).movements == [(jan(13), MovementKind.ADJUSTED, 100)]
    up, down, same = (Reported(jan(13), amount, DUE) for amount in (130, 70, 100))
    assert then(late(), jan(13), positions=[up]).movements == [(jan(13), MovementKind.FELL_PAST_DUE, 30)]
    assert then(late(), jan(13), positions=[down]).movements == [(jan(13), MovementKind.ADJUSTED, 30)]
    assert then(late(), jan(13), positions=[same]).movements == []


def test_after_its_end_nothing_moves_an_account() -> None:
    state = late()
    then(state, jan(13), ended_on=jan(13))
    events = {"credits": [(jan(15), 50, True)], "closings": [(jan(16), jan(18), 70)], "ended_on": jan(13)}
    assert then(state, jan(31), **events) == Folded()
    assert state == State(through=jan(31))
    assert next_wake(state, EDGES, None) is None


def test_a_pause_is_met_on_the_day_it_ends() -> None:
    """Nothing falls past due while it lasts; what fell due before it stands still in its bucket."""
    pauses = [(jan(8), jan(20))]
    state = State()
    folded = then(state, jan(19), closings=[(FIRST, DUE, 100)], pauses=pauses)
    assert (folded.movements, state.past_due) == ([], 0)
    assert next_wake(state, EDGES, None, pauses) == jan(20)
    folded = then(state, jan(28), pauses=pauses)
    assert folded.movements == [(jan(20), MovementKind.FELL_PAST_DUE, 100)]
    assert next_wake(state, EDGES, None, pauses) == jan(29), "the tenth day that counts"
    stands = standing(state, jan(28), EDGES, pauses)
    assert stands is not None
    assert (stands.bucket, state.oldest_due_on) == ("1-9", DUE)


def test_the_last_day_there_is_can_be_asked_for() -> None:
    state = late()
    then(state, NEVER)
    assert (state.through, state.past_due) == (NEVER, 100)


def test_wake_up_of_an_account_nothing_waits_for() -> None:
    state = State(through=FIRST)
    assert next_wake(state, EDGES, None) is None
    assert next_wake(state, EDGES, FIRST + timedelta(days=9)) == jan(10)
