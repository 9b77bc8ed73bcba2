"""Each pack as a table of dated stories: below, at and above every limit, with the citation beside it.

Times are the wall clock of the zone named; where a contact has to wait, the last column says until when, in that zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.composition import packs_for
from app.policy.facts import (
    Contact,
    ContactResult,
    Facts,
    Hold,
    Notice,
    PastContact,
    Preference,
    PreferenceKind,
)
from app.policy.kinds.wait import WaitRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.review import review, suit_objections
from app.policy.zones import zones_for

SMS, EMAIL, POST, CALL = Channel.SMS, Channel.EMAIL, Channel.POST, Channel.CALL
PLACED, ANSWERED = ContactResult.PLACED, ContactResult.ANSWERED
NUMBER = "+12125550100"
YES = dict.fromkeys(Channel, True)

NEW_YORK, BOSTON, JAKARTA, AMSTERDAM = (
    "America/New_York",
    "America/New_York",
    "Asia/Jakarta",
    "Europe/Amsterdam",
)
OSLO, KOLKATA, SYDNEY, PERTH = "Europe/Oslo", "Asia/Kolkata", "Australia/Sydney", "Australia/Perth"
HONG_KONG, SINGAPORE, LONDON, SHANGHAI = "Asia/Hong_Kong", "Asia/Singapore", "Europe/London", "Asia/Shanghai"
TAIPEI = "Asia/Taipei"


def at(
    place: str, pack: str = "", collector: str = "third_party", postcode: str = "", region: str = ""
) -> Pack:
    """The effective pack of a customer there; the portfolio's own is the country's unless another is named."""
    base = pack or {"US": "us-third-party", "GB": "uk"}.get(place, place.lower())
    portfolio = SimpleNamespace(
        code="b",
        pack=base,
        collector=collector,
        tightening="",
        complaint_stops="reminders",
        adopted_packs="",
        assigned_on=None,
    )
    return packs_for(portfolio, SimpleNamespace(country=place, region=region, city="", postcode=postcode))


US, US_OWN = at("US"), at("US", "us-first-party", "first_party")
NYC, BOSTON_AGENCY = at("US", postcode="10001"), at("US", postcode="02108", region="MA")
NL, NL_OWN = at("NL"), at("NL", collector="first_party")
UK, CN, ID, NO, IN, AU, HK, SG, TW = (
    at(code, collector="first_party" if code == "TW" else "third_party")
    for code in ("GB", "CN", "ID", "NO", "IN", "AU", "HK", "SG", "TW")
)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ask(pack: Pack, zone: str, when: str, channel: Channel, *past: PastContact, **facts: object) -> object:
    known = {"consent": YES, "history": past} | facts
    contact = Contact(channel, Purpose.REMINDER, NUMBER)
    return review(contact, Facts((zone,), **known), pack, local(when, zone))  # type: ignore[arg-type]


def rules_of(answer: object) -> set[str]:
    return {reason.rule for reason in answer.reasons} if isinstance(answer, (WaitUntil, Refusals)) else set()


# ------------------------------------------------------------------------------------------------ hours

HOURS = [
    # 12 CFR 1006.6(b)(1): after 08:00 and before 21:00; creditors by analogy
    (US, NEW_YORK, SMS, "2026-10-07 20:59:59", None, None),
    (US, NEW_YORK, SMS, "2026-10-07 21:00:00", "us.hours", "2026-10-08 08:00"),
    (US_OWN, NEW_YORK, CALL, "2026-10-07 07:59:59", "us.hours_proxy", "2026-10-07 08:00"),
    (US_OWN, NEW_YORK, CALL, "2026-10-07 08:00:00", None, None),
    (US_OWN, NEW_YORK, CALL, "2026-03-08 07:59:59", "us.hours_proxy", "2026-03-08 08:00"),  # an hour was lost
    (US_OWN, NEW_YORK, CALL, "2026-10-31 21:00:00", "us.hours_proxy", "2026-11-01 08:00"),  # an hour is won
    # 940 CMR 7.04-7.05, with the federal hours
    (BOSTON_AGENCY, BOSTON, CALL, "2026-10-07 21:00:00", "us-ma.hours", "2026-10-08 08:00"),
    (BOSTON_AGENCY, BOSTON, CALL, "2026-10-07 20:59:59", None, None),
    # MCOB 13.5.4G by analogy; clocks go forward on 29 March 2026
    (UK, LONDON, CALL, "2026-03-29 07:59:59", "uk.hours_proxy", "2026-03-29 08:00"),
    (UK, LONDON, CALL, "2026-03-29 08:00:00", None, None),
    (UK, LONDON, CALL, "2026-03-28 21:00:00", "uk.hours_proxy", "2026-03-29 08:00"),
    # GB/T 45251-2025; CBA guideline of 2026-01-30: not from 22:00 to 08:00
    (CN, SHANGHAI, SMS, "2026-10-07 21:59:59", None, None),
    (CN, SHANGHAI, SMS, "2026-10-07 22:00:00", "cn.hours_cba", "2026-10-08 08:00"),
    (CN, SHANGHAI, SMS, "2026-10-07 23:59:59", "cn.hours_gbt", "2026-10-08 08:00"),
    (CN, SHANGHAI, SMS, "2026-10-08 00:00:00", "cn.hours_gbt", "2026-10-08 08:00"),
    (CN, SHANGHAI, SMS, "2026-10-08 08:00:00", None, None),
    # POJK 22/2023 art 62(2)(f): Monday to Saturday 08:00-20:00, not on national holidays
    (ID, JAKARTA, CALL, "2026-10-10 19:59:59", None, None),  # a Saturday
    (ID, JAKARTA, CALL, "2026-10-10 20:00:00", "id.hours", "2026-10-12 08:00"),  # Sunday is closed
    (ID, JAKARTA, CALL, "2026-10-11 12:00:00", "id.hours", "2026-10-12 08:00"),
    (ID, JAKARTA, CALL, "2026-08-17 12:00:00", "id.hours", "2026-08-18 08:00"),  # Independence Day, a Monday
    (ID, JAKARTA, SMS, "2026-03-20 20:00:00", "id.hours", "2026-03-23 08:00"),  # Eid on Saturday and Sunday
    (ID, JAKARTA, SMS, "2026-05-27 12:00:00", "id.hours", "2026-05-28 08:00"),  # Eid al-Adha
    (ID, JAKARTA, SMS, "2026-02-17 12:00:00", "id.hours", "2026-02-18 08:00"),  # Lunar New Year
    (ID, JAKARTA, SMS, "2026-02-18 12:00:00", None, None),  # Ramadan is no holiday
    # Bki art 4.2: not between 20:00 and 07:00, on Sundays, general holidays, and days equated by decree
    (NL, AMSTERDAM, CALL, "2026-10-07 06:59:59", "nl.hours", "2026-10-07 07:00"),
    (NL, AMSTERDAM, CALL, "2026-10-07 07:00:00", None, None),
    (NL, AMSTERDAM, CALL, "2026-10-07 19:59:59", None, None),
    (NL, AMSTERDAM, CALL, "2026-10-07 20:00:00", "nl.hours", "2026-10-08 07:00"),
    (NL, AMSTERDAM, SMS, "2026-10-10 20:00:00", "nl.hours", "2026-10-12 07:00"),  # Saturday evening: Monday
    (NL, AMSTERDAM, SMS, "2026-10-11 12:00:00", "nl.days", "2026-10-12 07:00"),  # Sunday
    (NL, AMSTERDAM, POST, "2026-04-27 12:00:00", "nl.days", "2026-04-28 07:00"),  # King's Day
    (NL, AMSTERDAM, POST, "2026-05-05 12:00:00", "nl.days", "2026-05-06 07:00"),  # Liberation Day
    (
        NL,
        AMSTERDAM,
        POST,
        "2024-05-10 12:00:00",
        "nl.days",
        "2024-05-11 07:00",
    ),  # equated by decree, a Friday
    (NL, AMSTERDAM, POST, "2024-12-27 12:00:00", "nl.days", "2024-12-28 07:00"),
    (
        NL_OWN,
        AMSTERDAM,
        SMS,
        "2026-10-11 12:00:00",
        "house.hours",
        "2026-10-12 07:00",
    ),  # for our own, our choice
    # Prop. 3 L (2025-2026), not yet law: weekdays 08:00-21:00, Saturdays 09:00-15:00
    (NO, OSLO, CALL, "2026-10-09 20:59:59", None, None),
    (NO, OSLO, CALL, "2026-10-09 21:00:00", "no.contact_hours_bill", "2026-10-10 09:00"),
    (NO, OSLO, CALL, "2026-10-10 14:59:59", None, None),
    (NO, OSLO, CALL, "2026-10-10 15:00:00", "no.contact_hours_bill", "2026-10-12 08:00"),
    (NO, OSLO, CALL, "2026-05-14 12:00:00", "no.contact_hours_bill", "2026-05-15 08:00"),  # Ascension Day
    # RBI/2022-23/108: calls 08:00-19:00; all contact from 2027
    (IN, KOLKATA, CALL, "2026-10-07 18:59:59", None, None),
    (IN, KOLKATA, CALL, "2026-10-07 19:00:00", "in.hours", "2026-10-08 08:00"),
    (IN, KOLKATA, CALL, "2026-10-07 07:59:59", "in.hours", "2026-10-07 08:00"),
    (IN, KOLKATA, SMS, "2026-12-31 19:00:00", "house.hours", "2027-01-01 08:00"),
    (IN, KOLKATA, SMS, "2027-01-01 19:00:00", "in.hours_2027", "2027-01-02 08:00"),
    # RG 96 pt 2 s 4: weekdays 07:30-21:00, weekends 09:00-21:00, not on national public holidays
    (AU, SYDNEY, CALL, "2026-10-09 07:29:59", "au.hours_phone", "2026-10-09 07:30"),
    (AU, SYDNEY, CALL, "2026-10-09 07:30:00", None, None),
    (AU, SYDNEY, CALL, "2026-10-10 08:59:59", "au.hours_phone", "2026-10-10 09:00"),
    (AU, SYDNEY, CALL, "2026-10-10 09:00:00", None, None),
    (AU, SYDNEY, CALL, "2026-10-11 20:59:59", None, None),
    (AU, SYDNEY, CALL, "2026-10-11 21:00:00", "au.hours_phone", "2026-10-12 07:30"),
    (AU, SYDNEY, CALL, "2026-01-26 12:00:00", "au.hours_phone", "2026-01-27 07:30"),  # Australia Day
    (AU, PERTH, CALL, "2026-03-02 12:00:00", None, None),  # Labour Day is Western Australia's own
    (AU, SYDNEY, CALL, "2026-10-03 21:00:00", "au.hours_phone", "2026-10-04 09:00"),  # clocks go forward
    # Code of Banking Practice (December 2021) s 46.2(a)(iii) names no hours; Singapore's statutes neither: our choice
    (HK, HONG_KONG, CALL, "2026-10-07 20:59:59", None, None),
    (HK, HONG_KONG, CALL, "2026-10-07 21:00:00", "hk.hours_proxy", "2026-10-08 08:00"),
    (TW, TAIPEI, CALL, "2026-10-07 20:59:59", None, None),
    (TW, TAIPEI, CALL, "2026-10-07 21:00:00", "house.hours", "2026-10-08 08:00"),
    (SG, SINGAPORE, CALL, "2026-10-07 20:59:59", None, None),
    (SG, SINGAPORE, CALL, "2026-10-07 21:00:00", "house.hours", "2026-10-08 08:00"),
]


@pytest.mark.parametrize(("pack", "zone", "channel", "when", "rule", "opens"), HOURS)
def test_hours(
    pack: Pack, zone: str, channel: Channel, when: str, rule: str | None, opens: str | None
) -> None:
    answer = ask(pack, zone, when, channel)
    if rule is None:
        assert isinstance(answer, Clearance), rules_of(answer)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule in rules_of(answer)
        assert answer.at == local(str(opens), zone)


# ------------------------------------------------------------------------------------------- caps and gaps


def made(
    zone: str, *contacts: tuple[Channel, str], result: ContactResult = PLACED
) -> tuple[PastContact, ...]:
    return tuple(PastContact(local(when, zone), channel, result, NUMBER) for channel, when in contacts)


# Three contacts over three channels from Thursday 1 October 2026, when the rule is a month old.
NYC_THREE = made(
    NEW_YORK, (POST, "2026-10-01 10:00"), (EMAIL, "2026-10-03 10:00"), (CALL, "2026-10-05 10:00")
)
MA_TWO = made(BOSTON, (CALL, "2026-10-01 10:00"), (SMS, "2026-10-04 10:00"))
AU_THREE = made(SYDNEY, (SMS, "2026-10-05 10:00"), (EMAIL, "2026-10-06 11:00"), (POST, "2026-10-07 12:00"))
AU_TEN = made(SYDNEY, *[(EMAIL, f"2026-10-{day:02} 10:00") for day in (1, 4, 7, 9, 12, 15, 17, 20, 23, 25)])
AU_UNANSWERED = made(SYDNEY, *[(CALL, f"2026-10-0{day} 10:00") for day in (5, 6, 7)])
CN_SIX = made(SHANGHAI, *[(CALL, f"2026-10-07 {hour:02}:00") for hour in range(8, 14)])
HK_TWO = made(HONG_KONG, (CALL, "2026-10-07 09:00"), (CALL, "2026-10-07 12:00"))
SG_TWO = made(SINGAPORE, (CALL, "2026-10-07 09:00"), (CALL, "2026-10-07 12:00"))
SPOKE = made(NEW_YORK, (CALL, "2026-10-01 15:00"), result=ANSWERED)

CAPS = [
    # 6 RCNY 5-77: three contacts and attempts in any 7 days, all channels together
    (NYC, NEW_YORK, SMS, NYC_THREE[:2], "2026-10-06 10:00", None, None),
    (NYC, NEW_YORK, SMS, NYC_THREE, "2026-10-06 10:00", "us-nyc.freq", "2026-10-08 08:00"),
    (NYC, NEW_YORK, CALL, NYC_THREE, "2026-10-07 20:59", "us-nyc.freq", "2026-10-08 08:00"),
    (NYC, NEW_YORK, CALL, NYC_THREE, "2026-10-08 08:00", None, None),
    (US, NEW_YORK, CALL, NYC_THREE, "2026-10-06 10:00", None, None),  # outside the city seven calls are law
    # 940 CMR 7.04(1)(f): two calls or texts in each 7 days
    (BOSTON_AGENCY, BOSTON, SMS, MA_TWO[:1], "2026-10-05 12:00", None, None),
    (BOSTON_AGENCY, BOSTON, SMS, MA_TWO, "2026-10-05 12:00", "us-ma.phone_text_freq", "2026-10-08 08:00"),
    (BOSTON_AGENCY, BOSTON, CALL, MA_TWO, "2026-10-07 20:00", "us-ma.phone_text_freq", "2026-10-08 08:00"),
    (BOSTON_AGENCY, BOSTON, CALL, MA_TWO, "2026-10-08 08:00", None, None),
    (
        BOSTON_AGENCY,
        BOSTON,
        EMAIL,
        MA_TWO,
        "2026-10-05 12:00",
        None,
        None,
    ),  # letters and e-mails do not count
    # 12 CFR 1006.14(b)(2)(i)(B): the conversation is day 1, the next call on day 8
    (US, NEW_YORK, CALL, SPOKE, "2026-10-07 20:59", "us.calls_after_conversation", "2026-10-08 08:00"),
    (US, NEW_YORK, CALL, SPOKE, "2026-10-08 08:00", None, None),
    (US, NEW_YORK, SMS, SPOKE, "2026-10-02 12:00", None, None),
    (US_OWN, NEW_YORK, CALL, SPOKE, "2026-10-02 12:00", None, None),  # does not bind a creditor
    # RG 96 pt 2 s 5(c): three contacts a week, counted in any seven days, and ten a month
    (AU, SYDNEY, SMS, AU_THREE[:2], "2026-10-09 12:00", None, None),
    (AU, SYDNEY, SMS, AU_THREE, "2026-10-11 20:00", "au.freq_week", "2026-10-12 07:30"),
    (AU, SYDNEY, SMS, AU_THREE, "2026-10-12 07:30", None, None),
    (AU, SYDNEY, SMS, AU_TEN[:9], "2026-10-29 12:00", None, None),
    (AU, SYDNEY, SMS, AU_TEN, "2026-10-31 20:59", "au.freq_month", "2026-11-01 09:00"),
    (AU, SYDNEY, SMS, AU_TEN, "2026-11-01 09:00", None, None),  # a new month
    (AU, SYDNEY, CALL, AU_UNANSWERED, "2026-10-08 12:00", None, None),
    # CBA guideline 2026: six attempts a day to one number; GB/T 45251-2025: three answered calls a day
    (CN, SHANGHAI, CALL, CN_SIX[:5], "2026-10-07 15:00", None, None),
    (CN, SHANGHAI, CALL, CN_SIX, "2026-10-07 15:00", "cn.attempts_day", "2026-10-08 08:00"),
    # House rules where no number is law: two call attempts a day
    (HK, HONG_KONG, CALL, HK_TWO[:1], "2026-10-07 18:00", None, None),
    (HK, HONG_KONG, CALL, HK_TWO, "2026-10-07 18:00", "house.calls_day", "2026-10-08 08:00"),
    (SG, SINGAPORE, CALL, SG_TWO, "2026-10-07 18:00", "house.calls_day", "2026-10-08 08:00"),
]


@pytest.mark.parametrize(("pack", "zone", "channel", "past", "when", "rule", "again"), CAPS)
def test_caps_and_gaps(
    pack: Pack,
    zone: str,
    channel: Channel,
    past: tuple[PastContact, ...],
    when: str,
    rule: str | None,
    again: str | None,
) -> None:
    answer = ask(pack, zone, when, channel, *past)
    if rule is None:
        assert isinstance(answer, Clearance), rules_of(answer)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule in rules_of(answer)
        assert answer.at == local(str(again), zone)


def test_new_yorks_rule_begins_on_the_first_of_september() -> None:
    past = made(NEW_YORK, *[(CALL, f"2026-08-{day} 10:00") for day in (27, 28, 29)])
    assert "us-nyc.freq" not in rules_of(ask(NYC, NEW_YORK, "2026-08-31 12:00", CALL, *past))
    assert "us-nyc.freq" in rules_of(ask(NYC, NEW_YORK, "2026-09-01 12:00", CALL, *past))


def test_a_notice_that_the_law_demands_passes_the_citys_cap_and_counts() -> None:
    """15 USC 1692g(a): within five days; 6 RCNY 5-77: three contacts in seven days."""
    days = ("2026-10-05", "2026-10-06", "2026-10-07")
    past = tuple(PastContact(local(f"{day} 12:00", NEW_YORK), POST, PLACED) for day in days)
    facts, noon = Facts((NEW_YORK,), consent=YES, history=past), local("2026-10-08 12:00", NEW_YORK)
    notice = Contact(POST, Purpose.NOTICE, "1 Street", "validation_notice")
    assert isinstance(review(notice, facts, NYC, noon), Clearance)
    reminder = Contact(POST, Purpose.REMINDER, "1 Street", "first_reminder")
    assert "us-nyc.freq" in rules_of(review(reminder, facts, NYC, noon))
    told = Facts((NEW_YORK,), consent=YES, history=past[1:])
    assert "us-nyc.freq" not in rules_of(review(reminder, told, NYC, noon))


def test_a_cap_per_account_counts_what_was_about_that_account_and_what_was_about_all() -> None:
    """6 RCNY 5-77 and RG 96 count per account; a message about all of them counts for each."""
    about_a = [
        PastContact(local(f"2026-10-0{d} 10:00", NEW_YORK), CALL, PLACED, NUMBER, "A") for d in (1, 2, 3)
    ]
    facts = Facts((NEW_YORK,), consent=YES, history=tuple(about_a))
    when = local("2026-10-05 12:00", NEW_YORK)

    def call(account: str, known: Facts = facts) -> object:
        return review(Contact(CALL, Purpose.REMINDER, NUMBER, account=account), known, NYC, when)

    assert "us-nyc.freq" in rules_of(call("A"))
    assert isinstance(call("B"), Clearance)
    assert "us-nyc.freq" in rules_of(call(""))
    about_all = Facts((NEW_YORK,), consent=YES, history=NYC_THREE[:3])
    assert "us-nyc.freq" in rules_of(call("B", about_all))


# ------------------------------------------------------------------- consent, holds, what customers tell


@pytest.mark.parametrize(
    ("channel", "consent", "permitted"),
    [
        (SMS, {}, False),
        (SMS, {SMS: True}, True),
        (EMAIL, {SMS: True}, False),
        (POST, {}, True),
        (CALL, {}, True),
    ],
)
def test_new_york_city_wants_a_yes_to_electronic_contact(
    channel: Channel, consent: dict, permitted: bool
) -> None:
    """6 RCNY 5-77: revocable consent, by medium."""
    answer = ask(NYC, NEW_YORK, "2026-10-07 12:00", channel, consent=consent)
    assert isinstance(answer, Clearance) is permitted
    before = ask(NYC, NEW_YORK, "2026-08-31 12:00", channel, consent=consent)
    # 23 NYCRR 1.6 wants it of collectors by e-mail in all of New York State, before the city did.
    assert rules_of(before) == (set() if channel is not EMAIL else {"us-ny.email_consent"})


@pytest.mark.parametrize(("when", "permitted"), [("2027-01-30 12:00", True), ("2027-01-31 12:00", False)])
@pytest.mark.parametrize("pack", [US, US_OWN], ids=["agency", "creditor"])
def test_from_2027_a_no_to_calls_is_a_no_to_texts(pack: Pack, when: str, permitted: bool) -> None:
    """47 CFR 64.1200(a)(10) and the FCC's waiver order of 2026-01-06."""
    answer = ask(pack, NEW_YORK, when, SMS, consent={CALL: False})
    assert isinstance(answer, Clearance if permitted else Refusals)
    assert isinstance(ask(pack, NEW_YORK, when, EMAIL, consent={CALL: False}), Clearance)


