"""Caps, told as dated stories: below, at and above each limit, with its citation beside it."""

from __future__ import annotations

import pytest

from app.core.vocabulary import Purpose
from app.policy.answers import Clearance, WaitUntil
from app.policy.facts import Contact, ContactResult, Facts, PastContact
from app.policy.kinds.cap import CapRule, Counted
from app.policy.review import review
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
    SEVEN_CALLS,
    SHANGHAI,
    SHARED,
    SMS,
    UK,
    US,
    calls,
    local,
    pack_of,
    reminder,
    rule_ids,
)

CALLS_7IN7 = [
    # 12 CFR 1006.14(b)(2)(i)(A): not more than seven times within seven consecutive days
    (SEVEN_CALLS[:6], "2026-06-07 20:30", None, None),  # the seventh
    (SEVEN_CALLS, "2026-06-07 20:30", "us.calls_7in7", "2026-06-08 08:00"),  # would be the eighth
    # one too many already: on the 8th there are still seven, 2 to 8 June
    (
        SEVEN_CALLS + calls(NEW_YORK, "2026-06-07 20:15"),
        "2026-06-07 20:30",
        "us.calls_7in7",
        "2026-06-09 08:00",
    ),
    (SEVEN_CALLS, "2026-06-08 08:00", None, None),  # Monday's call has left, though 168 hours are not over
    (SEVEN_CALLS[:6], "2026-06-07 21:00", "us.hours", "2026-06-08 08:00"),  # room, but the hours are over
]


@pytest.mark.parametrize(("history", "at", "rule", "next_at"), CALLS_7IN7)
def test_us_seven_calls_in_seven_consecutive_days(
    history: tuple[PastContact, ...], at: str, rule: str | None, next_at: str | None
) -> None:
    answer = review(reminder(CALL), Facts((NEW_YORK,), history=history), US, local(at, NEW_YORK))
    if rule is None:
        assert isinstance(answer, Clearance)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule_ids(answer) == [rule]
        assert answer.at == local(str(next_at), NEW_YORK)


def test_us_a_call_in_another_zones_yesterday_still_counts() -> None:
    """00:30 in New York is still yesterday in Los Angeles: with both possible the fuller window decides."""
    history = calls(NEW_YORK, "2026-06-01 00:30", *(f"2026-06-0{day} 12:00" for day in range(2, 8)))
    noon = local("2026-06-07 12:30", NEW_YORK)
    in_new_york = review(reminder(CALL), Facts((NEW_YORK,), history=history), US, noon)
    in_los_angeles = review(reminder(CALL), Facts((LOS_ANGELES,), history=history), US, noon)
    either = review(reminder(CALL), Facts((LOS_ANGELES, NEW_YORK), history=history), US, noon)
    assert rule_ids(in_new_york) == ["us.calls_7in7"]
    assert isinstance(in_los_angeles, Clearance)
    assert rule_ids(either) == ["us.calls_7in7"]


@pytest.mark.parametrize(("answered", "permitted"), [(2, True), (3, False), (4, False)])
def test_china_three_answered_calls_a_calendar_day(answered: int, permitted: bool) -> None:
    """GB/T 45251-2025; each to another number, so that the cap per number stays out of it."""
    history = tuple(
        PastContact(local(f"2026-06-01 {9 + hour:02}:00", SHANGHAI), CALL, ANSWERED, f"+8610000{hour}")
        for hour in range(answered)
    )
    answer = review(
        reminder(CALL), Facts((SHANGHAI,), history=history), CN, local("2026-06-01 21:00", SHANGHAI)
    )
    if permitted:
        assert isinstance(answer, Clearance)
    else:
        assert rule_ids(answer) == ["cn.calls_effective_day"]
        assert isinstance(answer, WaitUntil)
        assert answer.at == local("2026-06-02 08:00", SHANGHAI)


ATTEMPTS = [
    # CBA Guideline 2026-01-30: not more than six attempts a day to one number
    (5, MOBILE, "2026-06-01 20:00", True),
    (6, MOBILE, "2026-06-01 20:00", False),
    (7, MOBILE, "2026-06-01 20:00", False),
    (6, "+8613900000000", "2026-06-01 20:00", True),  # they went to another number
    (6, MOBILE, "2026-06-02 08:00", True),  # the next calendar day
]


@pytest.mark.parametrize(("attempts", "number", "at", "permitted"), ATTEMPTS)
def test_china_six_attempts_a_day_per_number(attempts: int, number: str, at: str, permitted: bool) -> None:
    made = [f"2026-06-01 {9 + hour:02}:00" for hour in range(attempts)]
    history = calls(SHANGHAI, *made, result=ATTEMPTED, address=number)
    answer = review(reminder(CALL), Facts((SHANGHAI,), history=history), CN, local(at, SHANGHAI))
    if permitted:
        assert isinstance(answer, Clearance)
    else:
        assert rule_ids(answer) == ["cn.attempts_day"]
        assert answer.reasons[0].figures["used"] == attempts  # type: ignore[union-attr]


LEVELS = [
    (Counted.ATTEMPTED, ATTEMPTED, True),
    (Counted.ATTEMPTED, PLACED, True),
    (Counted.ATTEMPTED, ANSWERED, True),
    (Counted.PLACED, ATTEMPTED, False),
    (Counted.PLACED, PLACED, True),
    (Counted.PLACED, ANSWERED, True),
    (Counted.ANSWERED, ATTEMPTED, False),
    (Counted.ANSWERED, PLACED, False),
    (Counted.ANSWERED, ANSWERED, True),
    (Counted.MADE, PLACED, False),
    (Counted.MADE, ANSWERED, True),
]


