"""Notations of dates and money in creditors' files, read without guessing. Pure."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

_DIGITS = {"Y": 4, "m": 2, "d": 2, "y": 2, "H": 2, "M": 2, "S": 2, "j": 3}
"""Directives of strptime that are numbers, and how many digits they have when written in full."""
AHEAD = timedelta(days=366)
"""A date written with two digits of its year that would lie further ahead belongs to the century before."""
LONGEST = 60
MONTH_ENDS = ("first", "last")


def read_date(text: str, format: str, *, today: date | None = None, missing_day: str = "") -> date:
    """A date as this format writes it. ValueError where the text is not one.

    Python's strptime takes a directive with fewer digits than it has, so that 1112026 passes for %d%m%Y and is 11
    January, although a spreadsheet took the zero of 01112026 away. Where directives stand side by side each needs all
    its digits. `missing_day` ("first" or "last") says which day of a month a format without a day means.
    """
    if len(text) > LONGEST or not _whole(format).fullmatch(text.strip()):
        raise ValueError("not all its digits")
    on = date(*time.strptime(text, format)[:3])
    if today is not None and "%y" in format and on > today + AHEAD:
        on = on.replace(year=on.year - 100)
    if missing_day == "last" and not has_day(format):
        on = on.replace(day=calendar.monthrange(on.year, on.month)[1])
    return on


def has_day(format: str) -> bool:
    return any(mark in format for mark in ("%d", "%j", "%x", "%c", "%D", "%F"))


@lru_cache(maxsize=100)
def _whole(format: str) -> re.Pattern[str]:
    """Return a pattern for texts of this format; it checks the number of digits, not their values."""
    parts = re.findall(r"%-?.|\s+|[^%\s]", format)
    pattern = ""
    for at, part in enumerate(parts):
        if not part.startswith("%"):
            pattern += r"\s+" if part.isspace() else re.escape(part)
            continue
        digits = _DIGITS.get(part[-1])
        if digits is None:
            pattern += ".+?"
            continue
        beside = [parts[n] for n in (at - 1, at + 1) if 0 <= n < len(parts)]
        is_full = part[-1] in "Yy" or any(each.startswith("%") for each in beside)
        pattern += rf"[0-9]{{{digits}}}" if is_full else rf"[0-9]{{1,{digits}}}"
    return re.compile(pattern, re.IGNORECASE)


def without_sign(text: str, signs: Sequence[str]) -> str:
    """An amount without the currency sign before or behind it: `-€5.00`, `(5.00 EUR)` -> `-5.00`, `(5.00)`."""
    return _around(tuple(signs)).sub(r"\1\2", text, count=1) if signs else text


@lru_cache(maxsize=100)
def _around(signs: tuple[str, ...]) -> re.Pattern[str]:
    listed = "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))
    return re.compile(
        rf"^([(+\-\u2212]{{0,2}})[\s\u00a0]*(?:{listed})[\s\u00a0]*|[\s\u00a0]*(?:{listed})[\s\u00a0]*([)\-\u2212]{{0,2}})$"
    )


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Half away from zero, as creditors' own systems do."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