def test_india_rests_while_a_grievance_is_open() -> None:
    """Directions 2026 para 454J, from 2027; our own rule before."""
    complaint = Hold(HoldKind.COMPLAINT, local("2026-10-01 09:00", KOLKATA), None)
    assert rules_of(ask(IN, KOLKATA, "2026-10-07 12:00", SMS, holds=(complaint,))) == {"house.holds"}
    assert "in.grievance_hold" in rules_of(ask(IN, KOLKATA, "2027-10-07 12:00", SMS, holds=(complaint,)))


EVENINGS_ONLY = Preference(PreferenceKind.TIME, weekdays=(0, 1, 2, 3, 4), start=0, end=17 * 60)
PREFERENCES = [
    # 12 CFR 1006.6(b)(1): "not before 17:00 on weekdays"
    ("2026-10-07 16:59:59", "us.inconvenient", "2026-10-07 17:00"),
    ("2026-10-07 17:00:00", None, None),
    ("2026-10-09 21:00:00", "us.hours", "2026-10-10 08:00"),  # Friday evening: Saturday is free
    ("2026-10-10 08:00:00", None, None),
    ("2026-10-11 21:00:00", "us.hours", "2026-10-12 17:00"),  # Sunday evening: Monday at five
]


@pytest.mark.parametrize(("when", "rule", "again"), PREFERENCES)
def test_a_time_that_does_not_suit_is_waited_out(when: str, rule: str | None, again: str | None) -> None:
    answer = ask(US, NEW_YORK, when, CALL, preferences=(EVENINGS_ONLY,))
    if rule is None:
        assert isinstance(answer, Clearance)
    else:
        assert isinstance(answer, WaitUntil)
        assert rule in rules_of(answer)
        assert answer.at == local(str(again), NEW_YORK)


