"""A person's contact data in the form that is stored: telephone, e-mail, postcode, country, time zone. Pure.

Feeds, pages and the API all read contact data here, so that one text means the same in each. A `Read` is the result
for a text: a value to keep, None where the text has none, and a remark on what was changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from app.core.errors import Invalid
from app.core.text import refuse_card_number
from app.policy.zones import PLACES, is_clock_only, is_place

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)

NOT_GIVEN = frozenset(
    {
        "-", "--", "---", ".", "?", "0", "00", "000", "0000000000", "00000", "x", "xx", "xxx", "xxxx", "n/a",
        "#n/a", "na",
        "n.a.", "n.a", "none", "no", "null", "nil", "nan", "unknown", "unk", "not known", "not available",
        "not applicable", "not provided", "notprovided", "missing", "empty", "tbd", "tba", "keine", "keine angabe",
        "k.a.", "unbekannt", "geen", "onbekend", "nvt", "n.v.t.", "aucun", "aucune", "inconnu", "ninguno",
        "desconocido", "nessuno", "sconosciuto", "ingen", "ukjent", "tidak ada",
    }
)  # fmt: skip
"""Texts that people and programs write where they have no number, address or zone, in lower case."""


@dataclass(frozen=True, slots=True)
class Read:
    """Result of reading a text. `value` None: nothing to keep. `word` says what was wrong or was put right; '' = no
    remark."""

    value: str | None
    word: str = ""


def is_not_given(text: str) -> bool:
    """Check whether a text only says that there is no value, such as "n/a"."""
    return text.strip().casefold() in NOT_GIVEN


_BY_CASE = {zone.casefold(): zone for zone in PLACES}


def read_zone(text: str) -> Read:
    """An IANA zone that is a place. Invalid ones have the value None and a word."""
    if not text:
        return Read("")
    if is_place(text):
        return Read(text)
    if is_not_given(text):
        return Read(None, f"is not given ({text[:30]!r})")
    if place := _BY_CASE.get(text.casefold()):
        return Read(place)
    if is_clock_only(text):
        return Read(
            None,
            f"{text[:30]!r} is a clock, not a place: taken as not given, so every zone of the country counts",
        )
    return Read(None, f"is not an IANA time zone: {text[:30]!r}")


# --- telephone and e-mail ---------------------------------------------------------------------------------------

_FLOAT = re.compile(r"([+0-9][0-9 ]*)\.0+")
_ONE_DIGIT = re.compile(r"[+(]*([0-9])(?:[ ()./\-]*\1)+(?:\.0+)?")
"""One digit over and over, which is typed where a form wants a number: 999-999-9999."""
SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{1,3}")
"""A long number as a spreadsheet shows it: its last digits are gone."""


def without_float(text: str) -> str:
    """`1001.0` is 1001 that went through a spreadsheet; any other text stays as it is."""
    found = _FLOAT.fullmatch(text)
    return found[1] if found else text


def read_telephone(text: str, country: str) -> Read:
    """Normalised to E.164. Possible is enough: ranges kept for fiction and tests are not 'valid' to the library."""
    if not text:
        return Read("")
    if is_not_given(text) or _ONE_DIGIT.fullmatch(text):
        return Read(None, f"is not given ({text[:20]!r})")
    if SCIENTIFIC.fullmatch(text):
        return Read(None, "was written by a spreadsheet as a power of ten; its digits are lost")
    try:
        number = phonenumbers.parse(without_float(text), country or None)
    except phonenumbers.NumberParseException:
        return Read(None, "is not a phone number")
    if not phonenumbers.is_possible_number(number):
        return Read(None, "is not a possible phone number")
    return Read(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def has_area_code(number: str) -> bool:
    """Whether an E.164 number can be dialled from elsewhere. `read_telephone` takes a number without its area code too,
    as files have it; a person who types one is asked for the rest."""
    possible = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number))
    return possible == phonenumbers.ValidationResult.IS_POSSIBLE


def read_email(text: str) -> Read:
    if not text:
        return Read("")
    if is_not_given(text):
        return Read(None, f"is not given ({text[:20]!r})")
    try:
        return Read(validate_email(text, check_deliverability=False, test_environment=True).normalized)
    except EmailNotValidError:
        return Read(None, "is not an e-mail address")


# --- postcodes --------------------------------------------------------------------------------------------------

_AS_TEXT = re.compile("^=?[\"'\u2018\u2019\u201c\u201d]+([^\"'\u201d]*)[\"'\u2019\u201d]*$")
"""Marks by which exports keep a spreadsheet from taking a text for a number: '02108, ="02108"."""
_ZIP = (5, 3)
POSTCODES: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("US", "PR", "VI", "AS", "GU", "MP"), _ZIP),
    **dict.fromkeys(("IT", "FI", "SM", "VA", "PL"), (5, 3)),
    **dict.fromkeys(("DE", "FR", "ES", "MX", "KR", "MY", "TR", "UA", "LT", "DZ", "SK", "GT", "PE"), (5, 4)),
    **dict.fromkeys(("AU", "NZ", "DK", "PH", "CX", "CC", "NF"), (4, 3)),
    **dict.fromkeys(("NO", "ZA", "SJ"), (4, 1)),
    **dict.fromkeys(("CN", "SG", "RO", "KZ", "CO", "EC"), (6, 5)),
    "JP": (7, 5),
    "BR": (8, 7),
}
"""Countries whose postcodes are digits: how many, and how few may be left when leading zeros are lost and still only
one code can be meant. Lengths from the address data that Google publishes (CC BY 4.0)."""
_GROUPS: Mapping[str, tuple[int, str]] = {
    "JP": (3, "-"), "BR": (5, "-"), "PL": (2, "-"), "SK": (3, " "),
}  # fmt: skip
ZIP_COUNTRIES = frozenset({"US", "PR", "VI", "AS", "GU", "MP"})
"""Countries whose postcode is a ZIP code, which chooses the law: one that cannot be read is refused, not kept."""


