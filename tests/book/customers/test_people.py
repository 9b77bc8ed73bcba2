"""Contact data as they are read: what is a number, a postcode, a zone, and what only says that there is none."""

from __future__ import annotations

import pytest

from app.book.customers.people import BadPostcode, read_email, read_postcode, read_telephone, read_zone
from app.policy.zones import is_place, zones_for

POSTCODES = [
    ("US", "02108", "02108"),
    ("US", "02108-1234", "02108-1234"),
    ("US", "021081234", "02108-1234"),
    ("US", "2108", "02108"),
    ("US", "1001", "01001"),
    ("US", "501", "00501"),
    ("US", "21081234", "02108-1234"),
    ("US", "5011234", "00501-1234"),
    ("US", "7102-1234", "07102-1234"),
    ("US", "2108.0", "02108"),
    ("PR", "901", "00901"),
    ("DE", "01067", "01067"),
    ("DE", "1067", "01067"),
    ("FR", "1000", "01000"),
    ("IT", "118", "00118"),
    ("ES", "8001", "08001"),
    ("AU", "800", "0800"),
    ("NO", "150", "0150"),
    ("SG", "79903", "079903"),
    ("CN", "10000", "010000"),
    ("JP", "600000", "060-0000"),
    ("BR", "1310100", "01310-100"),
    ("PL", "950", "00-950"),
    ("GB", "LS1 4AP", "LS1 4AP"),
    ("NL", "1011 AB", "1011 AB"),
    ("AT", "1010", "1010"),
    ("US", "", ""),
]


@pytest.mark.parametrize(("country", "text", "kept"), POSTCODES)
def test_postcodes_get_their_zeros_back(country: str, text: str, kept: str) -> None:
    read = read_postcode(text, country)
    assert read.value == kept
    is_padded = len(text.replace("-", "").removesuffix(".0")) < len(kept.replace("-", ""))
    assert bool(read.word) == is_padded, "a person is told of every zero"


@pytest.mark.parametrize(
    "text", ["12", "123456", "1234567890", "ABCDE", "0210A", "004", "02108-12", "K1A 0B1"]
)
def test_what_is_no_zip_code_is_refused(text: str) -> None:
    with pytest.raises(BadPostcode):
        read_postcode(text, "US")


@pytest.mark.parametrize("text", ["'02108", '="02108"', "02108", "\uff10\uff12\uff11\uff10\uff18"])
def test_how_exports_keep_the_zeros_of_a_text(text: str) -> None:
    assert read_postcode(text, "US").value == "02108"


@pytest.mark.parametrize("country", ["CH", "AT", "NL", "BE", "IN"])
def test_a_postcode_that_became_a_decimal_is_put_right(country: str) -> None:
    read = read_postcode("8001.0", country)
    assert (read.value, bool(read.word)) == ("8001", True)


def test_an_odd_postcode_elsewhere_is_kept_and_told() -> None:
    read = read_postcode("123456", "DE")
    assert read.value == "123456"
    assert "no postcode of DE" in read.word


@pytest.mark.parametrize("text", ["n/a", "N/A", "-", "none", "Unknown", "0", "x", "keine", "#N/A", "null"])
def test_what_says_that_there_is_none(text: str) -> None:
    for read in (read_telephone(text, "US"), read_email(text), read_postcode(text, "US"), read_zone(text)):
        assert read.value is None
        assert read.word


TELEPHONES = [
    ("+1 617 555 0123", "US", "+16175550123"),
    ("(617) 555-0123", "US", "+16175550123"),
    ("6175550123.0", "US", "+16175550123"),
    ("06 12345601", "NL", "+31612345601"),
    ("4.917E+11", "DE", None),
    ("call me", "US", None),
    ("12", "US", None),
    ("999-999-9999", "US", None),
    ("000-000-0000", "US", None),
    ("+1111111111", "US", None),
    ("(555) 555-0123", "US", "+15555550123"),
    ("", "US", ""),
]


@pytest.mark.parametrize(("text", "country", "kept"), TELEPHONES)
def test_telephones(text: str, country: str, kept: str | None) -> None:
    assert read_telephone(text, country).value == kept


NO_PLACES = [
    "EST", "MST", "HST", "UTC", "GMT", "Zulu", "CET", "EST5EDT", "PST8PDT", "Etc/GMT+5", "Etc/UTC", "GMT-5", "UTC+8",
    "+08:00", "EST5EDT,M3.2.0,M11.1.0", "<+03>-3", "PST", "IST",
    "Eastern Standard Time", "W. Europe Standard Time", "Pacific Daylight Time",
]  # fmt: skip


@pytest.mark.parametrize("zone", NO_PLACES)
def test_a_clock_is_no_place(zone: str) -> None:
    assert not is_place(zone)
    assert read_zone(zone).value is None
    assert zones_for("NL", "", "", "", zone, "") == ("Europe/Amsterdam",), "one on file says nothing"


@pytest.mark.parametrize(
    "zone", ["America/New_York", "US/Eastern", "Asia/Calcutta", "Singapore", "Japan", "GB-Eire", "Navajo"]
)
def test_places(zone: str) -> None:
    assert read_zone(zone).value == zone


def test_a_place_in_another_case_is_that_place() -> None:
    assert read_zone("america/new_york").value == "America/New_York"
    assert read_zone("Eastern").value is None


def test_without_a_place_every_zone_of_the_country_counts() -> None:
    assert len(zones_for("US", "", "", "", "EST", "")) > 5
    assert zones_for("US", "", "02108", "", "MST", "") == ("America/New_York",)
