"""The shipped packs say what their sources say, and a pack with a mistake is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.core.vocabulary import TO_CUSTOMERS, Channel, HoldKind, Purpose
from app.policy.answers import Clearance, Refusals
from app.policy.composition import stack
from app.policy.facts import Contact, Facts, Hold, Notice, PreferenceKind
from app.policy.kinds.cap import CapRule
from app.policy.kinds.gap import GapRule
from app.policy.kinds.hours import HoursRule
from app.policy.kinds.preference import PreferenceRule
from app.policy.pack import Pack
from app.policy.packfile import PACKS, BadPack, load_pack, parse_pack, shipped_packs
from app.policy.review import review

# A Wednesday on which every rule that has a date is in force, and which is a holiday nowhere.
NOON = datetime(2027, 2, 3, 12, 0)
ZONES = {
    "US": "America/New_York",
    "GB": "Europe/London",
    "CN": "Asia/Shanghai",
    "ID": "Asia/Jakarta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "IN": "Asia/Kolkata",
    "AU": "Australia/Sydney",
    "HK": "Asia/Hong_Kong",
    "SG": "Asia/Singapore",
    "TW": "Asia/Taipei",
    "DE": "Europe/Berlin",
    "CA": "America/Toronto",
    "PH": "Asia/Manila",
    "JP": "Asia/Tokyo",
    "BR": "America/Sao_Paulo",
}
PACKS_ALONE = [pack for pack in shipped_packs().values() if not pack.stacks_on]
STACKS = PACKS_ALONE + [
    stack([shipped_packs()[below], pack])
    for pack in shipped_packs().values()
    for below in pack.stacks_on
    if not pack.provider
]

GOOD = """
code = "test"
name = "Test"
version = "1"
country = "US"
collector = "any"
effective_from = 2026-01-01
disclaimer = "Not legal advice."

[[rules]]
id = "t.hours"
kind = "hours"
channels = ["call", "sms"]
open = [
    { weekdays = ["mon", "sat"], from = "08:00", to = "12:00" },
    { weekdays = ["mon"], from = "13:00", to = "24:00" },
]
force = "law"
citation = "a law"
source = "a book"
verified = true

[[rules]]
id = "t.calls"
kind = "cap"
channels = ["call"]
most = 3
counts = "answered"
window_hours = 36
force = "law"
citation = "a law"
source = "memory"
verified = false

[[rules]]
id = "t.opt_out"
kind = "consent"
channels = ["sms", "email", "post", "call"]
mode = "opt_out"
force = "operator choice"
citation = "house rule"
source = "house rule"
verified = true

