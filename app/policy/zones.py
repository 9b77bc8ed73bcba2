"""The time zones a customer may be in: from the address, the phone, the feed and their own word. Pure.

All of them must permit a contact, so each source can only narrow the hours. An unknown place is every zone of the
country: the narrowest common window. Zones that keep the same clock are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

ZONES = frozenset(available_timezones())
NO_PLACE = frozenset(
    {
        "EST", "MST", "HST", "PST", "CST", "EDT", "CDT", "MDT", "PDT", "AKST", "AKDT", "AEST", "AEDT", "ACST", "AWST",
        "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "CET", "CEST", "MET", "EET", "EEST", "WET", "WEST", "BST", "IST",
        "JST", "KST", "SGT", "HKT", "GMT", "GMT0", "GMT+0", "GMT-0", "UTC", "UCT", "UNIVERSAL", "GREENWICH", "ZULU",
        "Z", "FACTORY", "LOCALTIME", "POSIXRULES", "LOCAL",
    }
)  # fmt: skip
"""Names of clocks, in capitals: they keep one offset, or none that people live by."""
_OFFSET = re.compile(
    r"(?:[A-Z. ]+ (?:STANDARD|DAYLIGHT|SUMMER) TIME"  # Windows' names
    r"|ETC/.*|SYSTEMV/.*|POSIX/.*|RIGHT/.*"  # the zone database's own
    r"|(?:UTC|GMT)? ?[+\-\u2212][0-9]{1,2}(?::?[0-9]{2})?"  # +08:00, UTC-5
    r"|<?[A-Z+\-0-9]{3,6}>?[+\-]?[0-9]{1,2}(?::[0-9]{2})*(?:<?[A-Z+\-0-9]{3,6}>?.*)?)"  # POSIX: EST5EDT,M3.2.0,M11.1.0
)

_PHONE_PREFIX = TIMEZONE_LONGEST_PREFIX + 1  # and the plus sign

_NOT_OFFICIAL = frozenset({"Asia/Urumqi"})
"""The Chinese state keeps one time; the other is custom."""

_REGIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AU": {
        "NSW": ("Australia/Sydney", "Australia/Broken_Hill"),
        "VIC": ("Australia/Melbourne",),
        "QLD": ("Australia/Brisbane",),
        "SA": ("Australia/Adelaide",),
        "WA": ("Australia/Perth", "Australia/Eucla"),
        "TAS": ("Australia/Hobart",),
        "NT": ("Australia/Darwin",),
        "ACT": ("Australia/Sydney",),
    },
}
"""Zones by state where a country has several and its states settle which (IANA zone.tab's comments)."""

_FICTION = "5550"
"""North American numbers 555-01xx are kept for fiction and belong to no place; our sample data has them."""


def zones_for(country: str, region: str, postcode: str, phone: str, fed: str, told: str) -> tuple[str, ...]:
    """Every zone the customer may be in, without repetition of a clock; () = not even the country is known.

    `country` ISO 3166-1 alpha-2, `phone` E.164; `fed` came with the account, `told` by the customer takes its
    place; a clock that is no place (EST, Etc/GMT+5) says nothing. Each is cut to the part that
    names the zone before it is looked up, so that neighbours share the answer.
    """
    country = country.strip().upper()
    if phone.startswith("+1") and phone[5:9] == _FICTION:
        phone = ""
    settled = region.strip().upper() if country in _REGIONS else ""
    by_address = _by_address(country, settled, postcode.strip()[:5] if country == "US" else "")
    said = next((zone for zone in (told, fed) if zone and not is_clock_only(zone)), "")
    return _together(country, phone[:4], by_address, _by_phone(phone[:_PHONE_PREFIX]), said)


@lru_cache(maxsize=50_000)
def _together(
    country: str, code: str, by_address: tuple[str, ...], by_phone: tuple[str, ...], said: str
) -> tuple[str, ...]:
    known = (*((said,) if said else ()), *by_address, *by_phone)
    return _clocks(known or _of_country(country) or TIMEZONE_DATA.get(_calling_code(code), ()))


@lru_cache(maxsize=50_000)
def _by_address(country: str, region: str, zip_code: str) -> tuple[str, ...]:
    if country == "US":
        zone = _us_zip_zones().get(zip_code) if zip_code else None
        return (zone,) if zone else ()
    if by_state := _REGIONS.get(country, {}).get(region):
        return by_state
    everywhere = _of_country(country)
    return everywhere if len(everywhere) == 1 else ()


@lru_cache(maxsize=50_000)
def _by_phone(prefix: str) -> tuple[str, ...]:
    """Zones of the number's area in North America, where mobiles have area codes too; elsewhere of its country, if
    that has but one."""
    digits, code = prefix.removeprefix("+"), _calling_code(prefix)
    lengths = range(len(digits), 0, -1) if code == "1" else [len(code)]
    zones = next((TIMEZONE_DATA[digits[:n]] for n in lengths if digits[:n] in TIMEZONE_DATA), ())
    clocks = _clocks(zones)
    return clocks if len(clocks) == 1 or zones != TIMEZONE_DATA.get(code) else ()


def _calling_code(prefix: str) -> str:
    """The country's part of a number, as the table of zones has it: the shortest prefix there."""
    digits = prefix.removeprefix("+")
    return next((digits[:n] for n in range(1, len(digits) + 1) if digits[:n] in TIMEZONE_DATA), "")


@lru_cache(maxsize=4096)
def _clocks(zones: tuple[str, ...]) -> tuple[str, ...]:
    """One zone a clock, the first named of each; a name that is no zone stays, and the gate refuses it."""
    kept: dict[object, str] = {}
    for zone in zones:
        kept.setdefault(_clock(zone), zone)
    return tuple(kept.values())


@lru_cache(maxsize=1024)
def _clock(zone: str) -> object:
    """The offsets of a zone week by week: two zones with the same ones show the same time."""
    try:
        info = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return zone
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return tuple((start + timedelta(weeks=week)).astimezone(info).utcoffset() for week in range(3 * 53))


@cache
def _by_country() -> Mapping[str, tuple[str, ...]]:
    """Zones by ISO country, from IANA's zone.tab."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            if zone not in _NOT_OFFICIAL:
                found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


@lru_cache(maxsize=512)
def _of_country(country: str) -> tuple[str, ...]:
    return _clocks(_by_country().get(country, ()))


@cache
def _us_zip_zones() -> Mapping[str, str]:
    """ZIP -> zone. Reads all of them at once, because the library reads all of them to look one up."""
    from zipcodes import (
        filter_by,  # a second to read, and only needed for customers in the United States
    )

    known = set(_by_country()["US"]) | {zone for zones in _by_country().values() for zone in zones}
    rows = filter_by()  # type: ignore[no-untyped-call]
    return {row["zip_code"]: row["timezone"] for row in rows if row["timezone"] in known}


def is_place(zone: str) -> bool:
    """True if a zone of the IANA database is a place, whose clock people live by."""
    return zone in PLACES


def is_clock_only(zone: str) -> bool:
    """True if this names an offset and not a place: EST, UTC, Etc/GMT+5, EST5EDT,M3.2.0,M11.1.0, +08:00."""
    text = zone.strip().upper()
    return text in NO_PLACE or _OFFSET.fullmatch(text) is not None


PLACES = frozenset(zone for zone in ZONES if not is_clock_only(zone))
