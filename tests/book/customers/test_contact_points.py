"""What a person types as a number or address, and the form in which it is kept."""

from __future__ import annotations

import pytest

from app.book.customers.rules import PointKind, address_value, main_value, read_point
from app.core.errors import Invalid

NUMBERS = [
    ("0912 345 678", "TW", "+886912345678"),
    ("(07) 555-0126", "TW", "+88675550126"),
    ("０９１２　３４５６７８", "TW", "+886912345678"),
    ("+1 (617) 555-0123", "TW", "+16175550123"),
    ("617.555.0123", "US", "+16175550123"),
    ("06-12345601", "NL", "+31612345601"),
]


@pytest.mark.parametrize(("typed", "country", "kept"), NUMBERS)
def test_a_number_in_any_form_is_kept_as_one(typed: str, country: str, kept: str) -> None:
    assert read_point(PointKind.PHONE, typed, {}, country).value == kept


@pytest.mark.parametrize(
    ("kind", "typed", "says"),
    [
        (PointKind.PHONE, "", "Write the telephone number."),
        (PointKind.PHONE, "call me", "not a phone number"),
        (PointKind.PHONE, "12", "country code"),
        (PointKind.EMAIL, " ", "Write the e-mail address."),
        (PointKind.EMAIL, "anna@", "not an e-mail address"),
    ],
)
def test_what_cannot_be_used_is_told_beside_its_field(kind: PointKind, typed: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        read_point(kind, typed, {}, "NL")
    assert refused.value.field == "value"


def test_a_number_without_its_area_code_is_asked_for_the_rest() -> None:
    with pytest.raises(Invalid, match="lacks its area code"):
        read_point(PointKind.PHONE, "555 0126", {}, "US")


def test_an_address_needs_a_street_and_a_town() -> None:
    with pytest.raises(Invalid) as refused:
        read_point(PointKind.ADDRESS, "", {"address_line1": "Kade 1"}, "NL")
    assert refused.value.field == "city"
    whole = read_point(
        PointKind.ADDRESS, "", {"address_line1": "Kade 1", "city": "Delft", "postcode": "2611 AB"}, "NL"
    )
    assert whole.value == "Kade 1\n2611 AB Delft\nNL"
    assert whole.parts["country"] == "NL", "without a country it is the customer's"


def test_a_wrong_postcode_is_told_beside_it() -> None:
    with pytest.raises(Invalid) as refused:
        read_point(
            PointKind.ADDRESS, "", {"address_line1": "1 Main St", "city": "Boston", "postcode": "ABC"}, "US"
        )
    assert refused.value.field == "postcode"


def test_a_customer_without_an_address_has_no_main_one() -> None:
    nothing = dict.fromkeys(
        ("mobile", "email", "address_line1", "address_line2", "city", "region", "postcode"), ""
    )
    assert address_value({**nothing, "country": "NL"}) == ""
    assert main_value(PointKind.EMAIL, {**nothing, "email": "anna@example.org"}) == "anna@example.org"
