"""Three ways to the same figures over lives nobody would think of: the state carried from night to night, the fold
from nothing, and the accountant's calendar of `naive.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.book.delinquency.days import DAY, Interval, days_past_due
from app.book.delinquency.facts import Events, Folded, MovementKind, Standing, State
from app.book.delinquency.rules import fold, next_wake, standing
from app.book.delinquency.trace import trace
from tests.book.delinquency import naive
from tests.book.delinquency.naive import Life

FIRST = date(2026, 1, 1)
LAST = FIRST + timedelta(days=90)
EDGES = (1, 10, 30)  # close together, so that lives of three months cross all of them

days = st.integers(0, 90).map(lambda n: FIRST + timedelta(days=n))


def after(low: int, high: int) -> st.SearchStrategy[timedelta]:
    return st.integers(low, high).map(lambda n: timedelta(days=n))


credits_ = st.tuples(days, st.integers(1, 120), st.booleans())
closings = st.tuples(days, after(1, 40), st.sampled_from([0, 1, 30, 50, 80])).map(
    lambda c: (c[0], c[0] + c[1], c[2])
)
pauses = st.tuples(days, after(1, 40) | st.none()).map(lambda p: (p[0], p[1] and p[0] + p[1]))
positions = st.tuples(days, st.integers(1, 90), after(-60, 5) | st.none()).map(
    lambda p: (p[0], 0, None) if p[2] is None else (p[0], p[1], p[0] + p[2])
)
# Of a statement of the life or of none, on any day: a waiver that nothing asked for lowers nothing.
waivers_ = st.tuples(days, st.integers(1, 90), closings)


def with_waivers(life: Life, waived: list[tuple[date, int, tuple[date, date, int]]], prepays: bool) -> Life:
    for index, (on, amount, (closing_on, due_on, _)) in enumerate(waived):
        if life.closings and index % 3:
            closing_on, due_on, _ = life.closings[index % len(life.closings)]
        life.waivers.append((on, amount, closing_on, due_on))
    life.prepays = prepays
    return life


plain_lives = st.builds(
    Life,
    st.lists(credits_, max_size=10),
    st.lists(closings, max_size=7),
    st.lists(positions, max_size=2, unique_by=lambda p: p[0]) | st.just([]),
    st.lists(days, max_size=2, unique=True),
    st.lists(pauses, max_size=3),
    st.none() | days,
)
lives = st.builds(with_waivers, plain_lives, st.lists(waivers_, max_size=4), st.booleans())
nights_ = st.sets(days, max_size=8).map(lambda nights: sorted(nights | {LAST}))


def known(life: Life, after: date, through: date) -> Events:
    return Events(
        [c for c in life.credits if after < c[0] <= through],
        [c for c in life.closings if after < c[0] <= through],
        [p for p in life.positions if after < p[0] <= through],
        [on for on in life.re_ages if after < on <= through],
        life.pauses,
        life.ended_on,
        [w for w in life.waivers if after < w[0] <= through],
        life.prepays,
    )


def whole(life: Life, on: date) -> tuple[State, Folded]:
    state = State()
    return state, fold(state, known(life, date.min, on), through=on, edges=EDGES)


def stood(folded: Folded, on: date) -> Standing | None:
    return next((s for day, s in reversed(folded.standings) if day <= on), None)


@given(lives, nights_)
def test_any_way_of_splitting_the_nights_gives_the_full_fold(life: Life, nights: list[date]) -> None:
    state, total, before = State(), Folded(), date.min
    for night in nights:
        part = fold(state, known(life, before, night), through=night, edges=EDGES)
        total.movements += part.movements
        total.standings += part.standings
        before = night
    assert (state, total) == whole(life, LAST)


@given(lives)
def test_every_day_is_as_the_accountant_has_it_and_closes(life: Life) -> None:
    """Past due, days and bucket of every day; and yesterday's past due and the day's movements give today's."""
    _, folded = whole(life, LAST)
    running = 0
    for on, past_due, late in naive.diary(life, FIRST, LAST):
        stands = stood(folded, on)
        assert (stands.past_due if stands else 0) == past_due
        assert (stands.bucket if stands else "current") == naive.bucket(late, EDGES)
        assert ((on - stands.counted_from).days if stands else 0) == late
        assert (past_due > 0) == (late > 0)
        for _, kind, amount in (m for m in folded.movements if m[0] == on):
            assert amount > 0
            running += amount if kind is MovementKind.FELL_PAST_DUE else -amount
        assert running == past_due, f"the movements up to {on} do not explain what is past due"
    changed = [on for on, _ in folded.standings]
    assert changed == sorted(set(changed)), "one standing a day, in order"