def test_a_clearance_ends_when_an_inconvenient_time_begins() -> None:
    lunch = Preference(PreferenceKind.TIME, start=12 * 60, end=13 * 60)
    answer = ask(US, NEW_YORK, "2026-10-07 10:00", CALL, preferences=(lunch,))
    assert isinstance(answer, Clearance)
    assert answer.not_after == local("2026-10-07 12:00", NEW_YORK)


def test_nobody_is_called_at_work_and_a_spoken_request_lapses() -> None:
    """15 USC 1692c(a)(3); 940 CMR 7.04(1)(h): said aloud it binds for ten days."""
    ten_days = local("2026-10-11 00:00", BOSTON)
    at_work = Preference(PreferenceKind.WORKPLACE, address=NUMBER, until=ten_days)
    during = ask(BOSTON_AGENCY, BOSTON, "2026-10-10 20:00", CALL, preferences=(at_work,))
    after = ask(BOSTON_AGENCY, BOSTON, "2026-10-11 08:00", CALL, preferences=(at_work,))
    assert {"us.workplace", "us-ma.work_request"} <= rules_of(during)
    assert isinstance(after, Clearance)
    elsewhere = Preference(PreferenceKind.WORKPLACE, address="+16175550199")
    assert isinstance(
        ask(BOSTON_AGENCY, BOSTON, "2026-10-10 20:00", CALL, preferences=(elsewhere,)), Clearance
    )


