"""Where a customer may be: every source narrows, what is not known is the whole country."""

from __future__ import annotations

import pytest

from app.policy.zones import zones_for

NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
SHANGHAI, SYDNEY = "Asia/Shanghai", "Australia/Sydney"

STORIES = [
    # country, region, postcode, phone, fed, told, zones
    ("a ZIP tells the zone", "US", "NY", "10001", "", "", "", {NEW_YORK}),
    ("a ZIP with its four more digits", "US", "", "60601-1234", "", "", "", {CHICAGO}),
    ("ZIP and phone agree", "US", "NY", "10001", "+12125552000", "", "", {NEW_YORK}),
    ("moved with an old number", "US", "NY", "10001", "+13105552000", "", "", {NEW_YORK, LOS_ANGELES}),
    ("only the phone", "US", "", "", "+13125552000", "", "", {CHICAGO}),
    ("the feed says one thing, the ZIP another", "US", "", "10001", "", CHICAGO, "", {CHICAGO, NEW_YORK}),
    ("what they told replaces the feed", "US", "", "10001", "", CHICAGO, NEW_YORK, {NEW_YORK}),
    ("what they told does not outweigh the ZIP", "US", "", "10001", "", "", CHICAGO, {CHICAGO, NEW_YORK}),
    ("one zone in the country", "NL", "", "", "", "", "", {"Europe/Amsterdam"}),
    ("a mobile of the same country", "GB", "", "", "+447700900123", "", "", {"Europe/London"}),
    ("China keeps one time", "CN", "", "200000", "+8613800000001", SHANGHAI, "", {SHANGHAI}),
    ("a zone of the same clock is not another", "CN", "", "", "", "Asia/Taipei", "", {"Asia/Taipei"}),
    ("a state of Australia", "AU", "vic", "", "", "", "", {"Australia/Melbourne"}),
    ("a state of two zones", "AU", "NSW", "", "", "", "", {SYDNEY, "Australia/Broken_Hill"}),
    ("a mobile says only the country", "AU", "WA", "", "+61491570156", "", "", {"Australia/Perth", "Australia/Eucla"}),
    ("a number kept for fiction is nowhere", "TW", "", "", "+12015550101", "Asia/Taipei", "", {"Asia/Taipei"}),
    ("a toll-free number is nowhere", "US", "", "10001", "+18005552000", "", "", {NEW_YORK}),
    ("no country, but a phone", "", "", "", "+6591234567", "", "", {"Asia/Singapore"}),
    ("nothing at all", "", "", "", "", "", "", set()),
    ("a country nobody knows", "XX", "", "", "", "", "", set()),
    ("a name that is no zone is kept for the gate to refuse", "NL", "", "", "", "Mars/Olympus", "",
     {"Mars/Olympus", "Europe/Amsterdam"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("country", "region", "postcode", "phone", "fed", "told", "zones"),
    [story[1:] for story in STORIES],
    ids=[story[0] for story in STORIES],
)
def test_zones(
    country: str, region: str, postcode: str, phone: str, fed: str, told: str, zones: set[str]
) -> None:
    assert set(zones_for(country, region, postcode, phone, fed, told)) == zones


def test_an_unknown_place_is_every_clock_of_the_country_once() -> None:
    america = zones_for("US", "", "", "", "", "")
    assert {NEW_YORK, CHICAGO, "America/Denver", "America/Phoenix", LOS_ANGELES, "Pacific/Honolulu"} <= set(
        america
    )
    assert len(america) == 8  # 29 names in zone.tab
    assert zones_for("US", "", "no ZIP", "", "", "") == america
    assert set(zones_for("ID", "", "", "", "", "")) == {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}


def test_an_army_post_office_is_anywhere() -> None:
    assert len(zones_for("US", "AE", "09001", "", "", "")) == 8
