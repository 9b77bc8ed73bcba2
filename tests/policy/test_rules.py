"""The gate, told as dated stories: below, at and above each limit, with the rule's citation beside it.

Dates of clock changes in 2026: New York 8 March and 1 November, London 29 March and 25 October.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.composition import stack
from app.policy.facts import Contact, ContactResult, Facts, Hold, PastContact
from app.policy.kinds.cap import CapRule, Counted
from app.policy.kinds.consent import ConsentRule
from app.policy.kinds.gap import GapRule
from app.policy.kinds.hours import HoursRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.review import ask, objections, review
from app.policy.rules import Rule

US, UK, CN = (shipped_packs()[code] for code in ("us-third-party", "uk", "cn"))
NEW_YORK, LOS_ANGELES, LONDON, SHANGHAI = (
    "America/New_York",
    "America/Los_Angeles",
    "Europe/London",
    "Asia/Shanghai",
)
SMS, EMAIL, POST, CALL = Channel.SMS, Channel.EMAIL, Channel.POST, Channel.CALL
PLACED, ANSWERED, ATTEMPTED = ContactResult.PLACED, ContactResult.ANSWERED, ContactResult.ATTEMPTED
MOBILE = "+15550100"


def local(text: str, zone: str) -> datetime:
    """'2026-06-01 08:00' on the wall clock of `zone`, as a UTC instant. Seconds are allowed."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def reminder(channel: Channel = SMS, address: str = MOBILE) -> Contact:
    return Contact(channel, Purpose.REMINDER, address)


def calls(
    zone: str, *at: str, result: ContactResult = PLACED, address: str = MOBILE
) -> tuple[PastContact, ...]:
    return tuple(PastContact(local(text, zone), CALL, result, address) for text in at)


def rule_ids(answer: object) -> list[str]:
    assert isinstance(answer, (WaitUntil, Refusals))
    return [reason.rule for reason in answer.reasons]


SHARED = {"force": "law", "citation": "a citation", "source": "a source", "verified": True}


def pack_of(*rules: Rule) -> Pack:
    return Pack(
        code="test",
        name="Test",
        version="1",
        country="US",
        collector="any",
        effective_from=date(2020, 1, 1),
        disclaimer="Not legal advice.",
        rules=rules,
    )


def every_day(start_hour: int, end_hour: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    return (((start_hour * 60, end_hour * 60),),) * 7


# ------------------------------------------------------------------------------------------------ hours

HOURS = [
    # pack, zone, local instant, permitted?, next opening if not
    (US, NEW_YORK, "2026-06-01 07:59:59", False, "2026-06-01 08:00"),  # 12 CFR 1006.6(b)(1)
    (US, NEW_YORK, "2026-06-01 08:00:00", True, None),
    (US, NEW_YORK, "2026-06-01 20:59:59", True, None),
    (US, NEW_YORK, "2026-06-01 21:00:00", False, "2026-06-02 08:00"),
    (US, NEW_YORK, "2026-06-01 23:59:59", False, "2026-06-02 08:00"),  # both sides of midnight
    (US, NEW_YORK, "2026-06-02 00:00:00", False, "2026-06-02 08:00"),
    (US, NEW_YORK, "2026-03-07 21:00:00", False, "2026-03-08 08:00"),  # the night is an hour short
    (US, NEW_YORK, "2026-03-08 07:59:59", False, "2026-03-08 08:00"),
    (US, NEW_YORK, "2026-03-08 08:00:00", True, None),
    (US, NEW_YORK, "2026-10-31 21:00:00", False, "2026-11-01 08:00"),  # the night is an hour long
    (US, NEW_YORK, "2026-11-01 20:59:59", True, None),
    (US, NEW_YORK, "2026-11-01 21:00:00", False, "2026-11-02 08:00"),
    (UK, LONDON, "2026-03-29 07:59:59", False, "2026-03-29 08:00"),  # MCOB 13.5.4G by analogy
    (UK, LONDON, "2026-03-29 08:00:00", True, None),
    (UK, LONDON, "2026-10-25 20:59:59", True, None),
    (UK, LONDON, "2026-10-25 21:00:00", False, "2026-10-26 08:00"),
    (CN, SHANGHAI, "2026-06-01 21:59:59", True, None),  # GB/T 45251-2025; CBA Guideline 2026-01-30
    (CN, SHANGHAI, "2026-06-01 22:00:00", False, "2026-06-02 08:00"),
    (CN, SHANGHAI, "2026-06-02 00:00:00", False, "2026-06-02 08:00"),
    (CN, SHANGHAI, "2026-06-02 07:59:59", False, "2026-06-02 08:00"),
    (CN, SHANGHAI, "2026-06-02 08:00:00", True, None),
]


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize(("pack", "zone", "at", "permitted", "opens"), HOURS)
def test_hours_on_the_customers_wall_clock(
    pack: Pack, zone: str, at: str, permitted: bool, opens: str | None, channel: Channel
) -> None:
    answer = review(reminder(channel), Facts((zone,)), pack, local(at, zone))
    if permitted:
        assert isinstance(answer, Clearance)
    else:
        assert isinstance(answer, WaitUntil)
        assert answer.at == local(str(opens), zone)


def test_china_names_both_rules_that_forbid_22_00() -> None:
    answer = review(reminder(), Facts((SHANGHAI,)), CN, local("2026-06-01 22:00", SHANGHAI))
    assert rule_ids(answer) == ["cn.hours_gbt", "cn.hours_cba"]
    assert isinstance(answer, WaitUntil)
    assert {reason.citation[:8] for reason in answer.reasons} == {"GB/T 452", "China Ba"}


def test_a_rule_binds_from_its_first_day_and_not_before() -> None:
    """The association's guideline is of 30 January 2026; the standard was there before."""
    day_before = review(reminder(), Facts((SHANGHAI,)), CN, local("2026-01-29 23:59", SHANGHAI))
    that_day = review(reminder(), Facts((SHANGHAI,)), CN, local("2026-01-30 00:00", SHANGHAI))
    assert rule_ids(day_before) == ["cn.hours_gbt"]
    assert rule_ids(that_day) == ["cn.hours_gbt", "cn.hours_cba"]


def test_a_rule_that_ended_no_longer_binds() -> None:
    ended = HoursRule(id="t.hours", week=every_day(8, 9), effective_to=date(2026, 6, 1), **SHARED)
    facts = Facts((NEW_YORK,))
    assert isinstance(
        review(reminder(), facts, pack_of(ended), local("2026-06-01 23:59", NEW_YORK)), WaitUntil
    )
    assert isinstance(
        review(reminder(), facts, pack_of(ended), local("2026-06-02 00:00", NEW_YORK)), Clearance
    )


TWO_ZONES = [
    # 12 CFR 1006.6(b)(1): where the place is doubtful, only the hours that suit all of them
    ("2026-06-01 10:59:59", False, "2026-06-01 11:00"),  # 07:59 in Los Angeles
    ("2026-06-01 11:00:00", True, None),
    ("2026-06-01 20:59:59", True, None),
    ("2026-06-01 21:00:00", False, "2026-06-02 11:00"),  # still 18:00 in Los Angeles
    ("2026-06-02 00:00:00", False, "2026-06-02 11:00"),
]


@pytest.mark.parametrize(("at", "permitted", "opens"), TWO_ZONES)
def test_two_possible_zones_must_both_permit(at: str, permitted: bool, opens: str | None) -> None:
    facts = Facts((LOS_ANGELES, NEW_YORK))
    answer = review(reminder(), facts, US, local(at, NEW_YORK))
    if permitted:
        assert isinstance(answer, Clearance)
        assert answer.not_after == local("2026-06-01 21:00", NEW_YORK)
    else:
        assert isinstance(answer, WaitUntil)
        assert answer.at == local(str(opens), NEW_YORK)


def test_zones_whose_hours_never_meet_are_refused_not_waited_for() -> None:
    mornings = HoursRule(id="t.mornings", week=every_day(8, 9), **SHARED)
    answer = review(
        reminder(), Facts((NEW_YORK, SHANGHAI)), pack_of(mornings), local("2026-06-01 08:30", NEW_YORK)
    )
    assert isinstance(answer, Refusals)
    assert answer.reasons[0].until is None


def test_closed_weekdays_are_skipped() -> None:
    office_days = (((9 * 60, 12 * 60), (13 * 60, 17 * 60)),) * 5 + ((), ())
    office = pack_of(HoursRule(id="t.office", week=office_days, **SHARED))
    facts = Facts((LONDON,))
    lunch = review(reminder(), facts, office, local("2026-06-05 12:00", LONDON))  # a Friday
    evening = review(reminder(), facts, office, local("2026-06-05 17:00", LONDON))
    saturday = review(reminder(), facts, office, local("2026-06-06 10:00", LONDON))
    assert isinstance(lunch, WaitUntil)
    assert lunch.at == local("2026-06-05 13:00", LONDON)
    for closed in (evening, saturday):
        assert isinstance(closed, WaitUntil)
        assert closed.at == local("2026-06-08 09:00", LONDON)


def test_an_hour_that_occurs_twice_is_closed_when_in_doubt() -> None:
    """New York, 1 November 2026: 01:30 comes twice. Until 01:30 means the first, from 01:30 the second."""
    until, since = (
        pack_of(HoursRule(id="t.hours", week=((span,),) * 7, **SHARED)) for span in ((0, 90), (90, 1440))
    )
    first, second = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    facts, minute = Facts((NEW_YORK,)), timedelta(minutes=1)
    assert isinstance(review(reminder(), facts, until, first - minute), Clearance)
    assert isinstance(review(reminder(), facts, until, first), WaitUntil)
    assert isinstance(review(reminder(), facts, until, second - minute), WaitUntil)
    assert isinstance(review(reminder(), facts, since, first), WaitUntil)
    assert isinstance(review(reminder(), facts, since, second), Clearance)


def test_a_clearance_ends_when_the_hours_close_or_after_a_day() -> None:
    noon = local("2026-06-01 12:00", NEW_YORK)
    by_hours = review(reminder(), Facts((NEW_YORK,)), US, noon)
    by_default = review(reminder(), Facts((NEW_YORK,)), pack_of(), noon)
    assert by_hours == Clearance(
        reminder(), noon, local("2026-06-01 21:00", NEW_YORK), f"us-third-party@{US.version}"
    )
    assert isinstance(by_default, Clearance)
    assert by_default.not_after == noon + timedelta(hours=24)


# ---------------------------------------------------------------------------------- Regulation F on calls

# One unanswered call a day, Monday 1 to Sunday 7 June 2026, at 20:00 in New York.
SEVEN_CALLS = calls(NEW_YORK, *(f"2026-06-0{day} 20:00" for day in range(1, 8)))

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


CONVERSATION = [
    # 12 CFR 1006.14(b)(2)(i)(B): the day of the conversation is day 1, the next call is day 8
    ("2026-06-01 09:00", "2026-06-01 09:05", False),
    ("2026-06-01 09:00", "2026-06-07 20:59", False),  # day 7
    ("2026-06-01 09:00", "2026-06-08 08:00", True),  # day 8
    ("2026-06-01 20:59", "2026-06-08 08:00", True),  # the hour of the conversation does not matter
    ("2026-03-05 20:59", "2026-03-11 20:59", False),  # across the spring clock change
    ("2026-03-05 20:59", "2026-03-12 08:00", True),
    ("2026-10-29 09:00", "2026-11-04 20:59", False),  # across the autumn clock change
    ("2026-10-29 09:00", "2026-11-05 08:00", True),
]


@pytest.mark.parametrize(("spoke", "at", "permitted"), CONVERSATION)
def test_us_next_call_on_day_8_after_a_conversation(spoke: str, at: str, permitted: bool) -> None:
    facts = Facts((NEW_YORK,), history=calls(NEW_YORK, spoke, result=ANSWERED))
    answer = review(reminder(CALL), facts, US, local(at, NEW_YORK))
    if permitted:
        assert isinstance(answer, Clearance)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule_ids(answer) == ["us.calls_after_conversation"]
        day_8 = date.fromisoformat(spoke[:10]) + timedelta(days=7)
        assert answer.at == local(f"{day_8} 08:00", NEW_YORK)


def test_us_a_call_nobody_answered_starts_no_gap_and_a_conversation_stops_no_letter() -> None:
    at = local("2026-06-02 09:00", NEW_YORK)
    unanswered = Facts((NEW_YORK,), history=calls(NEW_YORK, "2026-06-01 09:00"))
    answered = Facts((NEW_YORK,), history=calls(NEW_YORK, "2026-06-01 09:00", result=ANSWERED))
    assert isinstance(review(reminder(CALL), unanswered, US, at), Clearance)
    assert isinstance(review(reminder(POST, "1 Main St"), answered, US, at), Clearance)


# ------------------------------------------------------------------------------------------ China on calls


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


# ----------------------------------------------------------------------------------------- caps in general

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


# ------------------------------------------------------------------------------------- consent and holds


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("pack", [US, UK, CN], ids=lambda pack: pack.code)
def test_an_opt_out_stops_a_channel_for_every_purpose_and_no_other_channel(
    pack: Pack, purpose: Purpose
) -> None:
    """12 CFR 1006.14(h)(1): a confirmation is no way around it."""
    facts = Facts((SHANGHAI,), consent={SMS: False}, opted_out_at={SMS: datetime(2026, 5, 1, tzinfo=UTC)})
    at = local("2026-06-01 12:00", SHANGHAI)
    by_sms = review(Contact(SMS, purpose, MOBILE), facts, pack, at)
    assert isinstance(by_sms, Refusals)
    assert "opted out of sms on 2026-05-01" in {reason.detail for reason in by_sms.reasons}
    assert isinstance(review(Contact(EMAIL, purpose, "ann@example.test"), facts, pack, at), Clearance)


@pytest.mark.parametrize(
    ("purpose", "permitted"),
    [(Purpose.REMINDER, False), (Purpose.CONFIRMATION, False), (Purpose.NOTICE, True)],
)
def test_us_a_notice_the_law_demands_goes_by_post_all_the_same(purpose: Purpose, permitted: bool) -> None:
    """12 CFR 1006.14(h)(2)(iii)."""
    facts = Facts((NEW_YORK,), consent={POST: False})
    answer = review(Contact(POST, purpose, "1 Main St"), facts, US, local("2026-06-01 12:00", NEW_YORK))
    assert isinstance(answer, Clearance if permitted else Refusals)


@pytest.mark.parametrize(("consent", "permitted"), [({}, False), ({SMS: False}, False), ({SMS: True}, True)])
def test_opt_in_needs_a_yes(consent: dict[Channel, bool], permitted: bool) -> None:
    opt_in = pack_of(ConsentRule(id="t.opt_in", mode="opt_in", **SHARED))
    answer = review(reminder(), Facts((LONDON,), consent=consent), opt_in, local("2026-06-01 12:00", LONDON))
    assert isinstance(answer, Clearance if permitted else Refusals)


R, C, N = Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE
HOLDS = [
    # pack, hold, purposes it stops
    (US, HoldKind.CEASE_CONTACT, {R, C}, "us.cease"),  # 12 CFR 1006.6(c)(1)-(2): three notices pass
    (US, HoldKind.ATTORNEY, {R, C, N}, "us.attorney"),  # 12 CFR 1006.6(b)(2)
    (US, HoldKind.BANKRUPTCY, {R, C, N}, "us.bankruptcy_stay"),  # 11 USC 362(a)(6)
    (US, HoldKind.DISPUTE, {R}, "us.dispute_hold"),  # 12 CFR 1006.38(d)(2)
    (US, HoldKind.DECEASED, {R, C, N}, "house.deceased"),
    (US, HoldKind.MILITARY, {R}, "house.holds"),
    (UK, HoldKind.BREATHING_SPACE, {R, C}, "uk.breathing_space"),  # SI 2020/1311 regs 7, 11
    (UK, HoldKind.DISPUTE, {R}, "uk.disputed_debt"),  # CONC 7.14.1R
    (UK, HoldKind.CEASE_CONTACT, {R, C}, "house.cease_contact"),
    (UK, HoldKind.ATTORNEY, {R, C, N}, "house.full_stop"),
    (UK, HoldKind.VULNERABLE, {R}, "house.holds"),
    (CN, HoldKind.DISPUTE, {R}, "house.objection"),
    (CN, HoldKind.CEASE_CONTACT, {R, C, N}, "house.full_stop"),
    (CN, HoldKind.HARDSHIP, {R}, "house.holds"),
]


@pytest.mark.parametrize(("pack", "kind", "stops", "rule"), HOLDS)
def test_a_hold_stops_its_purposes_and_no_others(
    pack: Pack, kind: HoldKind, stops: set[Purpose], rule: str
) -> None:
    at = local("2026-06-01 12:00", SHANGHAI)
    facts = Facts((SHANGHAI,), holds=(Hold(kind, at - timedelta(days=3), None),))
    answers = {purpose: review(Contact(SMS, purpose, MOBILE), facts, pack, at) for purpose in Purpose}
    assert {purpose for purpose, answer in answers.items() if isinstance(answer, Refusals)} == stops
    assert rule_ids(answers[R]) == [rule]


BREATHING_SPACE = Hold(
    HoldKind.BREATHING_SPACE,
    local("2026-06-01 10:00", LONDON),
    local("2026-08-01 00:00", LONDON),  # 60 days from the day after registration: 2 June to 31 July
)


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        ("2026-06-01 09:59", Clearance),
        ("2026-06-01 10:00", Refusals),  # 61 days ahead: too far to call it a wait
        ("2026-07-31 20:59", WaitUntil),
        ("2026-08-01 00:00", WaitUntil),  # over, but it is night
        ("2026-08-01 08:00", Clearance),
    ],
)
def test_uk_breathing_space_ends_by_itself(at: str, answers: type) -> None:
    """Debt Respite Scheme Regulations 2020 (England and Wales), SI 2020/1311: 60 days."""
    answer = review(reminder(), Facts((LONDON,), holds=(BREATHING_SPACE,)), UK, local(at, LONDON))
    assert isinstance(answer, answers)
    if isinstance(answer, WaitUntil):
        assert answer.at == local("2026-08-01 08:00", LONDON)


def test_a_breathing_space_is_shown_as_not_verified() -> None:
    answer = review(
        reminder(), Facts((LONDON,), holds=(BREATHING_SPACE,)), UK, local("2026-07-31 12:00", LONDON)
    )
    assert isinstance(answer, WaitUntil)
    assert [reason.verified for reason in answer.reasons] == [False]


# --------------------------------------------------------------------------------------- the whole answer


def test_every_reason_is_told_the_waiting_ones_too() -> None:
    facts = Facts(
        (NEW_YORK,),
        consent={CALL: False},
        holds=(Hold(HoldKind.DISPUTE, local("2026-06-01 09:00", NEW_YORK), None),),
        history=SEVEN_CALLS + calls(NEW_YORK, "2026-06-07 20:30", result=ANSWERED),
    )
    answer = review(reminder(CALL, ""), facts, US, local("2026-06-07 22:00", NEW_YORK))
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == [
        "desk.no_address",
        "us.hours",
        "us.calls_7in7",
        "us.calls_after_conversation",
        "us.medium_preference",
        "us.dispute_hold",
    ]
    assert all(reason.citation for reason in answer.reasons)


def test_a_wait_for_one_rule_may_run_into_another() -> None:
    """The hold ends at 23:00, when the hours are closed: the answer is the next morning."""
    ends = local("2026-06-03 23:00", LONDON)
    facts = Facts((LONDON,), holds=(Hold(HoldKind.MANUAL, local("2026-06-01 00:00", LONDON), ends),))
    answer = review(reminder(), facts, UK, local("2026-06-02 12:00", LONDON))
    assert isinstance(answer, WaitUntil)
    assert answer.at == local("2026-06-04 08:00", LONDON)
    assert rule_ids(answer) == ["house.holds"]


def test_a_wait_that_ends_inside_an_open_hold_is_a_refusal_that_says_so() -> None:
    tomorrow = Hold(HoldKind.BANKRUPTCY, local("2026-06-02 00:00", NEW_YORK), None)
    answer = review(
        reminder(), Facts((NEW_YORK,), holds=(tomorrow,)), US, local("2026-06-01 22:00", NEW_YORK)
    )
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == ["us.hours", "us.bankruptcy_stay"]


@pytest.mark.parametrize(("days", "answers"), [(59, WaitUntil), (60, WaitUntil), (61, Refusals)])
def test_a_wait_beyond_sixty_days_is_a_refusal(days: int, answers: type) -> None:
    now = local("2026-06-01 12:00", LONDON)
    hold = Hold(HoldKind.MANUAL, now - timedelta(days=1), now + timedelta(days=days))
    assert isinstance(review(reminder(), Facts((LONDON,), holds=(hold,)), UK, now), answers)


UNKNOWN_ZONES = [
    (),
    ("Mars/Olympus",),
    ("",),
    ("America",),
    ("../etc/passwd",),
    (NEW_YORK, "Nowhere"),
    ("\0",),
]


@pytest.mark.parametrize("zones", UNKNOWN_ZONES)
def test_an_unknown_time_zone_is_a_refusal_not_an_accident(zones: tuple[str, ...]) -> None:
    answer = review(reminder(), Facts(zones), US, local("2026-06-01 12:00", NEW_YORK))
    assert isinstance(answer, Refusals)
    assert rule_ids(answer) == ["desk.timezone_unknown"]


def test_a_naive_now_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        review(reminder(), Facts((NEW_YORK,)), US, datetime(2026, 6, 1, 12, 0))


# ------------------------------------------------------------------------------------------------ properties

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
