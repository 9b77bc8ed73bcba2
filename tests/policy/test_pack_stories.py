"""Dated stories of the packs, each with its citation: below, at and above; what passes a hold, by letter."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Contact, ContactResult, Facts, Hold, Notice, PastContact
from app.policy.kinds.hours import HoursRule
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs
from app.policy.review import review
from tests.policy.contacts import (
    AMSTERDAM,
    CALL,
    EMAIL,
    LONDON,
    NEW_YORK,
    OSLO,
    POST,
    SMS,
    SYDNEY,
    UK,
    US,
    local,
    pack_at,
    rule_ids,
)

NL = pack_at("nl", "NL")
NO, AU = (shipped_packs()[code] for code in ("no", "au"))
YES = dict.fromkeys(Channel, True)


def asked(
    pack: Pack, zone: str, when: str, channel: Channel, letter: str, purpose: Purpose, **facts: object
) -> object:
    contact = Contact(channel, purpose, "a", letter)
    return review(contact, Facts((zone,), consent=YES, **facts), pack, local(when, zone))  # type: ignore[arg-type]


# --- the Netherlands: days made equal to holidays -------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        ("2025-05-28", True),
        ("2025-05-29", False),  # Ascension Day
        ("2025-05-30", False),  # made equal
        ("2026-01-02", False),
        ("2026-01-03", True),
        ("2026-05-15", False),
        ("2026-05-16", True),
        ("2027-05-07", False),
        ("2028-04-28", False),
        ("2028-05-26", False),
    ],
)
def test_a_dutch_agency_rests_on_days_made_equal_by_decree(day: str, open_: bool) -> None:
    """Besluit kwaliteit incassodienstverlening art. 4.2; Algemene termijnenwet art. 3(3)."""
    answer = asked(NL, AMSTERDAM, f"{day} 12:00", SMS, "", Purpose.REMINDER)
    assert isinstance(answer, Clearance) is open_
    if not open_:
        assert "nl.days" in rule_ids(answer)


def test_the_equated_days_say_until_when_they_are_known_and_that_nobody_read_the_decree() -> None:
    [rule] = [rule for rule in shipped_packs()["nl-third-party"].rules if rule.id == "nl.days"]
    assert isinstance(rule, HoursRule)
    assert rule.holidays
    assert rule.holidays.equated_until == date(2028, 12, 31)
    assert not rule.verified


# --- figures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["us-first-party", "us-third-party"])
def test_the_late_fee_is_that_of_the_rule_before_the_vacated_one(code: str) -> None:
    """12 CFR 1026.52(b)(1)(ii); 89 FR 19128 was vacated on 15 April 2025 (N.D. Tex.)."""
    charges = shipped_packs()[code].charges
    assert charges is not None
    assert (charges.late_fee_minor, charges.currency, charges.known_until) == (
        3000,
        "USD",
        date(2026, 12, 31),
    )
    assert not charges.verified


def test_nothing_read_second_hand_is_called_verified() -> None:
    rules = {rule.id: rule for pack in shipped_packs().values() for rule in pack.rules}
    for name in ("us.validation_duty", "in.hours", "uk-scotland.prescription", "nl.days"):
        assert not rules[name].verified, name


# --- Australia: what was asked for is no contact of the creditor ----------------------------------------------


@pytest.mark.parametrize(("made", "passes"), [(2, True), (3, False), (4, False)])
def test_three_contacts_a_week_stop_reminders_and_no_confirmation(made: int, passes: bool) -> None:
    """RG 96 s. 5(c)."""
    past = tuple(
        PastContact(local(f"2026-06-0{day} 12:00", SYDNEY), EMAIL, ContactResult.PLACED)
        for day in range(1, made + 1)
    )
    reminder = asked(AU, SYDNEY, "2026-06-05 12:00", EMAIL, "", Purpose.REMINDER, history=past)
    assert isinstance(reminder, Clearance) is passes
    promised = asked(
        AU, SYDNEY, "2026-06-05 12:00", EMAIL, "promise_confirmation", Purpose.CONFIRMATION, history=past
    )
    assert isinstance(promised, Clearance)


# --- which letters pass a lawyer, a bankruptcy, a death -------------------------------------------------------

WARNED = Notice("inkassovarsel", local("2026-05-01 12:00", OSLO), date(2026, 5, 20))


@pytest.mark.parametrize(
    ("pack", "zone", "letter"),
    [
        (UK, LONDON, "default_notice"),  # CCA 1974 s.87
        (UK, LONDON, "arrears_notice"),  # CCA 1974 s.86C
        (NL, AMSTERDAM, "fourteen_day_letter"),  # BW 6:96(6)
        (NO, OSLO, "inkassovarsel"),  # Inkassoloven s 9
        (NO, OSLO, "betalingsoppfordring"),  # Inkassoloven s 10
        (AU, SYDNEY, "default_notice"),  # National Credit Code s 88
    ],
)
@pytest.mark.parametrize(
    ("kind", "on_paper"),
    [(HoldKind.ATTORNEY, True), (HoldKind.BANKRUPTCY, False), (HoldKind.DECEASED, False)],
)
def test_a_notice_owed_to_the_customer_passes_a_lawyer_on_paper_and_nothing_else(
    pack: Pack, zone: str, letter: str, kind: HoldKind, on_paper: bool
) -> None:
    at = local("2026-06-03 12:00", zone)
    facts = {"holds": (Hold(kind, at - timedelta(days=3), None),), "notices": (WARNED,)}
    assert (
        isinstance(asked(pack, zone, "2026-06-03 12:00", POST, letter, Purpose.NOTICE, **facts), Clearance)
        is on_paper
    )
    for channel in (SMS, EMAIL, CALL):
        refused = asked(pack, zone, "2026-06-03 12:00", channel, letter, Purpose.NOTICE, **facts)
        assert isinstance(refused, Refusals), channel
    reminder = asked(pack, zone, "2026-06-03 12:00", POST, "final_notice", Purpose.REMINDER, **facts)
    assert isinstance(reminder, Refusals)


@pytest.mark.parametrize("code", ["uk", "nl", "no", "au", "cn", "id", "in", "hk", "sg", "tw"])
@pytest.mark.parametrize("kind", [HoldKind.CEASE_CONTACT, HoldKind.ATTORNEY])
def test_the_answer_to_a_complaint_passes_on_paper(code: str, kind: HoldKind) -> None:
    """DISP 1.6.1R in the United Kingdom; elsewhere our choice: the customer asked."""
    zone = {
        "uk": LONDON,
        "nl": AMSTERDAM,
        "no": OSLO,
        "au": SYDNEY,
        "in": "Asia/Kolkata",
        "id": "Asia/Jakarta",
    }
    place = zone.get(code, "Asia/Hong_Kong")
    at = local("2026-06-03 12:00", place)
    held = {"holds": (Hold(kind, at - timedelta(days=3), None),)}
    answer = asked(
        shipped_packs()[code],
        place,
        "2026-06-03 12:00",
        POST,
        "complaint_acknowledged",
        Purpose.CONFIRMATION,
        **held,
    )
    assert isinstance(answer, Clearance)
    other = asked(
        shipped_packs()[code], place, "2026-06-03 12:00", POST, "plan_offer", Purpose.CONFIRMATION, **held
    )
    assert isinstance(other, Refusals)


@pytest.mark.parametrize("kind", [HoldKind.ATTORNEY, HoldKind.BANKRUPTCY, HoldKind.DECEASED])
def test_nothing_passes_a_lawyer_or_a_stay_in_the_united_states(kind: HoldKind) -> None:
    """12 CFR 1006.6(b)(2): the attorney is written to instead. 11 USC 362(a)(6)."""
    at = local("2026-06-03 12:00", NEW_YORK)
    held = {"holds": (Hold(kind, at - timedelta(days=3), None),)}
    for letter in ("validation_notice", "complaint_acknowledged"):
        answer = asked(US, NEW_YORK, "2026-06-03 12:00", POST, letter, Purpose.NOTICE, **held)
        assert isinstance(answer, Refusals), letter


# --- Massachusetts: old debts; Hong Kong: calls ------------------------------------------------------------------


@pytest.mark.parametrize("collector", ["third_party", "first_party"])
@pytest.mark.parametrize(
    ("due", "paid", "blocks", "stopped"),
    [
        ("2020-06-03", "2020-06-03", ("disclosure",), False),  # six years are over on 3 June 2026
        ("2020-06-01", "2020-06-01", ("disclosure",), True),
        ("2020-06-01", "2020-06-01", ("disclosure", "time_barred"), False),
        ("2018-06-01", "2023-06-01", ("disclosure",), False),  # a payment starts the years anew
    ],
)
def test_an_old_debt_of_massachusetts_is_not_asked_for_without_saying_so(
    collector: str, due: str, paid: str, blocks: tuple[str, ...], stopped: bool
) -> None:
    """940 CMR 7.07; M.G.L. c. 260 s. 2."""
    massachusetts = pack_at(f"us-{collector.replace('_', '-')}", "US", "MA", "02108", collector)
    dates = {"due_since": date.fromisoformat(due), "paid_or_due_since": date.fromisoformat(paid)}
    contact = Contact(POST, Purpose.REMINDER, "a", "first_reminder", blocks)
    facts = Facts((NEW_YORK,), consent=YES, **dates)
    answer = review(contact, facts, massachusetts, local("2026-06-02 12:00", NEW_YORK))
    assert isinstance(answer, Refusals) is stopped
    if stopped:
        [reason] = answer.reasons  # type: ignore[union-attr]
        assert (reason.rule, reason.verified) == ("us-ma.time_barred_notice", False)


@pytest.mark.parametrize(("blocks", "passes"), [(("help",), False), (("help", "identify"), True)])
def test_no_call_in_hong_kong_is_anonymous(blocks: tuple[str, ...], passes: bool) -> None:
    """Code of Banking Practice (December 2021) ss 46.2(b)(ii), 46.10."""
    zone = "Asia/Hong_Kong"
    contact = Contact(CALL, Purpose.REMINDER, "a", "first_reminder", blocks)
    answer = review(contact, Facts((zone,)), pack_at("hk", "HK"), local("2026-06-02 12:00", zone))
    assert isinstance(answer, Clearance) is passes


# --- notices before collection: midnight, twelve months, another place -------------------------------------------

FIRSTS = [
    ("de", "DE", "", "10115", "Europe/Berlin", 1, "collection_notice_de"),
    ("ca", "CA", "ON", "M5V 3L9", "America/Toronto", 6, "collection_notice_on"),
    ("ca", "CA", "QC", "H2X 1Y4", "America/Toronto", 5, "collection_notice_qc"),
    ("tw", "TW", "", "100", "Asia/Taipei", 1, "collection_notice_tw"),
]


@pytest.mark.parametrize(("pack", "country", "region", "postcode", "zone", "days", "letter"), FIRSTS)
def test_who_was_told_is_contacted_for_twelve_months(
    pack: str, country: str, region: str, postcode: str, zone: str, days: int, letter: str
) -> None:
    """RDG s. 13a(1); R.R.O. 1990, Reg. 74, s. 21; R-2.2 s. 34; the regulations of the FSC: the last second of the last
    day of waiting, of a notice that left at the end of its own day; and both sides of twelve months."""
    there = pack_at(pack, country, region, postcode)
    sent = date(2026, 6, 8)  # a Monday
    told = Notice(letter, local(f"{sent} 23:59:59", zone))

    def stops(when: str, notice: Notice = told, channel: Channel = POST) -> set[str]:
        answer = review(
            Contact(channel, Purpose.REMINDER, "a"),
            Facts((zone,), notices=(notice,)),
            there,
            local(when, zone),
        )
        names = [] if isinstance(answer, Clearance) else rule_ids(answer)
        return {name for name in names if "told" in name or "first" in name or "again" in name}

    first = sent + timedelta(days=days)
    assert stops(f"{first - timedelta(days=1)} 23:59:59")
    assert not stops(f"{first} 00:00:00")
    assert not stops("2027-06-07 15:00:00")
    assert stops("2027-06-08 00:00:00")
    assert stops("2027-07-08 12:00:00"), "thirteen months old"
    assert stops(f"{first} 12:00:00", Notice("collection_notice_xx", told.at)), (
        "another place's is another notice"
    )


@pytest.mark.parametrize(
    ("letter", "there", "passes"),
    [
        ("debt_verification", ("NY", "12207"), True),  # 12 CFR 1006.38(d)(2); 23 NYCRR 1.4: within sixty days
        ("plan_statement", ("NY", "12207"), True),  # 23 NYCRR 1.5: it asks for nothing
        ("ny_disclosures", ("NY", "12207"), False),  # 23 NYCRR 1.3: not without saying that the debt is old
        ("first_reminder", ("NY", "12207"), False),
        ("debt_verification", ("CA", "90001"), True),
        ("debt_verification", ("TX", "75201"), True),
        ("debt_verification", ("MA", "02108"), True),
        ("validation_notice", ("MA", "02108"), False),
    ],
)
def test_who_asks_about_an_old_debt_is_answered(letter: str, there: tuple[str, str], passes: bool) -> None:
    pack = pack_at("us-third-party", "US", *there)
    old = {"due_since": date(2019, 6, 1), "paid_or_due_since": date(2019, 6, 1)}
    blocks = ("disclosure", "reach_us", "register_number")
    contact = Contact(POST, Purpose.NOTICE, "a", letter, blocks)
    answer = review(
        contact, Facts((NEW_YORK,), consent=YES, **old), pack, local("2026-06-02 12:00", NEW_YORK)
    )
    reasons = set() if isinstance(answer, Clearance) else set(rule_ids(answer))
    assert any("time_barred_notice" in name for name in reasons) is not passes