# --------------------------------------------------------------- notices, words, languages, old debts


def notice(
    pack: Pack, zone: str, letter: str, when: str, *sent: tuple[str, str], **contact: object
) -> object:
    """The answer to posting a letter the law knows, `sent` being the (letter, time) before it."""
    told = tuple(Notice(name, local(text, zone)) for name, text in sent)
    words: dict = {"language": "", **contact}
    return review(
        Contact(POST, Purpose.NOTICE, "1 Street", letter, **words),
        Facts((zone,), notices=told),
        pack,
        local(when, zone),
    )


VARSEL = ("inkassovarsel", "2026-10-01 10:00")
NORWAY = [
    # Inkassoloven s 9: at least 14 days from the day the warning was sent; 18 where its own last day is not known
    ((), "2026-10-19 10:00", "no.inkassovarsel", None),
    ((VARSEL,), "2026-10-17 14:59", "no.inkassovarsel", "2026-10-19 08:00"),
    ((VARSEL,), "2026-10-19 08:00", None, None),
    (
        (VARSEL, ("inkassovarsel", "2026-10-12 10:00")),
        "2026-10-19 08:00",
        None,
        None,
    ),  # sent again: the first counts
]


@pytest.mark.parametrize(("sent", "when", "rule", "again"), NORWAY)
def test_norways_demand_waits_for_the_warning(
    sent: tuple[tuple[str, str], ...], when: str, rule: str | None, again: str | None
) -> None:
    answer = notice(NO, OSLO, "betalingsoppfordring", when, *sent)
    if rule is None:
        assert isinstance(answer, Clearance)
    elif again is None:
        assert isinstance(answer, Refusals)
        assert rules_of(answer) == {rule, "house.inkassovarsel_age"}
    else:
        assert isinstance(answer, WaitUntil)
        assert answer.at == local(again, OSLO)
    assert isinstance(notice(NO, OSLO, "inkassovarsel", when, *sent), Clearance)


