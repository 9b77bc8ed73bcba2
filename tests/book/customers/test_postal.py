"""Addresses are printed in the order of their country, with the region where that country writes it."""

from __future__ import annotations

import pytest

from app.book.customers.postal import postal_lines

# name, line1, city, region, postcode, country; and what is printed below the street
ADDRESSES = [
    (("Springfield", "IL", "62701", "US"), ["Springfield IL 62701"]),
    (("Boston", "", "02108-1234", "US"), ["Boston 02108-1234"]),
    (("San Juan", "", "00901", "PR"), ["San Juan PR 00901"]),
    (("Toronto", "ON", "M5V 3L9", "CA"), ["Toronto ON M5V 3L9"]),
    (("Leeds", "West Yorkshire", "LS1 4AP", "GB"), ["Leeds", "LS1 4AP"]),
    (("Queanbeyan", "NSW", "2620", "AU"), ["Queanbeyan NSW 2620"]),
    (("Bengaluru", "Karnataka", "560001", "IN"), ["Bengaluru 560001", "Karnataka"]),
    (("Singapore", "", "079903", "SG"), ["Singapore 079903"]),
    (("", "", "079903", "SG"), ["Singapore 079903"]),
    (("Bedok", "", "460123", "SG"), ["Bedok", "Singapore 460123"]),
    (("Central", "", "", "HK"), ["Central"]),
    (("Central", "Hong Kong Island", "", "HK"), ["Central", "Hong Kong Island"]),
    (("Amsterdam", "", "1011 AB", "NL"), ["1011 AB Amsterdam"]),
    (("Oslo", "Oslo", "0150", "NO"), ["0150 Oslo"]),
    (("Berlin", "Berlin", "10115", "DE"), ["10115 Berlin"]),
    (("Paris", "", "75008", "FR"), ["75008 Paris"]),
    (("Roma", "RM", "00144", "IT"), ["00144 Roma RM"]),
    (("Hangzhou", "Zhejiang", "310000", "CN"), ["Hangzhou, Zhejiang 310000"]),
    (("Shanghai", "Shanghai", "200000", "CN"), ["Shanghai 200000"]),
    (("Banqiao", "New Taipei City", "220", "TW"), ["Banqiao, New Taipei City 220"]),
    (("Bandung", "Jawa Barat", "40115", "ID"), ["Bandung", "Jawa Barat 40115"]),
    (("São Paulo", "SP", "01310-100", "BR"), ["São Paulo-SP", "01310-100"]),
    (("Chiyoda-ku", "Tokyo", "100-8994", "JP"), ["Chiyoda-ku, Tokyo 100-8994"]),
    (("Dublin", "Co. Dublin", "D02 X285", "IE"), ["Dublin", "Co. Dublin", "D02 X285"]),
    (("Auckland", "", "1010", "NZ"), ["Auckland 1010"]),
    (("Monterrey", "N.L.", "64000", "MX"), ["64000 Monterrey, N.L."]),
    (("St Peter Port", "", "GY1 1AA", "GG"), ["St Peter Port", "GUERNSEY", "GY1 1AA"]),
    (("Nowhere", "Region", "123", "ZZ"), ["Nowhere 123", "Region"]),
]


@pytest.mark.parametrize(("place", "printed"), ADDRESSES)
def test_each_country_in_its_order(place: tuple[str, str, str, str], printed: list[str]) -> None:
    lines = postal_lines("Ann Lee", "12 Main St", "Apt 4", *place)
    assert lines == ["Ann Lee", "12 Main St", "Apt 4", *printed]
    assert postal_lines("", "12 Main St", "", *place) == ["12 Main St", *printed]


def test_addresses_in_their_own_script_go_from_the_large_to_the_small() -> None:
    assert postal_lines("张三", "延安路1号", "", "杭州市", "浙江省", "310000", "CN") == [
        "310000", "浙江省杭州市", "延安路1号", "张三",
    ]  # fmt: skip
    assert postal_lines("山田太郎", "丸の内1-1", "", "千代田区", "東京都", "100-8994", "JP") == [
        "〒100-8994", "東京都千代田区", "丸の内1-1", "山田太郎",
    ]  # fmt: skip


def test_a_hungarian_town_stands_above_the_street() -> None:
    assert postal_lines("Ann Lee", "Fő utca 1", "", "Budapest", "", "1011", "HU") == [
        "Ann Lee", "Budapest", "Fő utca 1", "1011",
    ]  # fmt: skip