class BadPostcode(ValueError):
    """It cannot be a postcode of its country."""


def read_postcode(text: str, country: str) -> Read:
    """A postcode with the leading zeros that a spreadsheet took away. BadPostcode for a ZIP code that is none."""
    text = _AS_TEXT.sub(r"\1", unicodedata.normalize("NFKC", text)).strip()
    if not text:
        return Read("")
    if is_not_given(text):
        return Read(None, f"is not given ({text[:20]!r})")
    if country not in POSTCODES:
        whole = without_float(text)
        return Read(whole, f"put right from {text[:20]!r}" if whole != text else "")
    digits = re.sub(r"[ \-]", "", without_float(text))
    if country in ZIP_COUNTRIES:
        return _zip_code(text, digits)
    length, shortest = POSTCODES[country]
    if not (digits.isascii() and digits.isdigit()) or len(digits) == length:
        return (
            Read(text)
            if "." not in text or not digits.isdigit()
            else Read(digits, f"put right from {text[:20]!r}")
        )
    if not shortest <= len(digits) < length:
        return Read(
            text, f"{text[:20]!r} is no postcode of {country}, which has {length} digits; kept as written"
        )
    return _padded(text, digits, length, country)


def _padded(text: str, digits: str, length: int, country: str) -> Read:
    full = digits.rjust(length, "0")
    if country in _GROUPS:
        at, mark = _GROUPS[country]
        full = f"{full[:at]}{mark}{full[at:]}"
    return Read(full, f"{text[:20]!r} has lost its leading zeros; taken as {full}")