UK_CLAIM = (("default_notice", "2026-10-01 10:00"), ("letter_of_claim", "2026-10-15 10:00"))
SUITS = [
    # Inkassoloven ss 10, 11: 14 days after the demand, and within six months of it
    (
        NO,
        OSLO,
        (("betalingsoppfordring", "2026-10-01 10:00"),),
        "2026-10-14 23:59",
        {"no.betalingsoppfordring"},
    ),
    (NO, OSLO, (("betalingsoppfordring", "2026-10-01 10:00"),), "2026-10-15 00:00", set()),
    (NO, OSLO, (("betalingsoppfordring", "2026-10-01 10:00"),), "2027-03-31 23:59", set()),
    (
        NO,
        OSLO,
        (("betalingsoppfordring", "2026-10-01 10:00"),),
        "2027-04-01 00:00",
        {"no.betalingsoppfordring"},
    ),
    # BW 6:96(6) bars the costs, not a suit for the debt
    (NL, AMSTERDAM, (), "2026-10-17 12:00", set()),
    # CCA 1974 ss.87-88: 14 days after the default notice; protocol: 30 after the letter of claim
    (UK, LONDON, (("letter_of_claim", "2026-08-01 10:00"),), "2026-10-01 12:00", {"uk.s87_88"}),
    (UK, LONDON, UK_CLAIM, "2026-11-13 23:59", {"uk.pap_reply"}),
    (UK, LONDON, UK_CLAIM, "2026-11-14 00:00", set()),
    # National Credit Code s 88: 30 days
    (AU, SYDNEY, (("default_notice", "2026-10-01 10:00"),), "2026-10-30 23:59", {"au.default_notice"}),
    (AU, SYDNEY, (("default_notice", "2026-10-01 10:00"),), "2026-10-31 00:00", set()),
]


