"""A threshold, its limit as people type it, and whether a figure crosses it. Pure.

Limits and values are compared as fractions, never as floats: a figure exactly at its limit has not crossed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.core.errors import Invalid
from app.core.money import BadAmount, typed_minor, with_code
from app.core.text import Say
from app.reporting.kpis.rules import Definition, Dimension, Scale, Statistic, Unit

MILLIONTHS = 1_000_000
MOST_DECIMALS = 4
"""Of a percentage: 12.3456 % is 123,456 millionths."""
DAYS_OF_A_CHANGE = 7


class ThresholdTest(StrEnum):
    """What crosses a threshold."""

    ABOVE = "above"
    BELOW = "below"
    CHANGED = "changed"
    """It differs from the figure of a week before by more than the limit, in either direction."""


class Measured(StrEnum):
    """The number of a figure that is held against the limit."""

    VALUE = "value"
    """The figure as it is read: a share, or a number of days."""
    COUNTED = "counted"
    """What its numerator counts: an amount of money, or a number of things."""


TEST_LABELS = {
    ThresholdTest.ABOVE: "above",
    ThresholdTest.BELOW: "below",
    ThresholdTest.CHANGED: "changed by more than",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it is stored: of a value in millionths, of what is counted in its own unit (money in minor units)."""

    test: ThresholdTest
    measured: Measured
    amount: int


Pair = tuple[int, int]
"""Numerator and denominator."""


def number_of(measured: Measured, pair: Pair | None) -> Fraction | None:
    """The number of a figure that is judged; None where the day has none, or nothing to divide by."""
    if pair is None:
        return None
    if measured is Measured.COUNTED:
        return Fraction(pair[0])
    return Fraction(pair[0] * MILLIONTHS, pair[1]) if pair[1] else None


def is_crossed(limit: Limit, now: Pair | None, week_before: Pair | None) -> bool | None:
    """Whether the figure of a day crosses the limit; None where the day, or the one it is compared with, has none."""
    number = number_of(limit.measured, now)
    if number is None:
        return None
    match limit.test:
        case ThresholdTest.ABOVE:
            return number > limit.amount
        case ThresholdTest.BELOW:
            return number < limit.amount
        case ThresholdTest.CHANGED:
            before = number_of(limit.measured, week_before)
            return None if before is None else abs(number - before) > limit.amount


# --- typed and shown ----------------------------------------------------------------------------------------


def read_limit(text: str, definition: Definition, measured: Measured, currency: str) -> int:
    """A limit as a person types it: `12.5 %`, `4.5 days`, `1,000.00`. Invalid, beside the field, where it is none."""
    if measured is Measured.VALUE:
        return _read_value(text, definition)
    if definition.unit is Unit.MONEY:
        try:
            amount = typed_minor(text, currency)
        except BadAmount as problem:
            raise Invalid(str(problem), "limit") from None
    else:
        digits = text.strip().replace(",", "").replace(" ", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
            raise Invalid(f"Enter a whole number of {definition.unit.value}, such as 1,000.", "limit")
        amount = int(digits)
    if amount < 0:
        raise Invalid("A limit is not negative.", "limit")
    return amount


_EXAMPLES = {
    Scale.PERCENT: "a percentage such as 12.5 %",
    Scale.PER_1000: "a number for each thousand such as 2.5",
    Scale.SCORE: "a score such as 3.5",
    Scale.DAYS: "a number of days such as 4.5",
}


def _read_value(text: str, definition: Definition) -> int:
    """Millionths of the value."""
    example = _EXAMPLES[definition.scale]
    plain = text.strip()
    for suffix in ("%", "points", "days", "per 1,000", "per 1000", "of 5"):
        plain = plain.removesuffix(suffix).strip()
    if plain.count(",") == 1 and "." not in plain and len(plain.rpartition(",")[2]) != 3:
        plain = plain.replace(",", ".")  # 12,5 as it is written on the continent
    whole, _, part = plain.replace(",", "").partition(".")
    if not (f"{whole}{part}".isascii() and whole.isdigit() and (part.isdigit() or not part)):
        raise Invalid(f"Enter {example}.", "limit")
    if len(whole) > 6 or len(part) > MOST_DECIMALS:
        raise Invalid(f"Enter {example}, with at most {MOST_DECIMALS} decimals.", "limit")
    scaled = Fraction(int(whole + part), 10 ** len(part)) * MILLIONTHS
    return int(scaled / definition.scale.factor)


def require_judged(definition: Definition, measured: Measured, dimension: str) -> None:
    """Invalid for a figure that cannot be held against a limit in this way."""
    if not definition.is_tile and not dimension:
        raise Invalid(f"{definition.title} reads by its slices only. Choose one.", "dimension")
    if dimension and dimension not in set(Dimension):
        raise Invalid("Figures are not sliced by this. Choose a dimension of the figure.", "dimension")
    counts = definition.scale in (Scale.PERCENT, Scale.PER_1000) and definition.statistic is Statistic.RATIO
    if measured is Measured.COUNTED and not counts:
        raise Invalid(f"{definition.title} counts nothing on its own. Choose the figure itself.", "measured")


def limit_words(limit: Limit, definition: Definition, currency: str, say: Say = str) -> str:
    """A limit in words: `above 12.5 %`, `changed by more than 2 points since a week before`."""
    said = number_words(Fraction(limit.amount), definition, limit.measured, currency, say)
    if (
        limit.test is ThresholdTest.CHANGED
        and limit.measured is Measured.VALUE
        and definition.scale is Scale.PERCENT
    ):
        said = said.replace(" %", f" {say(POINTS)}")
    since = f" {say(SINCE)}" if limit.test is ThresholdTest.CHANGED else ""
    return f"{say(TEST_LABELS[limit.test])} {said}{since}"


POINTS, SINCE = "points", "since a week before"


def number_words(
    number: Fraction, definition: Definition, measured: Measured, currency: str, say: Say = str
) -> str:
    """A judged number as people read it."""
    if measured is Measured.COUNTED:
        if definition.unit is Unit.MONEY:
            code, _, amount = with_code(int(number), currency).partition(" ")
            whole, dot, part = amount.partition(".")
            return f"{code} {int(whole):,}{dot}{part}"
        return f"{int(number):,} {say(definition.unit.value)}"
    return f"{_decimals(number / MILLIONTHS * definition.scale.factor)} {say(UNIT_WORDS[definition.scale])}"


UNIT_WORDS = {Scale.PERCENT: "%", Scale.PER_1000: "per 1,000", Scale.SCORE: "of 5", Scale.DAYS: "days"}


def _decimals(number: Fraction) -> str:
    return f"{float(number):,.{MOST_DECIMALS}f}".rstrip("0").rstrip(".")
