"""Postal addresses in the order of their country. Pure.

The forms are those of the address data that Google publishes for Android and Chrome (chromium-i18n, CC BY 4.0), without
dependent localities and the prefixes of mail from abroad (CH-8000). Of the United States the form is that of USPS
Publication 28, which has no comma. One place prints addresses: letters, their windows, pages and legal files ask here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_FORMS: Mapping[str, str] = {
    "{Z} {C}": (
        "AD AT AX AZ BA BE BG BL CH CY CZ DE DK DO DZ EH ET FI FO FR GE GF GL GN GP GR GW HR HT "
        "IS KG KW LA LI LR LU MA MC MD ME MF MG MK MQ NC NE NL NO PL PM PT PY RE RS SE SI SJ SK "
        "SM SN TJ TM TN TZ VA WF XK YT ZM"
    ),
    "{C}|{Z}": "AC AF AI FK GB GI GS IM IO KE LK NA PN SD SH SZ TA TC VG ZA",
    "{C} {Z}": "BH BM BN BT GU IL JO KH LB LS MT MV NP NZ SA VC",
    "{C} {S} {Z}": "AS AU CA CC CX FM HM MH MP NF PW UM US VI",
    "{C}|{S}": "AE HK JM KI MO PA SC SR TV",
    "{C}, {S} {Z}": "BB CN JP KR SO TW",
    "{C}|{S}|{Z}": "EG IE IR KZ RU UA",
    "{Z} {C} {S}": "EE ES IT LT PF UY",
    "{Z} {C}|{S}": "AR CL CV MY UZ",
    "{C}|{S} {Z}": "ID MN TH VN",
    "{Z}|{C}": "AL EC MU OM",
    "{C} {Z}|{S}": "IN NG PE",
    "{C}": "BF MW",
    "{C}, {S}": "BS KN",
    "{C}, {S}|{Z}": "HN IQ",
    "{C} - {Z}": "BD",
    "{C} PR {Z}": "PR",
    "{C} {Z} {S}": "PG",
    "{C} {Z}, {S}": "VE",
    "{C}, {S}, {Z}": "CO",
    "{C}, {Z}": "MM",
    "{C}, {Z}|{S}": "LV",
    "{C}-{S}|{Z}": "BR",
    "{C}-{Z}": "PK",
    "{C}|GUERNSEY|{Z}": "GG",
    "{C}|JERSEY|{Z}": "JE",
    "{C}|{S}, {Z}": "KP",
    "{C}|{Z} {S}": "PH",
    "{S} {Z}": "KY",
    "{S}, {C}|{Z}": "CR",
    "{Z} {C}, {S}": "MX",
    "{Z} {C}/{S}": "TR",
    "{Z} {C}{S}": "MZ",
    "{Z} {S} {C}": "RO",
    "{Z}, {C}|{S}": "BY",
    "{Z}- {C}": "GT",
    "{Z}-{C}|{S}": "SV",
    "{Z}|{C}, {S}": "NI",
    "{Z}|{C}|{S}": "AM",
}
"""Lines after the street: C the town, S the state or region, Z the postcode."""
_DEFAULT = "{C} {Z}|{S}"
_FORM = {country: form for form, countries in _FORMS.items() for country in countries.split()}

_LOCAL: Mapping[str, str] = {
    "CN": "{Z}|{S}{C}",
    "TW": "{Z}|{S}{C}",
    "JP": "\u3012{Z}|{S}{C}",
    "HK": "{S}{C}",
    "MO": "{S}{C}",
}
"""Addresses written in their own script go from the large to the small, and end with the name."""
_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_FIELD = re.compile(r"(?P<before>[^{}]*)\{(?P<name>[CSZ])\}")

TOWN_STATES = {"SG": "Singapore", "MC": "Monaco", "GI": "Gibraltar", "VA": "Vatican City"}


def postal_lines(
    name: str, line1: str, line2: str, city: str, region: str, postcode: str, country: str
) -> list[str]:
    """The lines of an address but for the country; `name` first, or last where the script wants it so; '' = leave it
    out. A region that only repeats the town is not printed."""
    street = [line1.strip(), line2.strip()]
    values = {"C": city.strip(), "S": region.strip(), "Z": postcode.strip()}
    if country in TOWN_STATES:
        return _filled([name, *street, *_town_state(values, TOWN_STATES[country], country)])
    if country in _LOCAL and _SCRIPT.search(line1 + city):
        if values["S"] == values["C"]:
            values["S"] = ""
        return _filled([*_place(_LOCAL[country], values), *street, name])
    if values["S"].casefold() == values["C"].casefold():
        values["S"] = ""
    form = _FORM.get(country, _DEFAULT)
    if country == "HU":  # the town stands above the street, the postcode below it
        return _filled([name, values["C"], *street, values["Z"]])
    return _filled([name, *street, *_place(form, values)])


def _town_state(values: Mapping[str, str], town: str, country: str) -> list[str]:
    part = values["C"] if values["C"].casefold() not in ("", town.casefold()) else ""
    place = f"{values['Z']} {town}" if country in ("MC", "VA") else f"{town} {values['Z']}"
    return [part, place.strip()]


def _place(form: str, values: Mapping[str, str]) -> list[str]:
    return [_line(part, values) for part in form.split("|")]


def _line(form: str, values: Mapping[str, str]) -> str:
    """A line of a form with what there is; what parts two fields stands only between two that are there."""
    made = ""
    for before, name in _fields(form):
        if value := values[name]:
            made += (before if made or before.strip() == "\u3012" else "") + value
        elif before.strip().isalpha():  # a word of the form itself: PR, GUERNSEY
            made += before.rstrip()
    return made.strip() if made else form if form.isalpha() else ""


@lru_cache(maxsize=300)
def _fields(form: str) -> list[tuple[str, str]]:
    return [(found["before"], found["name"]) for found in _FIELD.finditer(form)]


def _filled(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line]