@pytest.mark.parametrize(("pack", "zone", "sent", "when", "rules"), SUITS)
def test_no_suit_before_its_notice_has_run(
    pack: Pack, zone: str, sent: tuple[tuple[str, str], ...], when: str, rules: set[str]
) -> None:
    facts = Facts((zone,), notices=tuple(Notice(name, local(text, zone)) for name, text in sent))
    assert {reason.rule for reason in suit_objections(facts, pack, local(when, zone))} == rules


OLD_DEBTS = [
    # pack, due since, last paid or due since, on, barred by
    (US, "2023-10-07", "2023-10-07", "2026-10-06", set()),
    (US, "2023-10-07", "2023-10-07", "2026-10-07", {"us.time_barred"}),  # 12 CFR 1006.26(b)
    (US, "2023-10-07", "2025-01-01", "2026-10-07", set()),  # a payment began it anew
    (
        NYC,
        "2023-10-07",
        "2025-01-01",
        "2026-10-07",
        {"us-ny.limitation", "us-ny.time_barred_notice"},
    ),  # CPLR 214-i
    (UK, "2020-10-07", "2020-10-07", "2026-10-06", set()),
    (UK, "2020-10-07", "2020-10-07", "2026-10-07", {"uk.limitation"}),  # Limitation Act 1980 s.5
    (CN, "2023-10-07", "2023-10-07", "2026-10-07", {"cn.limitation"}),  # Civil Code art 188
]


@pytest.mark.parametrize(("pack", "due", "paid", "on", "rules"), OLD_DEBTS)
def test_a_time_barred_debt_is_neither_sued_for_nor_threatened_with_it(
    pack: Pack, due: str, paid: str, on: str, rules: set[str]
) -> None:
    zone = {"US": NEW_YORK, "GB": LONDON, "CN": SHANGHAI}[pack.country]
    since = date.fromisoformat(due)
    old = {"due_since": since, "paid_or_due_since": date.fromisoformat(paid), "contacted_on": since}
    facts, noon = Facts((zone,), consent=YES, **old), local(f"{on} 12:00", zone)
    barred = {reason.rule for reason in suit_objections(facts, pack, noon)}
    assert barred - {"uk.s87_88", "uk.pap_reply", "house.validation_before_suit"} == rules
    blocks = ("accounts", "disclosure", "dispute", "identify", "opt_out", "reach_us")
    threat = Contact(POST, Purpose.REMINDER, "1 Street", "last_reminder", (*blocks, "legal_action"))
    assert rules_of(review(threat, facts, pack, noon)) == rules
    plain = Contact(POST, Purpose.REMINDER, "1 Street", "last_reminder", (*blocks, "time_barred"))
    assert isinstance(review(plain, facts, pack, noon), Clearance)


