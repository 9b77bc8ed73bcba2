"""Money is an integer of minor units plus an ISO 4217 currency; decimal strings exist only at the edges.

Exponents follow what card issuers bill in: TWD and JPY have none, KWD has three. Rounding never happens
here: a value with more decimals than its currency has is refused, not rounded.
"""

from __future__ import annotations

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
    """The text is not an amount in this currency; the message says why."""


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


def to_decimal_string(minor: int, currency: str) -> str:
    """Integer minor units -> plain decimal string ('1230', 'USD' -> '12.30')."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def split_evenly(total_minor: int, parts: int) -> list[int]:
    """`parts` integers that sum exactly to `total_minor`; earlier parts take the remainder, one unit each."""
    if parts < 1:
        raise ValueError("parts must be at least 1")
    share, rest = divmod(total_minor, parts)
    return [share + (1 if n < rest else 0) for n in range(parts)]