[[rules]]
id = "t.holds"
kind = "hold"
holds = [
    "dispute", "hardship", "complaint", "bankruptcy", "deceased", "attorney",
    "cease_contact", "military", "breathing_space", "fraud", "vulnerable", "payment_claimed", "manual",
]
channels = ["sms", "email", "post", "call"]
force = "operator choice"
citation = "house rule"
source = "house rule"
verified = true
"""


def test_a_pack_becomes_frozen_rules() -> None:
    pack = parse_pack(GOOD, "test.toml")
    hours, cap = pack.rules[0], pack.rules[1]
    assert pack.label == "test@1"
    assert isinstance(hours, HoursRule)
    assert hours.week[0] == ((480, 720), (780, 1440))
    assert hours.week[5] == ((480, 720),)
    assert hours.week[6] == ()
    assert hours.purposes == frozenset(TO_CUSTOMERS)
    assert isinstance(cap, CapRule)
    assert (cap.most, cap.window_hours, cap.per, cap.verified) == (3, 36, "person", False)
    assert pack.needed.history_days == 2  # 36 hours reach into a second day


MISTAKES = [
    # what is written instead, and what the message must name
    ("not TOML at all", 'code = "test"', "code = ", ["test.toml", "not TOML"]),
    ("unknown top-level field", 'country = "US"', 'country = "US"\nstate = "NY"', ["test.toml", "state"]),
    (
        "missing citation",
        'citation = "a law"\nsource = "a book"',
        'source = "a book"',
        ["t.hours", "citation"],
    ),
    ("unknown field in a rule", "most = 3", "most = 3\nmax = 3", ["t.calls", "max"]),
    ("unknown kind", 'kind = "cap"', 'kind = "quota"', ["t.calls", "kind"]),
    ("the sources' word for post", '["call", "sms"]', '["call", "letter"]', ["t.hours", "channels.1"]),
    ("no such time of day", '"13:00"', '"25:00"', ["t.hours", "open.1.from", "HH:MM"]),
    ("a night in one interval", '"13:00"', '"24:00"', ["t.hours", "open.1", "two intervals"]),
    ("overlapping intervals", '"13:00"', '"11:00"', ["t.hours", "overlap on mon"]),
    ("no such weekday", '["mon", "sat"]', '["mon", "caturday"]', ["t.hours", "open.0.weekdays.1"]),
    ("a cap of nothing", "most = 3", "most = 0", ["t.calls", "most"]),
    ("a number as text", "most = 3", 'most = "3"', ["t.calls", "most"]),
    ("two windows", "window_hours = 36", "window_hours = 36\nwindow_days = 2", ["t.calls", "window_days"]),
    ("no window", "window_hours = 36\n", "", ["t.calls", "window_days"]),
    ("no such month", "window_hours = 36", 'calendar = "year"', ["t.calls", "calendar"]),
    ("a place that is nowhere", "[[rules]]", "[place]\n[[rules]]", ["test.toml", "place"]),
    ("an overlay of everywhere", 'collector = "any"', 'collector = "any"\nstacks_on = ["uk"]', ["stacks_on"]),
    ("memory passed off as seen", "verified = false", "verified = true", ["t.calls", "verified", "memory"]),
    ("an id used twice", "t.opt_out", "t.calls", ["t.calls", "used twice"]),
    ("an id that is no id", '"t.calls"', '"Calls!"', ["Calls!", "id"]),
    ("a rule without an id", 'id = "t.calls"\n', "", ["rule number 2", "id"]),
    ("no opt-out by post", '"email", "post", "call"]\nmode', '"email", "call"]\nmode', ["consent", "post"]),
    ("a forgotten hold", '"dispute", ', "", ["hold", "dispute"]),
    (
        "dates the wrong way round",
        "effective_from = 2026-01-01",
        "effective_from = 2026-01-01\neffective_to = 2025-12-31",
        ["test.toml", "effective_to"],
    ),
    ("a date as text", "effective_from = 2026-01-01", 'effective_from = "2026-01-01"', ["effective_from"]),
]


@pytest.mark.parametrize(("story", "text", "instead", "names"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_refused_by_file_rule_and_field(
    story: str, text: str, instead: str, names: list[str]
) -> None:
    assert text in GOOD
    with pytest.raises(BadPack) as refused:
        parse_pack(GOOD.replace(text, instead, 1), "test.toml")
    assert "test.toml" in refused.value.message
    for name in names:
        assert name in refused.value.message


def test_a_pack_without_rules_is_refused() -> None:
    with pytest.raises(BadPack, match=r"test.toml: rules"):
        parse_pack(GOOD[: GOOD.index("[[rules]]")], "test.toml")


def test_an_unreadable_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadPack, match=r"nowhere.toml: cannot be read"):
        load_pack(tmp_path / "nowhere.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(GOOD.replace("Test", "Tést").encode("latin-1"))
    with pytest.raises(BadPack, match=r"latin.toml: cannot be read"):
        load_pack(latin)


# ------------------------------------------------------------------------------------------ what is shipped


def test_every_file_in_the_folder_is_a_pack_under_its_own_code() -> None:
    assert (
        set(shipped_packs()) == {path.stem for path in PACKS.glob("*.toml")} >= {"us-third-party", "uk", "cn"}
    )


@pytest.mark.parametrize("pack", STACKS, ids=lambda pack: pack.label)
def test_no_shipped_pack_lets_a_reminder_past_an_open_hold_or_an_opt_out(pack: Pack) -> None:
    zone = ZONES[pack.country]
    noon = NOON.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    asked_for = dict.fromkeys(Channel, True)
    # Some places want one before any contact.
    told = tuple(
        Notice(name, noon - timedelta(days=30))
        for name in (
            *(f"collection_notice_{place}" for place in ("de", "on", "qc", "tw")),
            "assignment_notice",
        )
    )
    for channel in Channel:
        contact = Contact(channel, Purpose.REMINDER, "somewhere")
        free = Facts((zone,), consent=asked_for, notices=told)
        assert isinstance(review(contact, free, pack, noon), Clearance)
        for kind in HoldKind:
            held = replace(free, holds=(Hold(kind, noon - timedelta(days=1), None),))
            assert isinstance(review(contact, held, pack, noon), Refusals), kind
        refused = replace(free, consent=asked_for | {channel: False})
        assert isinstance(review(contact, refused, pack, noon), Refusals)


@pytest.mark.parametrize("pack", STACKS, ids=lambda pack: pack.label)
def test_every_shipped_pack_keeps_hours_bounds_reminders_and_hears_what_the_customer_told(pack: Pack) -> None:
    for channel in Channel:
        concerned = [
            rule for rule in pack.rules if channel in rule.channels and Purpose.REMINDER in rule.purposes
        ]
        hours = [rule for rule in concerned if isinstance(rule, HoursRule)]
        assert any((rule.effective_from or date.min) < date(2026, 6, 1) for rule in hours), channel
        assert any(isinstance(rule, CapRule) for rule in concerned), channel
        told = {kind for rule in concerned if isinstance(rule, PreferenceRule) for kind in rule.kinds}
        assert told == set(PreferenceKind) - {PreferenceKind.TIMEZONE}, channel
    assert "Not legal advice" in pack.disclaimer


def test_every_calendar_a_pack_names_exists() -> None:
    named = [
        rule.holidays
        for pack in shipped_packs().values()
        for rule in pack.rules
        if isinstance(rule, HoursRule)
    ]
    assert [calendar.problem() for calendar in named if calendar is not None] == [""] * 13


@pytest.mark.parametrize("pack", shipped_packs().values(), ids=lambda pack: pack.code)
def test_a_house_rule_never_poses_as_law(pack) -> None:
    for rule in pack.rules:
        house = rule.citation.startswith("house rule")
        assert house == rule.id.startswith("house.")
        if house:
            assert rule.force == "operator choice"


FIGURES = [
    # 12 CFR 1006.6(b)(1); 12 CFR 1006.14(b)(2)(i)(A), (B); GB/T 45251-2025; CBA Guideline 2026-01-30
    ("us-third-party", "us.hours", {"week": (((480, 1260),),) * 7}),
    ("us-third-party", "us.calls_7in7", {"most": 7, "window_days": 7, "counts": "placed", "per": "person"}),
    ("us-third-party", "us.calls_after_conversation", {"days": 7}),
    ("uk", "uk.hours_proxy", {"week": (((480, 1260),),) * 7, "force": "operator choice"}),
    ("cn", "cn.hours_gbt", {"week": (((480, 1320),),) * 7}),
    ("cn", "cn.hours_cba", {"week": (((480, 1320),),) * 7}),
    ("cn", "cn.calls_effective_day", {"most": 3, "window_days": 1, "counts": "answered", "per": "person"}),
    ("cn", "cn.attempts_day", {"most": 6, "window_days": 1, "counts": "attempted", "per": "number"}),
]


@pytest.mark.parametrize(("code", "rule_id", "figures"), FIGURES)
def test_the_figures_of_the_law(code: str, rule_id: str, figures: dict[str, object]) -> None:
    rule = next(rule for rule in shipped_packs()[code].rules if rule.id == rule_id)
    assert {name: getattr(rule, name) for name in figures} == figures


def test_what_was_not_seen_in_a_source_is_marked() -> None:
    unverified = {rule.id for pack in shipped_packs().values() for rule in pack.rules if not rule.verified}
    assert unverified == {
        "br-sp.hours",
        "ca-on.contacts_week",
        "ca-on.hours",
        "ca-on.notice_again",
        "ca-on.notice_duty",
        "ca-on.notice_first",
        "ca-qc.notice_duty",
        "ca-qc.notice_first",
        "cn.assignment_duty",
        "cn.assignment_first",
        "cn.limitation",
        "de.assignment_duty",
        "de.assignment_first",
        "de.forbearance",
        "house.inkassovarsel_age",
        "id.assignment_duty",
        "id.assignment_first",
        "id.warning_contents",
        "id.warning_first",
        "in.grievance_hold",
        "in.hours",
        "in.hours_2027",
        "in.requested_times",
        "jp.hours",
        "jp.stated_times",
        "nl.assignment_duty",
        "nl.assignment_first",
        "nl.days",
        "nl.forbearance",
        "nl.fourteen_day_letter",
        "nl.hours",
        "nl.register",
        "nl.specification",
        "no.assignment_duty",
        "ph.hours",
        "tw.assignment_duty",
        "tw.assignment_first",
        "tw.identify",
        "tw.told_before",
        "tw.told_duty",
        "uk-ni.limitation",
        "uk-scotland.moratorium",
        "uk-scotland.prescription",
        "uk.arrears_notice_duty",
        "uk.breathing_space",
        "uk.complaint_duty",
        "uk.default_sum_duty",
        "uk.limitation",
        "us-ca.hours",
        "us-ca.time_barred_notice",
        "us-co.validation_duty",
        "us-ct.time_barred_notice",
        "us-dc.agreement_copy",
        "us-dc.limitation",
        "us-fl.hours",
        "us-ma.time_barred_notice",
        "us-nm.time_barred_notice",
        "us-ny.email_consent",
        "us-ny.quarterly_duty",
        "us-ny.settlement_duty",
        "us-ny.substantiation_duty",
        "us-ny.time_barred_notice",
        "us-nyc.validation_duty",
        "us-tx.time_barred_notice",
        "us-wv.time_barred_notice",
        "us.bankruptcy_stay",
        "us.billing_error_acknowledgement",
        "us.billing_error_resolution",
        "us.esign",
        "us.estate_enquiry",
        "us.hours_proxy",
        "us.validation_contents",
        "us.validation_duty",
        "us.work_email",
        "us.workplace",
    }


def test_history_reaches_back_as_far_as_the_longest_window() -> None:
    for pack in shipped_packs().values():
        caps = [rule.window_days or 0 for rule in pack.rules if isinstance(rule, CapRule)]
        gaps = [rule.days for rule in pack.rules if isinstance(rule, GapRule)]
        assert pack.needed.history_days >= max([0, *caps, *gaps])