@dataclass
class News:
    """Something that becomes known on a day, perhaps long after the day it is about."""

    known_on: date
    about: str
    what: tuple[date, object, object] | date | Interval


def arrivals(life: Life) -> st.SearchStrategy[list[News]]:
    """Each event of a life with the day on which it comes in: most on their own, some late."""
    happenings = [
        *(("credits", c, c[0]) for c in life.credits),
        *(("closings", c, c[0]) for c in life.closings),
        *(("positions", p, p[0]) for p in life.positions),
        *(("re_ages", on, on) for on in life.re_ages),
        *(("pauses", p, p[0]) for p in life.pauses),
        *(("waivers", w, w[0]) for w in life.waivers),
    ]
    late = st.lists(st.sampled_from([0, 0, 0, 2, 30]), min_size=len(happenings), max_size=len(happenings))
    return late.map(
        lambda delays: [
            News(on + timedelta(days=delay), about, what)  # type: ignore[arg-type]
            for (about, what, on), delay in zip(happenings, delays, strict=True)
        ]
    )


stories = lives.flatmap(lambda life: st.tuples(st.just(life), arrivals(life)))


@given(stories, nights_)
def test_news_that_comes_late_ends_in_the_same_figures(
    story: tuple[Life, list[News]], nights: list[date]
) -> None:
    """Night after night with what is known by then: in stride where the news is new, from nothing where it is about
    a day already folded. Each night stands as the accountant would have it who knows as much."""
    life, news = story
    state, before = State(), date.min
    for night in nights:
        so_far = Life(ended_on=life.ended_on, prepays=life.prepays)
        for item in news:
            if item.known_on <= night:
                getattr(so_far, item.about).append(item.what)
        fresh = [i for i in news if before < i.known_on <= night]
        if any((i.what if isinstance(i.what, date) else i.what[0]) <= before for i in fresh):
            state, before = State(), date.min
        fold(state, known(so_far, before, night), through=night, edges=EDGES)
        late = days_past_due(state.oldest_due_on, night, so_far.pauses)
        assert (state.past_due, late) == naive.stands(so_far, FIRST, night)
        before = night


@given(lives, days)
def test_nobody_needs_to_look_before_the_wake_up(life: Life, night: date) -> None:
    """What the sweep relies on: between a fold and its wake-up day the standing is the accountant's."""
    state, _ = whole(life, night)
    later = [
        *(e[0] for e in (*life.credits, *life.closings, *life.positions, *life.waivers) if e[0] > night),
        *(on for on in (*life.re_ages, life.ended_on) if on and on > night),
    ]
    wake = next_wake(state, EDGES, min(later, default=None), life.pauses)
    assert wake is None or wake > night
    kept = standing(state, night, EDGES, life.pauses)
    until = wake - DAY if wake else LAST + timedelta(days=30)
    for on, past_due, late in naive.diary(life, FIRST, until):
        if on > night:
            assert (past_due, naive.bucket(late, EDGES)) == (
                state.past_due,
                kept.bucket if kept else "current",
            )


@given(lives, days)
def test_the_trace_of_who_paid_what_ends_where_the_fold_does(life: Life, on: date) -> None:
    state, folded = whole(life, on)
    events = known(life, date.min, on)
    owed = trace(events, through=on)
    unpaid = [o for o in owed if o.left and o.late_from <= on]
    assert sorted((o.due_on, o.left) for o in unpaid) == sorted(state.dues)
    assert sorted((o.due_on, o.left) for o in owed if o.left and o.late_from > on) == sorted(
        (due_on, amount) for _, due_on, amount in state.minimums
    )
    paid_late = gone_late = 0
    for item in owed:
        gone = sum(amount for _, amount in (*item.paid, *item.waived))
        assert item.amount == gone + item.taken + item.left
        gone_late += sum(
            amount for index, amount in item.waived if events.waivers[index][0] >= item.late_from
        )
        for index, amount in item.paid:
            day, given_, _ = events.credits[index]
            assert amount <= given_
            paid_late += amount if day >= item.late_from else 0
        gone_late += item.taken if item.taken_on and item.taken_on >= item.late_from else 0
    moved = [(kind is MovementKind.FELL_PAST_DUE, amount) for _, kind, amount in folded.movements]
    if not life.positions:
        assert sum(amount for fell, amount in moved if not fell) == paid_late + gone_late