def _zip_code(text: str, digits: str) -> Read:
    first, _, rest = without_float(text).partition("-")
    parted = bool(rest)
    is_number = digits.isascii() and digits.isdigit()
    if parted:
        is_whole = is_number and len(rest.strip()) == 4 and 3 <= len(first.strip()) <= 5
        five, four = first.strip(), rest.strip()
    else:
        is_whole = is_number and (3 <= len(digits) <= 5 or 7 <= len(digits) <= 9)
        five, four = (digits, "") if len(digits) <= 5 else (digits[:-4], digits[-4:])
    full = five.rjust(5, "0")
    if not is_whole or full < "00500":
        raise BadPostcode(f"is not a ZIP code of five or nine digits: {text[:20]!r}")
    made = f"{full}-{four}" if four else full
    return Read(made, f"{text[:20]!r} has lost its leading zeros; taken as {made}" if len(five) < 5 else "")


def whole_postcode(country: str) -> str:
    """A pattern of postcodes that `read_postcode` leaves as they are, for whole columns."""
    if country in ZIP_COUNTRIES:
        return r"^(?:00[5-9][0-9]{2}|0[1-9][0-9]{3}|[1-9][0-9]{4})(?:-[0-9]{4})?$"
    if country in POSTCODES:
        return rf"^[0-9]{{{POSTCODES[country][0]}}}$"
    return r"^[A-Za-z0-9 \-]*[1-9][A-Za-z0-9 \-]*$"


# --- all of it ----------------------------------------------------------------------------------------------------

CONTACT_LIMITS: Mapping[str, int] = {
    "full_name": 200, "language": 8, "country": 2, "region": 60, "timezone": 60, "address_line1": 200,
    "address_line2": 200, "city": 100, "postcode": 20, "mobile": 40, "email": 254,
}  # fmt: skip
"""The contact data of a customer: the fields, and the longest text of each."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def is_language(code: str) -> bool:
    """True for a language as it is stored, such as `en` or `zh-hant`."""
    return re.fullmatch(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})?", code) is not None


def checked_contact(now: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Return typed contact data of a customer in the form that is stored; `now` holds all the fields as they are.

    Raises Invalid, which names the wrong field. A change of country checks the postcode on file again.
    """
    given = {name: text.strip() for name, text in changes.items()}
    for name, text in given.items():
        if name not in CONTACT_LIMITS:
            raise Invalid(f"{name} is no contact data. Leave it out.", name)
        _check_text(name, text)
    country = given["country"] = given.get("country", now["country"]).upper()
    if country not in COUNTRIES:
        raise Invalid(f"{country[:8]!r} is not an ISO 3166 country code such as US or NL.", "country")
    if "country" in changes and country != now["country"]:
        given.setdefault("postcode", now["postcode"])
    if "language" in given:
        given["language"] = given["language"].lower()
        if not is_language(given["language"]):
            raise Invalid("Write the language as a code such as en or nl.", "language")
    for name, read in (("timezone", read_zone), ("email", read_email)):
        if name in given:
            given[name] = _kept(name, read(given[name]))
    if "mobile" in given:
        given["mobile"] = _kept("mobile", read_telephone(given["mobile"], country))
    if "postcode" in given:
        try:
            given["postcode"] = _kept("postcode", read_postcode(given["postcode"], country))
        except BadPostcode as error:
            raise Invalid(f"The postcode {error}.", "postcode") from None
    return {name: text for name, text in given.items() if text != now[name]}


def _check_text(name: str, text: str) -> None:
    if len(text) > CONTACT_LIMITS[name]:
        raise Invalid(f"This is longer than {CONTACT_LIMITS[name]} characters.", name)
    if _UNSEEN.search(text):
        raise Invalid("This holds control characters.", name)
    if not text and name in ("full_name", "language", "country"):
        raise Invalid("This must not be empty.", name)
    if name != "mobile":
        refuse_card_number(text, name)


_NAMES = {
    "timezone": "The time zone",
    "email": "The e-mail address",
    "mobile": "The number",
    "postcode": "The postcode",
}


def _kept(name: str, read: Read) -> str:
    if read.value is None:
        raise Invalid(f"{_NAMES[name]} {read.word}. Leave it empty if there is none.", name)
    return read.value
