"""Locales: the languages letters exist in, and how each country writes its dates and amounts."""

from __future__ import annotations

import copy
import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date as babel_format_date
from babel.numbers import NumberPattern, format_percent

from app.core import money

FALLBACK_LANGUAGE = "en"

LOCALES = {
    "de": "de_DE",
    "en": "en_US",
    "fr": "fr_CA",
    "id": "id_ID",
    "nb": "nb_NO",
    "nl": "nl_NL",
    "zh": "zh_Hant_TW",
    "zh-Hans": "zh_Hans_CN",
}
"""Language of a letter -> the locale its amounts and dates are written in."""
ENGLISH = {
    country: f"en_{country}" for country in ("US", "GB", "AU", "CA", "HK", "IN", "SG")
} | dict.fromkeys(("AS", "GU", "MP", "PR", "VI"), "en_US")
"""English has no one manner: a reader who lives anywhere else gets that of the United Kingdom."""


@lru_cache(maxsize=1000)
def known_language(wanted: str, languages: tuple[str, ...] = tuple(LOCALES)) -> str:
    """The language for a tag ('nl-BE' -> 'nl', 'zh-CN' -> 'zh-Hans') if it is among `languages`, otherwise English: the
    two ways of writing Chinese are two languages."""
    base, *rest = re.split(r"[-_]", wanted.strip().lower())
    if base == "zh" and {"hans", "cn", "sg"} & set(rest):
        return "zh-Hans" if "zh-Hans" in languages else FALLBACK_LANGUAGE
    base = _NORWEGIAN.get(base, base)
    return base if base in languages else FALLBACK_LANGUAGE


@lru_cache(maxsize=1000)
def locale_for(language: str, country: str) -> str:
    """The letters' language in the manner of a country (ISO 3166): ('en', 'AU') -> 'en_AU', ('en', 'FR') -> 'en_GB',
    ('nl', 'BE') -> 'nl'."""
    return ENGLISH.get(country, "en_GB") if language == "en" else language


def written_there(language: str, country: str) -> str:
    """The tag with the script of the country, where it names none: ('zh', 'CN') -> 'zh-CN'."""
    return (
        f"{language}-{country}" if language.strip().lower() == "zh" and country in ("CN", "SG") else language
    )


_NORWEGIAN = {"no": "nb", "nn": "nb"}
"""A reader of Norwegian in general, or of Nynorsk, is written to in Bokmål rather than in English."""


@lru_cache(maxsize=10_000)
def format_amount(minor: int, currency: str, language: str) -> str:
    """Minor units as a reader of `language` writes them, with the decimals we bill in (TWD none, KWD three)."""
    style = _amount_style(currency, language)
    if style is None or minor < 0:
        return amount_by_locale(minor, currency, language)
    before, group, in_twos, point, after = style
    decimals = money.exponent(currency)
    units, rest = divmod(minor, 10**decimals)
    whole = _in_twos(units, group) if in_twos else f"{units:,}".replace(",", group)
    return f"{before}{whole}{point}{rest:0{decimals}}{after}" if decimals else f"{before}{whole}{after}"


@lru_cache(maxsize=100)
def _amount_style(currency: str, language: str) -> tuple[str, str, bool, str, str] | None:
    """(before, group separator, whether groups are of two above the thousands, decimal point, after), read off one
    amount as the locale writes it; None where it groups in another way."""
    shown = amount_by_locale(1_234_567 * 10 ** money.exponent(currency), currency, language)
    whole = r"1(?P<three>\D)234(?P=three)567|12(?P<two>\D)34(?P=two)567"
    found = re.fullmatch(rf"(?P<before>\D*)(?:{whole})(?:(?P<point>\D)0+)?(?P<after>\D*)", shown)
    if found is None:
        return None
    group = found["three"] or found["two"]
    return found["before"], group, found["two"] is not None, found["point"] or "", found["after"]


def _in_twos(units: int, group: str) -> str:
    """Lakhs and crores: 12,34,567."""
    above, below = divmod(units, 1000)
    if not above:
        return str(below)
    digits = str(above)
    pairs = [digits[max(0, end - 2) : end] for end in range(len(digits), 0, -2)]
    return group.join([*reversed(pairs), f"{below:03}"])


def amount_by_locale(minor: int, currency: str, language: str) -> str:
    """Format an amount as `format_amount` does, but slowly, from Unicode's locale data."""
    locale = _locale(language)
    value = Decimal(money.to_decimal_string(minor, currency))
    text = _amount_pattern(locale, money.exponent(currency)).apply(
        value, locale, currency=currency, currency_digits=False
    )
    text = re.sub(r"([A-Z])(\d)", "\\1\u00a0\\2", text)  # IDR 100: a code, unlike a symbol, stands apart
    if currency == "TWD" and "NT$" not in text:
        text = text.replace("$", "NT$")  # a bare $ would be read as dollars of another country
    return text


@lru_cache(maxsize=1_000)
def format_rate(millionths: int, language: str) -> str:
    """A rate in per cent, with as many decimals as it has: 59_900 -> 5.99%; German and French set the sign apart."""
    pattern = "#,##0.####\u00a0%" if known_language(language) in ("de", "fr") else "#,##0.####%"
    return format_percent(Decimal(millionths) / 1_000_000, pattern, locale=_locale(language))


@lru_cache(maxsize=1_000)
def format_date(d: date, language: str) -> str:
    """The date with the month spelled out, so that no reader takes the month for the day."""
    return babel_format_date(d, "long", locale=_locale(language))


@lru_cache(maxsize=100)
def _locale(language: str) -> Locale:
    return Locale.parse(language if language in ENGLISH.values() else LOCALES[known_language(language)])


@lru_cache
def _amount_pattern(locale: Locale, decimals: int) -> NumberPattern:
    # The locale's own count of decimals differs from what issuers bill in (CLDR gives TWD two).
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern
