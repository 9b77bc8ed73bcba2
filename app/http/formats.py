"""Amounts, dates and numbers in the reader's locale: functions, and the filters of every template."""

from __future__ import annotations

import copy
import re
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import NumberPattern, format_decimal, format_percent
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request

from app.core.money import exponent, to_decimal_string
from app.core.staff.rules import ROLE_LABELS, Role
from app.core.text import Say
from app.http.interface import interface_locale, wanted_locales, words_of


def locale_for(accept_language: str) -> Locale:
    """The first locale of an Accept-Language header that is known, English otherwise."""
    return next(iter(wanted_locales(accept_language)), Locale("en"))


def reader_locale(request: Request) -> Locale:
    """The locale of staff's pages for this reader: words, dates and amounts are of one language."""
    return interface_locale(request.headers.get("accept-language", "")[:200])


CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")
"""CLDR puts a space between "KWD" and its figures; Babel does not."""


def reader_words(request: Request) -> Say:
    """The catalogue of the reader's language, for words that Python puts together."""
    return words_of(reader_locale(request)).ugettext


@lru_cache(maxsize=512)
def _money_pattern(locale: Locale, currency: str) -> NumberPattern:
    # Babel would use ISO 4217's decimals; card issuers bill some currencies with others (app/core/money.py).
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (exponent(currency), exponent(currency))
    return pattern


@lru_cache(maxsize=10_000)
def format_money(minor: int, currency: str, locale: Locale) -> str:
    value = Decimal(to_decimal_string(minor, currency))
    pattern = _money_pattern(locale, currency)
    shown = str(pattern.apply(value, locale, currency=currency, currency_digits=False))
    return CODE_BEFORE_DIGIT.sub("\u00a0", shown)


DASH = "–"


def _locale(context: Context) -> Locale:
    locale = context.get("locale")
    return locale if isinstance(locale, Locale) else Locale("en")


@pass_context
def money(context: Context, minor: int | None, currency: str) -> str:
    """Minor units in the reader's locale: `{{ amount_minor | money(currency) }}`."""
    return DASH if minor is None else format_money(minor, currency, _locale(context))


@lru_cache(maxsize=10_000)
def day_words(on: date, locale: Locale) -> str:
    return str(format_date(on, format="medium", locale=locale))


@lru_cache(maxsize=10_000)
def clock_words(at: time, locale: Locale, *, seconds: bool = False) -> str:
    """A time of day; the parts of an instant are formatted by themselves, because most instants occur once."""
    return str(format_time(at, format="medium" if seconds else "short", locale=locale))


@pass_context
def day(context: Context, value: date | None) -> str:
    if value is None:
        return DASH
    return _day(value, _locale(context))


@lru_cache(maxsize=10_000)
def _day(value: date, locale: Locale) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), day_words(value, locale))


@pass_context
def moment(context: Context, value: datetime | None, timezone: str = "", seconds: bool = False) -> str:
    """Write an instant as wall-clock time in an IANA zone, with its short name: `{{ at | moment(zone) }}`.

    An instant that belongs to no portfolio is written in the zone of the installation.
    """
    if value is None:
        return DASH
    return _moment(value, timezone or context.get("house_zone") or "UTC", seconds, _locale(context))


@lru_cache(maxsize=10_000)
def _moment(value: datetime, timezone: str, seconds: bool, locale: Locale) -> Markup:
    local = value.astimezone(ZoneInfo(timezone))
    at = local.time().replace(second=local.second if seconds else 0, microsecond=0)
    clock = clock_words(at, locale, seconds=seconds)
    shown = _date_and_time(locale).replace("{1}", day_words(local.date(), locale)).replace("{0}", clock)
    zone = local.tzname() or timezone
    return Markup('<time datetime="{}">{} <span class="zone">{}</span></time>').format(
        local.isoformat(timespec="seconds"), shown, zone
    )


@lru_cache
def _date_and_time(locale: Locale) -> str:
    return str(get_datetime_format("medium", locale=locale)).replace("'", "")


@pass_context
def pct(context: Context, value: float | Decimal | None, digits: int = 1) -> str:
    """A ratio as a percentage: `{{ 0.123 | pct }}` -> 12.3%."""
    if value is None:
        return DASH
    pattern = "#,##0%" if digits == 0 else "#,##0." + "0" * digits + "%"
    return format_percent(value, format=pattern, locale=_locale(context))


@pass_context
def number(context: Context, value: int | float | Decimal | None) -> str:
    return DASH if value is None else _number(value, _locale(context))


@lru_cache(maxsize=10_000)
def _number(value: int | float | Decimal, locale: Locale) -> str:
    return format_decimal(value, locale=locale)


def decimal(minor: int, currency: str) -> str:
    """Minor units as a field takes them: `{{ amount_minor | decimal(currency) }}` -> 1250.00."""
    return to_decimal_string(minor, currency)


def role_label(role: Role) -> str:
    return ROLE_LABELS[role]