CONTENT = [
    # 12 CFR 1006.18(e), 1006.6(e), 1006.14(g)
    (US, SMS, "first_reminder", ("disclosure", "opt_out"), set()),
    (US, SMS, "first_reminder", ("disclosure",), {"us.optout_notice"}),
    (US, SMS, "first_reminder", (), {"us.optout_notice", "us.mini_miranda"}),
    (US, CALL, "first_reminder", ("disclosure",), {"us.caller_identity"}),
    (US, CALL, "first_reminder", ("disclosure", "identify"), set()),
    (US_OWN, SMS, "first_reminder", (), set()),  # a creditor is no debt collector
    (CN, POST, "first_reminder", ("accounts", "dispute"), {"cn.letter_content_69"}),  # Order 2011 No.2 art 69
    (CN, POST, "first_reminder", ("accounts", "dispute", "reach_us"), set()),
    (UK, CALL, "first_reminder", (), {"uk.identity_first"}),  # CONC 7.9.7
    (NL, EMAIL, "first_reminder", ("help",), {"nl.register"}),  # Wki: the register number
    (NL_OWN, EMAIL, "first_reminder", ("help",), set()),
]


@pytest.mark.parametrize(("pack", "channel", "letter", "blocks", "rules"), CONTENT)
def test_words_must_carry_what_the_law_wants(
    pack: Pack, channel: Channel, letter: str, blocks: tuple[str, ...], rules: set[str]
) -> None:
    zone = {"US": NEW_YORK, "GB": LONDON, "CN": SHANGHAI, "NL": AMSTERDAM}[pack.country]
    facts, noon = Facts((zone,), consent=YES), local("2026-10-07 12:00", zone)
    answer = review(Contact(channel, Purpose.REMINDER, NUMBER, letter, blocks), facts, pack, noon)
    assert rules_of(answer) == rules
    for name in rules:
        [why] = [reason for reason in answer.reasons if reason.rule == name]  # type: ignore[union-attr]
        assert why.figures["missing"]
    assert isinstance(review(Contact(channel, Purpose.REMINDER, NUMBER), facts, pack, noon), Clearance)


def test_a_notice_speaks_the_language_of_the_country_and_a_reminder_the_customers() -> None:
    assert rules_of(notice(NO, OSLO, "inkassovarsel", "2026-10-07 12:00", language="en")) == {
        "house.notice_language"
    }
    assert isinstance(notice(NO, OSLO, "inkassovarsel", "2026-10-07 12:00", language="nb-NO"), Clearance)
    english = Contact(SMS, Purpose.REMINDER, NUMBER, "first_reminder", ("opt_out",), "en")
    assert isinstance(review(english, Facts((OSLO,)), NO, local("2026-10-07 12:00", OSLO)), Clearance)


def test_a_default_notice_without_its_sheet_is_bad() -> None:
    """CCA 1974 ss.87-88."""
    bare = notice(UK, LONDON, "default_notice", "2026-10-07 12:00", blocks=("remedy_date",))
    assert rules_of(bare) == {"uk.s88_sheet"}
    full = notice(
        UK, LONDON, "default_notice", "2026-10-07 12:00", blocks=("fca_default_sheet", "remedy_date")
    )
    assert isinstance(full, Clearance)


def test_a_statutory_notice_may_pass_where_a_reminder_may_not() -> None:
    """SI 2020/1311: a breathing space stops demands and steps towards enforcement, not the notice of arrears that the
    CCA orders."""
    space = Hold(HoldKind.BREATHING_SPACE, local("2026-10-01 09:00", LONDON), None)
    facts, noon = Facts((LONDON,), holds=(space,)), local("2026-10-07 12:00", LONDON)
    letters = {
        Purpose.REMINDER: "first_reminder",
        Purpose.CONFIRMATION: "promise_confirmation",
        Purpose.NOTICE: "arrears_notice",
    }
    passes = {
        purpose: isinstance(review(Contact(POST, purpose, "1 Street", letter), facts, UK, noon), Clearance)
        for purpose, letter in letters.items()
    }
    assert passes == {Purpose.REMINDER: False, Purpose.CONFIRMATION: False, Purpose.NOTICE: True}


# ------------------------------------------------------------------------------------- the same everywhere

EVERYWHERE = {
    "us": (US, NEW_YORK), "us creditor": (US_OWN, NEW_YORK), "nyc": (NYC, NEW_YORK), "ma": (BOSTON_AGENCY, BOSTON),
    "uk": (UK, LONDON), "scotland": (at("GB", postcode="EH1 1AA"), LONDON), "cn": (CN, SHANGHAI),
    "id": (ID, JAKARTA), "nl": (NL, AMSTERDAM),
    "nl creditor": (NL_OWN, AMSTERDAM), "no": (NO, OSLO), "in": (IN, KOLKATA), "au": (AU, SYDNEY),
    "hk": (HK, HONG_KONG), "sg": (SG, SINGAPORE), "tw": (TW, TAIPEI),
    "dc": (at("US", postcode="20001"), NEW_YORK), "washington": (at("US", postcode="98101"), "America/Los_Angeles"),
    "california": (at("US", postcode="90001"), "America/Los_Angeles"),
    "texas": (at("US", postcode="75201"), "America/Chicago"), "florida": (at("US", postcode="33101"), NEW_YORK),
    "colorado": (at("US", postcode="80202"), "America/Denver"),
    "connecticut": (at("US", postcode="06103"), NEW_YORK), "west virginia": (at("US", postcode="25301"), NEW_YORK),
    "new mexico": (at("US", postcode="87101"), "America/Denver"),
    "ma creditor": (at("US", "us-first-party", "first_party", "02108"), BOSTON),
    "northern ireland": (at("GB", postcode="BT1 1AA"), LONDON),
    "germany": (at("DE", collector="first_party"), "Europe/Berlin"),
    "canada": (at("CA", collector="first_party"), "America/Toronto"),
    "ph": (at("PH"), "Asia/Manila"), "jp": (at("JP"), "Asia/Tokyo"),
    "sao paulo": (at("BR", postcode="01310"), "America/Sao_Paulo"),
}  # fmt: skip
NOON = "2026-10-07 12:00"
"""A Wednesday on which every country works."""
everywhere = pytest.mark.parametrize(("pack", "zone"), EVERYWHERE.values(), ids=EVERYWHERE.keys())


def test_every_shipped_pack_has_its_place_in_these_tables() -> None:
    asked = {rule.id for pack, _ in EVERYWHERE.values() for rule in pack.rules}
    for code, pack in shipped_packs().items():
        # us-ny only lengthens how long a debt may be sued for: OLD_DEBTS; a provider's policy: kinds/test_forbidden.py;
        # where a notice comes before every contact: test_places.py
        waits = any(isinstance(rule, WaitRule) and rule.before_contact for rule in pack.rules)
        # debts that were bought: tests/outreach/test_bought_debts.py
        if code != "us-ny" and not pack.provider and not waits and not pack.bought:
            assert {rule.id for rule in pack.rules} <= asked, code


@everywhere
@pytest.mark.parametrize("refused", list(Channel))
def test_a_no_to_one_channel_closes_it_and_no_other(pack: Pack, zone: str, refused: Channel) -> None:
    said = {**YES, refused: False}
    answers = {channel: ask(pack, zone, NOON, channel, consent=said) for channel in Channel}
    closed = {channel for channel, answer in answers.items() if not isinstance(answer, Clearance)}
    assert closed == {refused}
    assert isinstance(answers[refused], Refusals)


@everywhere
@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_hold_stops_reminders_and_the_gravest_stop_notices_too(
    pack: Pack, zone: str, kind: HoldKind
) -> None:
    hold = Hold(kind, local("2026-10-01 09:00", zone), None)
    assert not isinstance(ask(pack, zone, NOON, POST, holds=(hold,)), Clearance)
    notice = review(
        Contact(POST, Purpose.NOTICE, "1 Street"), Facts((zone,), holds=(hold,)), pack, local(NOON, zone)
    )
    if kind in (HoldKind.DECEASED, HoldKind.BANKRUPTCY, HoldKind.ATTORNEY):
        assert isinstance(notice, Refusals)


@everywhere
def test_a_lunch_that_does_not_suit_is_waited_out(pack: Pack, zone: str) -> None:
    lunch = Preference(PreferenceKind.TIME, start=12 * 60, end=13 * 60)
    answer = ask(pack, zone, NOON, CALL, preferences=(lunch,))
    assert isinstance(answer, WaitUntil)
    assert answer.at == local("2026-10-07 13:00", zone)
    assert isinstance(ask(pack, zone, "2026-10-07 13:00", CALL, preferences=(lunch,)), Clearance)


@everywhere
def test_one_written_reminder_a_day(pack: Pack, zone: str) -> None:
    written = made(zone, (EMAIL, "2026-10-06 12:00"))
    too_soon = ask(pack, zone, "2026-10-07 11:59:59", SMS, *written)
    assert isinstance(too_soon, WaitUntil)
    assert "house.messages_day" in rules_of(too_soon)
    assert too_soon.at == local(NOON, zone)
    assert isinstance(ask(pack, zone, NOON, SMS, *written), Clearance)


def test_retention_is_told_where_a_source_tells_it() -> None:
    years = {code: pack.retention.years for code, pack in shipped_packs().items() if pack.retention}
    assert years == {"us-third-party": 3, "us-nyc": 3, "cn": 2, "in": 1}


def test_every_unknown_zone_of_a_country_must_permit() -> None:
    """Nothing known but the United States: from 08:00 in Hawaii to 21:00 in New York."""
    facts = Facts(zones_for("US", "", "", "", "", ""), consent=YES)
    contact = Contact(CALL, Purpose.REMINDER, NUMBER)
    opens, closes = local("2026-10-07 08:00", "Pacific/Honolulu"), local("2026-10-07 21:00", NEW_YORK)
    assert opens == local("2026-10-07 14:00", NEW_YORK)
    answers = {
        moment: isinstance(review(contact, facts, US, moment), Clearance)
        for moment in (opens - timedelta(seconds=1), opens, closes - timedelta(seconds=1), closes)
    }
    assert list(answers.values()) == [False, True, True, False]
