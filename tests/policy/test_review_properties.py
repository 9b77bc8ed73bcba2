"""Properties of the review: no sequence of clearances breaks a cap, and a wait is as short as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.vocabulary import Channel
from app.policy.answers import Clearance, WaitUntil
from app.policy.composition import stack
from app.policy.facts import ContactResult, Facts, PastContact
from app.policy.kinds.cap import CapRule, Counted
from app.policy.kinds.gap import GapRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.review import ask, objections, review
from tests.policy.contacts import (
    ANSWERED,
    ATTEMPTED,
    CALL,
    CN,
    EMAIL,
    LONDON,
    LOS_ANGELES,
    MOBILE,
    NEW_YORK,
    PLACED,
    POST,
    SHANGHAI,
    SHARED,
    SMS,
    UK,
    US,
    pack_of,
    reminder,
)

instants = st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 15), timezones=st.just(UTC))
zone_choices = st.sampled_from([(NEW_YORK,), (LOS_ANGELES, NEW_YORK), (SHANGHAI,), (LONDON, NEW_YORK)])

# Small caps and no hours, so that every midnight is tried and every kind of window overflows if it can.
TIGHT = pack_of(
    CapRule(id="t.number", most=2, counts=Counted.ATTEMPTED, per="number", window_days=1, **SHARED),
    CapRule(id="t.days", most=5, counts=Counted.PLACED, window_days=2, **SHARED),
    CapRule(id="t.hours", most=4, counts=Counted.MADE, window_hours=7, **SHARED),
)


STACKS = [
    stack([pack])
    for pack in shipped_packs().values()
    if any(isinstance(rule, CapRule) for rule in pack.rules)
]
"""Every shipped pack that counts anything."""


@st.composite
def wish_lists(draw: st.DrawFn) -> list[tuple[datetime, Channel, ContactResult, str]]:
    """Contacts somebody wants to make, oldest first: crowded into two days, or spread over a fortnight.

    They begin the day before New York's clocks change, in spring and, when every rule binds, in autumn.
    """
    span_minutes = draw(st.sampled_from([2, 14])) * 24 * 60
    start = draw(
        st.sampled_from([datetime(2026, 3, 7, 3, 0, tzinfo=UTC), datetime(2026, 10, 31, 3, 0, tzinfo=UTC)])
    )
    wish = st.tuples(
        st.integers(0, span_minutes).map(lambda minutes: start + timedelta(minutes=minutes)),
        st.sampled_from([CALL, CALL, SMS, EMAIL, POST]),
        st.sampled_from(ContactResult),
        st.sampled_from("AB"),
    )
    return sorted(draw(st.lists(wish, min_size=30, max_size=90)), key=lambda each: each[0])


@settings(max_examples=100, deadline=None)
@given(pack=st.sampled_from([*STACKS, TIGHT]), zones=zone_choices, wishes=wish_lists())
def test_no_sequence_of_clearances_breaks_a_cap(
    pack: Pack, zones: tuple[str, ...], wishes: list[tuple[datetime, Channel, ContactResult, str]]
) -> None:
    """Whoever asks, whenever: what was cleared, counted naively, stays within every cap of the pack."""
    history: list[PastContact] = []
    for at, channel, result, number in wishes:
        facts = Facts(zones, consent=dict.fromkeys(Channel, True), history=tuple(history))
        answer = review(reminder(channel, number), facts, pack, at)
        if isinstance(answer, Clearance):
            history.append(PastContact(at, channel, result, number))
    for rule in pack.rules:
        if rule.effective_from and rule.effective_from > wishes[0][0].date():
            continue  # what was done before it bound is no breach of it
        if isinstance(rule, CapRule):
            for zone in zones:
                assert naive_peak(rule, history, ZoneInfo(zone)) <= rule.most, rule.id
        if isinstance(rule, GapRule):
            for zone in zones:
                assert not calls_too_soon(rule, history, ZoneInfo(zone)), rule.id


def calls_too_soon(rule: GapRule, history: list[PastContact], zone: ZoneInfo) -> list[PastContact]:
    """Calls that followed an answered one before its last day was over, by dates alone."""
    made = [past for past in history if past.channel is CALL]
    return [
        later
        for at, spoken in enumerate(made)
        if spoken.result is ANSWERED
        for later in made[at + 1 :]
        if (later.at.astimezone(zone).date() - spoken.at.astimezone(zone).date()).days < rule.days
    ]


CALENDAR: dict[str, Callable[[date], object]] = {
    "day": lambda day: day,
    "week": lambda day: tuple(day.isocalendar())[:2],
    "month": lambda day: (day.year, day.month),
}


def naive_peak(rule: CapRule, history: list[PastContact], zone: ZoneInfo) -> int:
    """The fullest window of any contact, written without regard for speed or for how the gate does it."""

    def counts(past: PastContact) -> bool:
        if past.channel not in rule.channels:
            return False
        if rule.counts is Counted.MADE:
            return past.channel is not CALL or past.result is ANSWERED
        order = [ATTEMPTED, PLACED, ANSWERED]
        return order.index(past.result) >= [str(one) for one in order].index(str(rule.counts))

    peak = 0
    relevant = [past for past in history if counts(past)]
    for first in relevant:
        if rule.window_hours is not None:
            inside = [
                past
                for past in relevant
                if timedelta(0) <= past.at - first.at < timedelta(hours=rule.window_hours)
            ]
        elif rule.calendar is not None:
            period = CALENDAR[rule.calendar]
            inside = [
                past
                for past in relevant
                if period(past.at.astimezone(zone).date()) == period(first.at.astimezone(zone).date())
            ]
        else:
            assert rule.window_days is not None
            day = first.at.astimezone(zone).date()
            days = {day + timedelta(days=ahead) for ahead in range(rule.window_days)}
            inside = [past for past in relevant if past.at.astimezone(zone).date() in days]
        by_number = Counter(past.address if rule.per == "number" else "" for past in inside)
        peak = max(peak, *by_number.values())
    return peak


@settings(max_examples=50, deadline=None)
@given(
    pack=st.sampled_from([US, UK, CN, TIGHT]),
    zones=zone_choices,
    now=instants,
    channel=st.sampled_from(Channel),
    ago=st.lists(
        st.tuples(st.integers(0, 10 * 24 * 60), st.sampled_from(Channel), st.sampled_from(ContactResult)),
        max_size=25,
    ),
)
def test_a_wait_ends_at_the_first_permitted_quarter_of_an_hour(
    pack: Pack,
    zones: tuple[str, ...],
    now: datetime,
    channel: Channel,
    ago: list[tuple[int, Channel, ContactResult]],
) -> None:
    """WaitUntil.at is permitted, and no instant before it is: looked up every quarter of an hour."""
    past = tuple(PastContact(now - timedelta(minutes=m), ch, result, MOBILE) for m, ch, result in ago)
    facts = Facts(zones, history=past)
    answer = review(reminder(channel), facts, pack, now)
    if isinstance(answer, WaitUntil):
        assert isinstance(review(reminder(channel), facts, pack, answer.at), Clearance)
        assert not isinstance(
            review(reminder(channel), facts, pack, answer.at - timedelta(microseconds=1)), Clearance
        )
        earlier = now
        while earlier < answer.at:
            assert objections(ask(reminder(channel), facts, earlier), pack)
            earlier += timedelta(minutes=15)