@pytest.mark.parametrize(("counts", "result", "counted"), LEVELS)
def test_a_cap_counts_a_result_and_all_stronger_ones(
    counts: Counted, result: ContactResult, counted: bool
) -> None:
    cap = pack_of(CapRule(id="t.cap", most=1, counts=counts, window_days=1, **SHARED))
    facts = Facts((LONDON,), history=calls(LONDON, "2026-06-01 09:00", result=result))
    answer = review(reminder(CALL), facts, cap, local("2026-06-01 10:00", LONDON))
    assert isinstance(answer, WaitUntil if counted else Clearance)


@pytest.mark.parametrize("result", list(ContactResult))
def test_a_written_message_counts_as_made_even_while_it_is_only_reserved(result: ContactResult) -> None:
    cap = pack_of(CapRule(id="t.cap", most=1, counts=Counted.MADE, window_days=1, **SHARED))
    sent = PastContact(local("2026-06-01 09:00", LONDON), SMS, result, MOBILE)
    answer = review(reminder(), Facts((LONDON,), history=(sent,)), cap, local("2026-06-01 10:00", LONDON))
    assert isinstance(answer, WaitUntil)


@pytest.mark.parametrize(("at", "permitted"), [("2026-06-02 08:59:59", False), ("2026-06-02 09:00:00", True)])
def test_one_written_reminder_in_24_rolling_hours(at: str, permitted: bool) -> None:
    """House rule in every pack: the law names no number for messages, so the desk does."""
    for pack, zone in ((US, NEW_YORK), (UK, LONDON), (CN, SHANGHAI)):
        sent = PastContact(local("2026-06-01 09:00", zone), EMAIL, PLACED, "ann@example.test")
        answer = review(reminder(), Facts((zone,), history=(sent,)), pack, local(at, zone))
        if permitted:
            assert isinstance(answer, Clearance)
        else:
            assert rule_ids(answer) == ["house.messages_day"]
            assert isinstance(answer, WaitUntil)
            assert answer.at == local("2026-06-02 09:00", zone)
            assert {reason.force for reason in answer.reasons} == {"operator choice"}


def test_a_slot_reserved_for_tonight_is_taken_already() -> None:
    """Two workers: the other's message is in the outbox for 18:00; at 12:00 the day's slot is gone."""
    reserved = PastContact(local("2026-06-01 18:00", LONDON), SMS, ATTEMPTED, MOBILE)
    answer = review(reminder(), Facts((LONDON,), history=(reserved,)), UK, local("2026-06-01 12:00", LONDON))
    assert rule_ids(answer) == ["house.messages_day"]
    assert isinstance(answer, WaitUntil)
    assert answer.at == local("2026-06-02 18:00", LONDON)


def test_the_uk_week_counts_every_channel_and_confirmations_still_pass() -> None:
    history = (
        PastContact(local("2026-06-01 09:00", LONDON), SMS, PLACED, MOBILE),
        PastContact(local("2026-06-02 09:30", LONDON), POST, PLACED, "1 High St"),
        *calls(LONDON, "2026-06-03 09:00", result=PLACED),  # nobody answered: not made
        *calls(LONDON, "2026-06-04 09:00", result=ANSWERED),
    )
    at = local("2026-06-05 10:00", LONDON)
    below = review(reminder(), Facts((LONDON,), history=history[:-1]), UK, at)
    at_limit = review(reminder(), Facts((LONDON,), history=history), UK, at)
    confirmation = review(
        Contact(SMS, Purpose.CONFIRMATION, MOBILE), Facts((LONDON,), history=history), UK, at
    )
    assert isinstance(below, Clearance)
    assert rule_ids(at_limit) == ["house.contacts_week"]
    assert isinstance(at_limit, WaitUntil)
    assert at_limit.at == local("2026-06-08 08:00", LONDON)
    assert isinstance(confirmation, Clearance)


def test_a_history_out_of_order_hides_nothing() -> None:
    shuffled = (SEVEN_CALLS[6], *SEVEN_CALLS[:6])
    answer = review(
        reminder(CALL), Facts((NEW_YORK,), history=shuffled), US, local("2026-06-07 20:30", NEW_YORK)
    )
    assert rule_ids(answer) == ["us.calls_7in7"]


def test_a_calendar_day_begins_at_local_midnight() -> None:
    cap = pack_of(CapRule(id="t.cap", most=1, counts=Counted.ATTEMPTED, window_days=1, **SHARED))
    facts = Facts((SHANGHAI,), history=calls(SHANGHAI, "2026-06-01 23:59:59"))
    assert isinstance(review(reminder(CALL), facts, cap, local("2026-06-01 23:59:59", SHANGHAI)), WaitUntil)
    assert isinstance(review(reminder(CALL), facts, cap, local("2026-06-02 00:00", SHANGHAI)), Clearance)
    at_midnight = Facts((SHANGHAI,), history=calls(SHANGHAI, "2026-06-02 00:00"))
    assert isinstance(
        review(reminder(CALL), at_midnight, cap, local("2026-06-02 23:59:59", SHANGHAI)), WaitUntil
    )
