"""Money is an integer of minor units plus an ISO 4217 currency; decimal strings exist only at the edges.

Exponents follow what card issuers bill in: TWD and JPY have none, KWD has three. Rounding never happens
here: a value with more decimals than its currency has is refused, not rounded.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation

_EXPONENTS = {
    "AED": 2, "AUD": 2, "BHD": 3, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2,
    "GBP": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2, "INR": 2, "ISK": 0, "JPY": 0, "KRW": 0, "KWD": 3,
    "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PHP": 2, "PLN": 2, "SAR": 2, "SEK": 2, "SGD": 2,
    "THB": 2, "TND": 3, "TRY": 2, "TWD": 0, "USD": 2, "VND": 0, "ZAR": 2,
}  # fmt: skip

MAX_MINOR = 10**15
"""Largest amount accepted (a quadrillion minor units): fits BIGINT with room for sums over millions of rows."""


class BadAmount(ValueError):
    """A text that is no amount in its currency; the message says why."""


def exponent(currency: str) -> int:
    """Number of decimals of `currency`; BadAmount for a code we do not know."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise BadAmount(f"unknown currency {currency!r}") from None


def known_currencies() -> frozenset[str]:
    return frozenset(_EXPONENTS)


def to_minor(text: str, currency: str) -> int:
    """Decimal string in currency units -> integer minor units ('12.30', 'USD' -> 1230).

    Refuses NaN, infinities, exponents, thousands separators and more decimals than the currency has.
    """
    digits = exponent(currency)
    stripped = text.strip()
    if len(stripped) > 24:
        raise BadAmount("amount is too long")
    if not stripped or stripped.lstrip("+-").strip("0123456789.") or stripped[0] == "+":
        raise BadAmount(f"not a decimal amount: {stripped[:24]!r}")
    try:
        value = Decimal(stripped)
    except InvalidOperation:
        raise BadAmount(f"not a decimal amount: {stripped[:24]!r}") from None
    scaled = value.scaleb(digits)
    minor = int(scaled)
    if scaled != minor:
        raise BadAmount(f"{currency} has {digits} decimals, got {stripped!r}")
    if abs(minor) > MAX_MINOR:
        raise BadAmount("amount is out of range")
    return minor


_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
_SIGNS = re.compile(r"^(?:[A-Z]{0,3}[$€£¥₩₫₹฿₺]|kr\.?|Rp\.?|R\$|RM)|(?:€|kr\.?|元|円|圓)$", re.IGNORECASE)
MOST_TYPED = 40


def typed_minor(text: str, currency: str, *, grouping: str = ",", point: str = ".") -> int:
    """An amount as a person types it -> integer minor units; `grouping` and `point` as their locale writes numbers.

    '3,707', full-width digits, 'NT$3,707' and '1 250,00' are amounts. A lone separator before three last digits is read
    only as the locale writes it and the currency allows; '1.234' on an English page is neither 1234 nor 1.23, and
    the refusal says how to write either.
    """
    digits = exponent(currency)
    seen = "".join(char for char in text[: 2 * MOST_TYPED] if unicodedata.category(char) != "Cf")
    plain = unicodedata.normalize("NFKC", seen[: MOST_TYPED + 1]).strip()
    if len(plain) > MOST_TYPED:
        raise BadAmount("This is too long for an amount.")
    example = "3707" if digits == 0 else f"3707 or 3707.{'5' * digits}"
    refusal = BadAmount(f"Enter an amount in {currency}, such as {example}.")
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    sign, plain = ("-", plain[1:]) if plain[:1] in ("-", "−") else ("", plain)
    plain = plain.strip().removeprefix(currency).removesuffix(currency).strip()
    plain = _BETWEEN_DIGITS.sub("", _SIGNS.sub("", plain).strip())
    if not re.fullmatch(r"\d[\d.,]*", plain) or plain[-1] in ".,":
        raise refusal
    whole, fraction = _parted(plain, digits, grouping, point, refusal)
    if fraction.strip("0") and len(fraction.rstrip("0")) > digits:
        much = f"{currency} has {digits} decimals" if digits else f"Whole {currency} only"
        raise BadAmount(
            f"{much}: enter {whole}{'.' + fraction[:digits] if digits else ''} or the next higher amount."
        )
    return to_minor(f"{sign}{whole}.{fraction[:digits] or '0'}" if digits else sign + whole, currency)


def _parted(plain: str, digits: int, grouping: str, point: str, refusal: BadAmount) -> tuple[str, str]:
    """Whole units and decimals of digits with points and commas between them."""
    marks = [char for char in plain if not char.isdigit()]
    if not marks:
        return plain, ""
    last = marks[-1]
    head, _, tail = plain.rpartition(last)
    if len(marks) == 1:
        if len(tail) != 3 or len(head) > 3 or head == "0":
            return head, tail  # only decimals can stand there
        if last == grouping and digits != 3:
            return head + tail, ""
        if last == point and digits == 3:
            return head, tail
        other = f"{head}.{tail[:digits]}" if digits else head
        raise BadAmount(f"{plain} can be read in two ways. Enter {head + tail} or {other}.")
    if len(set(marks)) == 1:  # 1,234,567
        head, tail = plain, ""
    other = marks[0]
    if set(marks[:-1]) != {other} or not _GROUPED.fullmatch(head.replace(other, ",")):
        raise refusal
    return head.replace(other, ""), tail


_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3}")
"""Thousands; or lakhs and crores, as rupees are written."""


def to_decimal_string(minor: int, currency: str) -> str:
    """Write minor units as a plain decimal: 1230 of USD is '12.30'."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def with_code(minor: int, currency: str) -> str:
    """The amount behind the code of its currency, for texts that are stored: `USD 12.00`."""
    return f"{currency} {to_decimal_string(minor, currency)}"
