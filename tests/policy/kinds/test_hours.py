"""Hours, told as dated stories: below, at and above each limit, with its citation beside it.

Dates of clock changes in 2026: New York 8 March and 1 November, London 29 March and 25 October.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.core.vocabulary import Channel
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Facts
from app.policy.kinds.hours import HoursRule
from app.policy.pack import Pack
from app.policy.review import review
from tests.policy.contacts import (
    CN,
    LONDON,
    LOS_ANGELES,
    NEW_YORK,
    SHANGHAI,
    SHARED,
    UK,
    US,
    every_day,
    local,
    pack_of,
    reminder,
    rule_ids,
)

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
