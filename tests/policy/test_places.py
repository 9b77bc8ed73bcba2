"""Dated stories of places: which packs hold there, and each limit below, at and above it, with its citation."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Contact, ContactResult, Facts, Hold, Notice, PastContact
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.pack import Pack
from app.policy.review import review, suit_objections
from tests.policy.contacts import (
    CALL,
    EMAIL,
    LONDON,
    LOS_ANGELES,
    NEW_YORK,
    POST,
    SMS,
    local,
    pack_at,
    rule_ids,
)

YES = dict.fromkeys(Channel, True)
CHICAGO, DENVER, BERLIN, TORONTO = "America/Chicago", "America/Denver", "Europe/Berlin", "America/Toronto"
MANILA, TOKYO, SAO_PAULO, TAIPEI = "Asia/Manila", "Asia/Tokyo", "America/Sao_Paulo", "Asia/Taipei"

DC, DC_BANK = (
    pack_at(f"us-{kind}-party", "US", "DC", "20001", f"{kind}_party") for kind in ("third", "first")
)
WASHINGTON = pack_at("us-third-party", "US", "WA", "98101")
CALIFORNIA = pack_at("us-third-party", "US", "CA", "90001")
CALIFORNIA_BANK = pack_at("us-first-party", "US", "CA", "90001", "first_party")
TEXAS, COLORADO = (
    pack_at("us-third-party", "US", "TX", "75201"),
    pack_at("us-third-party", "US", "CO", "80202"),
)
FLORIDA = pack_at("us-first-party", "US", "FL", "33101", "first_party")
GERMANY, GERMAN_BANK = pack_at("de", "DE"), pack_at("de", "DE", collector="first_party")
ONTARIO, QUEBEC = pack_at("ca", "CA", "ON", "M5V 3L9"), pack_at("ca", "CA", "QC", "H2X 1Y4")
PHILIPPINES, JAPAN = pack_at("ph", "PH"), pack_at("jp", "JP")
BRAZIL_SP, RIO = pack_at("br", "BR", "SP", "01310-100"), pack_at("br", "BR", "RJ", "20040-020")
TAIWAN_AGENCY, TAIWAN_BANK = pack_at("tw", "TW"), pack_at("tw", "TW", collector="first_party")


def ask(pack: Pack, zone: str, when: str, channel: Channel, *past: PastContact, **more: object) -> object:
    words = {name: more.pop(name) for name in ("letter", "blocks", "language") if name in more}
    contact = Contact(channel, more.pop("purpose", Purpose.REMINDER), "a", **words)  # type: ignore[arg-type]
    facts = Facts((zone,), **({"consent": YES, "history": past} | more))  # type: ignore[arg-type]
    return review(contact, facts, pack, local(when, zone))


def made(
    zone: str, channel: Channel, *days: str, result: ContactResult = ContactResult.PLACED
) -> list[PastContact]:
    return [PastContact(local(f"{day} 12:00", zone), channel, result) for day in days]


def stops(answer: object) -> set[str]:
    return set(rule_ids(answer)) if isinstance(answer, (WaitUntil, Refusals)) else set()


# --- which packs hold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "country", "region", "postcode", "collector", "overlays"),
    [
        ("us-third-party", "US", "DC", "", "third_party", {"us-dc"}),
        ("us-third-party", "US", "", "20500", "third_party", {"us-dc"}),
        ("us-third-party", "US", "", "20101", "third_party", set()),  # Virginia
        ("us-third-party", "US", "California", "", "third_party", {"us-ca", "us-ca-third-party"}),
        ("us-first-party", "US", "CA", "94105", "first_party", {"us-ca"}),
        ("us-first-party", "US", "MA", "02108", "first_party", {"us-ma", "us-ma-first-party"}),
        ("us-third-party", "US", "MA", "02108", "third_party", {"us-ma"}),
        ("us-first-party", "US", "WA", "98101", "first_party", set()),  # agencies only
        ("us-third-party", "US", "", "97201", "third_party", set()),  # Oregon
        ("us-third-party", "US", "", "99201", "third_party", {"us-wa-third-party"}),
        ("us-third-party", "US", "", "33101", "third_party", {"us-fl"}),
        ("us-third-party", "US", "", "34001", "third_party", set()),  # a field post office
        ("us-third-party", "US", "", "80202", "third_party", {"us-co-third-party"}),
        ("us-third-party", "US", "", "88510", "third_party", {"us-tx-third-party"}),
        ("uk", "GB", "", "BT1 1AA", "third_party", {"uk-northern-ireland"}),
        ("ca", "CA", "", "K1A 0B1", "third_party", {"ca-on-third-party"}),
        ("ca", "CA", "Ontario", "", "first_party", set()),
        ("ca", "CA", "", "G1R 2B5", "third_party", {"ca-qc-third-party"}),
        ("br", "BR", "", "19000", "first_party", {"br-sp"}),
        ("br", "BR", "", "20040", "first_party", set()),
        ("de", "DE", "", "10115", "third_party", {"de-third-party"}),
        ("tw", "TW", "", "100", "third_party", {"tw-third-party"}),
    ],
)
def test_where_an_overlay_holds(
    pack: str, country: str, region: str, postcode: str, collector: str, overlays: set[str]
) -> None:
    parts = {part.split("@")[0] for part in pack_at(pack, country, region, postcode, collector).parts}
    assert parts - {pack} == overlays


# --- District of Columbia -------------------------------------------------------------------------------------

FOUR = ("2026-06-01", "2026-06-02", "2026-06-03", "2026-06-04")


@pytest.mark.parametrize("pack", [DC, DC_BANK])
@pytest.mark.parametrize(
    ("days", "when", "stopped"),
    [
        (FOUR[:3], "2026-06-05 12:00", False),
        (FOUR, "2026-06-05 12:00", True),
        (FOUR, "2026-06-07 20:59", True),
        (FOUR, "2026-06-08 08:00", False),  # the first of the four is eight days old
    ],
)
def test_four_calls_in_seven_days_in_the_district(
    pack: Pack, days: tuple[str, ...], when: str, stopped: bool
) -> None:
    """D.C. Code 28-3814 as amended from 2023: creditors too."""
    answer = ask(pack, NEW_YORK, when, CALL, *made(NEW_YORK, CALL, *days))
    assert ("us-dc.calls" in stops(answer)) is stopped


@pytest.mark.parametrize(("sent", "stopped"), [(4, False), (5, True)])
def test_five_electronic_messages_in_seven_days_in_the_district(sent: int, stopped: bool) -> None:
    past = made(NEW_YORK, EMAIL, *[f"2026-06-0{day}" for day in range(1, sent + 1)])
    notice = ask(DC, NEW_YORK, "2026-06-07 12:00", SMS, *past, purpose=Purpose.NOTICE)
    assert ("us-dc.electronic" in stops(notice)) is stopped


@pytest.mark.parametrize("channel", [SMS, EMAIL])
@pytest.mark.parametrize(("consent", "passes"), [({}, False), (YES, True)])
def test_electronic_messages_need_consent_in_the_district(
    channel: Channel, consent: dict[Channel, bool], passes: bool
) -> None:
    answer = ask(DC_BANK, NEW_YORK, "2026-06-03 12:00", channel, consent=consent)
    assert isinstance(answer, Clearance) is passes
    if not passes:
        assert "us-dc.electronic_consent" in stops(answer)
    assert isinstance(ask(DC_BANK, NEW_YORK, "2026-06-03 12:00", POST, consent=consent), Clearance)


# --- Washington, Colorado, Florida ----------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "stopped"), [(2, False), (3, True)])
def test_three_communications_a_week_in_washington(days: int, stopped: bool) -> None:
    """RCW 19.16.250: of any purpose and by any channel."""
    past = made(LOS_ANGELES, EMAIL, *[f"2026-06-0{day}" for day in range(1, days + 1)])
    answer = ask(WASHINGTON, LOS_ANGELES, "2026-06-05 12:00", POST, *past, purpose=Purpose.NOTICE)
    assert ("us-wa.contacts_week" in stops(answer)) is stopped
    rang = made(LOS_ANGELES, CALL, "2026-06-01", "2026-06-02", "2026-06-03")
    assert "us-wa.contacts_week" not in stops(ask(WASHINGTON, LOS_ANGELES, "2026-06-05 12:00", POST, *rang))


@pytest.mark.parametrize(
    ("pack", "zone", "channel", "when", "rule"),
    [
        (WASHINGTON, LOS_ANGELES, CALL, "2026-06-03 07:29", "us-wa.hours"),
        (WASHINGTON, LOS_ANGELES, CALL, "2026-06-03 08:00", ""),
        (WASHINGTON, LOS_ANGELES, CALL, "2026-06-03 21:00", "us-wa.hours"),
        (COLORADO, DENVER, SMS, "2026-06-03 07:59", "us-co.hours"),
        (COLORADO, DENVER, SMS, "2026-06-03 08:00", ""),
        (FLORIDA, NEW_YORK, CALL, "2026-06-03 07:59", "us-fl.hours"),
        (FLORIDA, NEW_YORK, CALL, "2026-06-03 20:59", ""),
        (FLORIDA, NEW_YORK, SMS, "2026-06-03 21:00", "us-fl.hours"),
        (CALIFORNIA_BANK, LOS_ANGELES, CALL, "2026-06-03 21:00", "us-ca.hours"),
        (ONTARIO, TORONTO, SMS, "2026-06-07 12:59", "ca-on.hours"),  # a Sunday
        (ONTARIO, TORONTO, SMS, "2026-06-08 20:59", "-ca-on.hours"),
        (ONTARIO, TORONTO, SMS, "2026-06-08 21:00", "ca-on.hours"),
        (ONTARIO, TORONTO, SMS, "2026-02-16 12:00", "ca-on.hours"),  # Family Day
        (QUEBEC, TORONTO, SMS, "2026-06-08 19:59", "-ca-qc.hours"),
        (QUEBEC, TORONTO, SMS, "2026-06-08 20:00", "ca-qc.hours"),
        (QUEBEC, TORONTO, SMS, "2026-06-24 12:00", "ca-qc.hours"),  # Fête nationale
        (QUEBEC, TORONTO, SMS, "2026-04-06 12:00", "ca-qc.easter_monday"),
        (PHILIPPINES, MANILA, SMS, "2026-06-03 05:59", "ph.hours"),
        (PHILIPPINES, MANILA, SMS, "2026-06-03 21:59", "-ph.hours"),
        (PHILIPPINES, MANILA, SMS, "2026-06-03 22:00", "ph.hours"),
        (JAPAN, TOKYO, CALL, "2026-06-03 07:59", "jp.hours"),
        (JAPAN, TOKYO, CALL, "2026-06-03 08:00", ""),
        (JAPAN, TOKYO, CALL, "2026-06-03 21:00", "jp.hours"),
        (BRAZIL_SP, SAO_PAULO, CALL, "2026-06-06 13:59", ""),  # a Saturday
        (BRAZIL_SP, SAO_PAULO, CALL, "2026-06-06 14:00", "br-sp.hours"),
        (BRAZIL_SP, SAO_PAULO, CALL, "2026-06-07 12:00", "br-sp.hours"),
        (BRAZIL_SP, SAO_PAULO, CALL, "2026-07-09 12:00", "br-sp.hours"),  # the state's own holiday
        (RIO, SAO_PAULO, CALL, "2026-07-09 12:00", ""),
        (GERMAN_BANK, BERLIN, CALL, "2026-06-03 19:59", ""),
        (GERMAN_BANK, BERLIN, CALL, "2026-06-03 20:00", "house.hours"),
    ],
)
def test_hours_of_places(pack: Pack, zone: str, channel: Channel, when: str, rule: str) -> None:
    """`-rule`: that rule does not object, whatever others do."""
    answer = ask(pack, zone, when, channel)
    if rule.startswith("-"):
        assert rule[1:] not in stops(answer)
    elif rule:
        assert rule in stops(answer)
    else:
        assert isinstance(answer, Clearance)


def test_a_lawyer_stops_everything_in_colorado() -> None:
    """C.R.S. 5-16-105(1)(b)."""
    held = (Hold(HoldKind.ATTORNEY, local("2026-06-01 12:00", DENVER), None),)
    answer = ask(COLORADO, DENVER, "2026-06-03 12:00", POST, holds=held, purpose=Purpose.NOTICE)
    assert {"us.attorney", "us-co.attorney"} <= stops(answer)


# --- old debts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "zone", "rule", "years"),
    [
        (CALIFORNIA, LOS_ANGELES, "us-ca.time_barred_notice", 4),  # Cal. Civ. Code 1788.14(d)
        (TEXAS, CHICAGO, "us-tx.time_barred_notice", 4),  # Tex. Fin. Code 392.307
    ],
)
def test_words_about_a_debt_that_is_too_old_say_so(pack: Pack, zone: str, rule: str, years: int) -> None:
    due = date(2026 - years, 6, 3)
    words = ("disclosure", "opt_out", "register_number")
    for since, blocks, stopped in (
        (due + timedelta(days=1), words, False),
        (due, words, True),
        (due, (*words, "time_barred"), False),
    ):
        facts = {"due_since": since, "paid_or_due_since": date(2026, 5, 1)}
        answer = ask(
            pack,
            zone,
            "2026-06-03 12:00",
            EMAIL,
            letter="first_reminder",
            blocks=blocks,
            language="en",
            **facts,
        )
        assert (rule in stops(answer)) is stopped


@pytest.mark.parametrize(
    ("pack", "zone", "rule", "years"),
    [
        (TEXAS, CHICAGO, "us-tx.limitation", 4),
        (DC, NEW_YORK, "us-dc.limitation", 3),
        (pack_at("uk", "GB", postcode="BT1 1AA"), LONDON, "uk-ni.limitation", 6),
    ],
)
def test_no_suit_for_an_old_debt(pack: Pack, zone: str, rule: str, years: int) -> None:
    due = date(2026 - years, 6, 3)
    for since, barred in ((due + timedelta(days=1), False), (due, True)):
        facts = Facts((zone,), due_since=since, paid_or_due_since=since)
        found = {reason.rule for reason in suit_objections(facts, pack, local("2026-06-03 12:00", zone))}
        assert (rule in found) is barred


# --- what comes first -----------------------------------------------------------------------------------------


NOTICE_OF = {
    "de.first_claim": "collection_notice_de",
    "ca-on.notice_first": "collection_notice_on",
    "ca-qc.notice_first": "collection_notice_qc",
    "tw.told_before": "collection_notice_tw",
}


@pytest.mark.parametrize(
    ("pack", "zone", "rule", "days", "channels"),
    [
        (GERMANY, BERLIN, "de.first_claim", 1, (SMS, EMAIL, POST, CALL)),  # RDG s. 13a
        (ONTARIO, TORONTO, "ca-on.notice_first", 6, (SMS, EMAIL, POST, CALL)),  # Reg. 74, s. 21
        (QUEBEC, TORONTO, "ca-qc.notice_first", 5, (SMS, EMAIL, POST, CALL)),
        (TAIWAN_AGENCY, TAIPEI, "tw.told_before", 1, (SMS, EMAIL, POST, CALL)),
    ],
)
def test_a_collector_begins_with_a_notice(
    pack: Pack, zone: str, rule: str, days: int, channels: tuple[Channel, ...]
) -> None:
    told, letter = local("2026-06-03 12:00", zone), NOTICE_OF[rule]
    before, on = (f"{date(2026, 6, 3) + timedelta(days=n)} 19:00" for n in (days - 1, days))
    for channel in channels:
        refused = ask(pack, zone, before, channel)
        assert isinstance(refused, Refusals)
        assert rule in stops(refused)
        early = ask(pack, zone, before, channel, notices=(Notice(letter, told),))
        assert rule in stops(early)
        assert rule not in stops(ask(pack, zone, on, channel, notices=(Notice(letter, told),)))
    first = ask(pack, zone, on, POST, letter=letter, purpose=Purpose.NOTICE)
    assert isinstance(first, Clearance)
    first_as_reminder = ask(pack, zone, on, POST, letter=letter)
    assert rule not in stops(first_as_reminder)


@pytest.mark.parametrize(
    ("pack", "zone", "rule"),
    [
        (GERMANY, BERLIN, "de.first_claim"),
        (ONTARIO, TORONTO, "ca-on.notice_first"),
        (QUEBEC, TORONTO, "ca-qc.notice_first"),
        (TAIWAN_AGENCY, TAIPEI, "tw.told_before"),
    ],
)
@pytest.mark.parametrize(
    ("told", "stopped"), [("2025-06-04", False), ("2025-06-03", True), ("2023-06-03", True)]
)
def test_such_a_notice_counts_for_twelve_months(
    pack: Pack, zone: str, rule: str, told: str, stopped: bool
) -> None:
    notice = Notice(NOTICE_OF[rule], local(f"{told} 12:00", zone))
    assert (rule in stops(ask(pack, zone, "2026-06-03 12:00", EMAIL, notices=(notice,)))) is stopped


def test_who_gets_the_notice_of_ontario_again_is_left_alone_for_another_six_days() -> None:
    first = Notice("collection_notice_on", local("2026-05-01 12:00", TORONTO))
    again = Notice("collection_notice_on", local("2026-06-03 12:00", TORONTO))
    for when, stopped in (("2026-06-08 12:00", True), ("2026-06-09 12:00", False)):
        answer = ask(ONTARIO, TORONTO, when, EMAIL, notices=(first, again))
        assert ("ca-on.notice_again" in stops(answer)) is stopped


def test_a_bank_of_its_own_has_no_such_notice() -> None:
    assert isinstance(ask(GERMAN_BANK, BERLIN, "2026-06-03 12:00", EMAIL), Clearance)
    assert isinstance(ask(TAIWAN_BANK, TAIPEI, "2026-06-03 12:00", EMAIL), Clearance)


@pytest.mark.parametrize(("placed", "stopped"), [(2, False), (3, True)])
def test_three_contacts_in_seven_days_in_ontario(placed: int, stopped: bool) -> None:
    past = made(TORONTO, CALL, *[f"2026-06-0{day}" for day in range(1, placed + 1)])
    answer = ask(ONTARIO, TORONTO, "2026-06-05 12:00", EMAIL, *past)
    assert ("ca-on.contacts_week" in stops(answer)) is stopped
    assert "ca-on.contacts_week" not in stops(ask(ONTARIO, TORONTO, "2026-06-05 12:00", POST, *past))


@pytest.mark.parametrize(("place", "zone"), [("nl", "Europe/Amsterdam"), ("de", BERLIN)])
def test_forbearance_comes_before_a_suit_in_the_union(place: str, zone: str) -> None:
    """Directive (EU) 2023/2225 art 35, applied from 20 November 2026."""
    there = pack_at(place, place.upper(), collector="first_party")

    def barred(when: str, *notices: Notice) -> bool:
        facts = Facts((zone,), notices=notices)
        found = suit_objections(facts, there, local(when, zone))
        return f"{place}.forbearance" in {reason.rule for reason in found}

    offered = Notice("hardship_form", local("2026-11-20 12:00", zone))
    assert not barred("2026-11-19 12:00")
    assert barred("2026-11-20 12:00")
    assert barred("2026-12-03 12:00", offered)
    assert not barred("2026-12-04 12:00", offered)


def test_indonesia_wants_a_written_warning_of_its_own_before_a_suit() -> None:
    """POJK 22/2023 art 60."""
    indonesia, zone = pack_at("id", "ID"), "Asia/Jakarta"
    noon = local("2026-06-03 12:00", zone)
    warned = Notice("warning_letter", local("2026-06-02 12:00", zone))
    for notices, barred in (((), True), ((warned,), False)):
        found = suit_objections(Facts((zone,), notices=notices), indonesia, noon)
        assert ("id.warning_first" in {reason.rule for reason in found}) is barred
    bare = ask(
        indonesia,
        zone,
        "2026-06-03 12:00",
        POST,
        letter="warning_letter",
        blocks=("accounts",),
        language="id",
    )
    assert "id.warning_contents" in stops(bare)


# --- licences and duties --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", [SMS, EMAIL, POST])
def test_a_californian_licence_is_shown_in_each_message(channel: Channel) -> None:
    """Cal. Civ. Code 1788.11(f)."""
    for blocks, stopped in (
        (("disclosure", "opt_out"), True),
        (("disclosure", "opt_out", "register_number"), False),
    ):
        words = {"letter": "first_reminder", "blocks": blocks, "language": "en"}
        answer = ask(CALIFORNIA, LOS_ANGELES, "2026-06-03 12:00", channel, **words)
        assert ("us-ca.license" in stops(answer)) is stopped
        assert "us-ca.license" not in stops(
            ask(CALIFORNIA_BANK, LOS_ANGELES, "2026-06-03 12:00", channel, **words)
        )


@pytest.mark.parametrize(
    ("pack", "rule", "event", "arose_on", "due_on"),
    [
        # 23 NYCRR 1.2; 940 CMR 7.08(1): five business days, Independence Day is kept on Friday 3 July
        (
            pack_at("us-third-party", "US", "NY", "12207"),
            "us-ny.disclosure_duty", "first_contact", "2026-06-26", "2026-07-01",
        ),
        (
            pack_at("us-first-party", "US", "MA", "02108", "first_party"),
            "us-ma.validation_duty", "first_contact", "2026-06-26", "2026-07-06",
        ),
        (COLORADO, "us-co.validation_duty", "first_contact", "2026-06-26", "2026-07-01"),
        (DC, "us-dc.agreement_copy", "settlement", "2026-06-26", "2026-07-03"),
    ],
)  # fmt: skip
def test_letters_that_places_want(pack: Pack, rule: str, event: str, arose_on: str, due_on: str) -> None:
    [duty] = [each for each in pack.rules if isinstance(each, DutyRule) and each.id == rule]
    assert duty.event is DutyEvent(event)
    assert duty.due_on(date.fromisoformat(arose_on), "US") == date.fromisoformat(due_on)
