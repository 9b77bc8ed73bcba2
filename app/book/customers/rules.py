"""Contact points: their kinds, types, states and sources, and the form in which a typed one is kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.book.customers.people import (
    CONTACT_LIMITS,
    checked_contact,
    has_area_code,
    read_email,
    read_telephone,
)
from app.book.customers.postal import postal_lines
from app.core.errors import Invalid

ADDRESS = ("address_line1", "address_line2", "city", "region", "postcode", "country")
"""The parts of a postal address."""
NO_ADDRESS: Mapping[str, str] = dict.fromkeys(ADDRESS, "")
LONGEST_NOTE = 120


class PointKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


class PointType(StrEnum):
    MOBILE = "mobile"
    HOME = "home"
    WORK = "work"
    OTHER = "other"


class PointState(StrEnum):
    USABLE = "usable"
    BAD = "bad"
    """Another person's, or out of service: closed on every channel until a person confirms it."""
    UNCONFIRMED = "unconfirmed"
    """Not known yet to be the customer's."""


class PointSource(StrEnum):
    """The source of a contact point. Consent law asks whether the customer gave it."""

    CUSTOMER = "customer"
    CREDITOR = "creditor"
    THIRD_PARTY = "third_party"
    PUBLIC_RECORD = "public_record"
    TRACING = "tracing"
    OTHER = "other"


MAIN_COLUMNS: Mapping[PointKind, tuple[str, ...]] = {
    PointKind.PHONE: ("mobile",),
    PointKind.EMAIL: ("email",),
    PointKind.ADDRESS: ADDRESS,
}
"""The columns of a customer that hold the main point of each kind."""
MAIN_TYPES: Mapping[PointKind, PointType] = {
    PointKind.PHONE: PointType.MOBILE,
    PointKind.EMAIL: PointType.OTHER,
    PointKind.ADDRESS: PointType.HOME,
}
"""The type of a main point of which nothing else is known."""


@dataclass(frozen=True, slots=True)
class PointText:
    """A contact point in the form that is stored: its value, and the parts where it is an address."""

    kind: PointKind
    value: str
    parts: Mapping[str, str]


def address_value(parts: Mapping[str, str]) -> str:
    """A postal address without the name, a line a part: the value by which it is known again; '' = there is none. It is
    how letters spell it, so the gate knows an address that is closed."""
    if not (parts["address_line1"] or parts["city"]):
        return ""
    line1, line2, *place = [parts[name] for name in ADDRESS]
    city, region, postcode, country = place
    lines = postal_lines("", line1, line2, city, region, postcode, country)
    return "\n".join([*lines, country])


def on_one_line(value: str) -> str:
    """A value as a page or a sentence shows it."""
    return value.replace("\n", ", ")


def main_value(kind: PointKind, columns: Mapping[str, str]) -> str:
    """The value of the main point that a customer's `columns` hold; '' = none."""
    return address_value(columns) if kind is PointKind.ADDRESS else columns[MAIN_COLUMNS[kind][0]]


def read_point(kind: PointKind, value: str, parts: Mapping[str, str], country: str) -> PointText:
    """A contact point as a person typed it; `country` is the customer's. Invalid names the wrong field."""
    if kind is PointKind.ADDRESS:
        return _read_address(parts, country)
    value = value.strip()
    if not value:
        missing = "Write the telephone number." if kind is PointKind.PHONE else "Write the e-mail address."
        raise Invalid(missing, "value")
    hint = ""
    if kind is PointKind.PHONE:
        read, what = read_telephone(value, country), "The number"
        hint = " Write it with its country code, such as +1 617 555 0123."
    else:
        read, what = read_email(value), "The e-mail address"
    if not read.value:
        raise Invalid(f"{what} {read.word}.{hint}", "value")
    if kind is PointKind.PHONE and not has_area_code(read.value):
        raise Invalid(f"The number lacks its area code.{hint}", "value")
    if len(read.value) > CONTACT_LIMITS["email"]:
        raise Invalid(f"This is longer than {CONTACT_LIMITS['email']} characters.", "value")
    return PointText(kind, read.value, NO_ADDRESS)


def _read_address(parts: Mapping[str, str], country: str) -> PointText:
    given = {name: parts.get(name, "").strip() for name in ADDRESS}
    given["country"] = given["country"] or country
    for name, missing in (("address_line1", "Write the street."), ("city", "Write the town.")):
        if not given[name]:
            raise Invalid(missing, name)
    nothing = dict.fromkeys(CONTACT_LIMITS, "")
    whole = {**NO_ADDRESS, **checked_contact(nothing, given)}
    return PointText(PointKind.ADDRESS, address_value(whole), whole)
