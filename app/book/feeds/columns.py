"""Columnar readers: they read whole columns at once, and only the cells that are beyond doubt.

Each reader gives the typed column and, for each row, whether it is *sure*: whether the exact reader of the same field
(`fields.py`, `layouts.py`) would certainly give the same value. A doubtful row costs only time: the exact reader takes
it. So a pattern here may be narrower than the exact reader, never wider.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from functools import cache

import phonenumbers
import polars as pl
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from phonenumbers import PhoneMetadata

from app.book.customers.people import whole_postcode
from app.book.ledger.rules import EITHER_WAY, LOWERING
from app.book.portfolios.models import Portfolio
from app.core.card_numbers import FIRST_DIGITS
from app.core.money import exponent

ODD = r"[\p{C}\p{Z}\p{Nd}&&[^ 0-9]]|^ | $|[0-9](?:[^0-9A-Za-z]{0,8}[0-9]){12}"
"""Control and format characters, spaces other than the plain one, digits of other scripts; a space at an end; or
thirteen digits in a row or in groups, which may be a card number."""

ONE_NUMBER = r"^[!-/:-~]*([0-9]{13,17})$"
"""A number of eighteen digits and more may begin with a card number of sixteen, with more digits run on behind it."""
LONGER_THAN_A_CARD = r"^[!-/:-~]*[0-9]{29,}$"
CARD_STARTS = sorted(FIRST_DIGITS)

ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
FIRST_DATE, LAST_DATE = date(1950, 1, 1), date(2199, 12, 31)

RATE = r"^[0-9](?:\.[0-9]{1,6})?$"
MOBILE = r"^\+[1-9][0-9]{6,14}$"
NOT_NORMAL = r"[^ -~]|  "
"""Characters that the normal form of a reference may change (`app/book/ledger/references.py`)."""

REWRITTEN = r"\.0+$|[eE]\+[0-9]"
ONE_DIGIT = rf"^\+(?:{'|'.join(f'{digit}+' for digit in range(10))})$"
EMAIL = r"^[a-z0-9]+(?:[._-][a-z0-9]+)*@(?:[a-z0-9]{1,30}(?:-[a-z0-9]{1,30})?\.)+[a-z]{2,24}$"
SPECIAL_DOMAIN = rf"(?:^|[@.])(?:{'|'.join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))})$"


def clean(texts: pl.Series) -> pl.Series:
    """Return where a cell passes the checks of every cell of every feed and has no space at its ends."""
    is_clean = ~texts.str.contains(ODD)
    doubtful = is_clean.not_().arg_true()
    if doubtful.len():
        # References are often long numbers: where a cell is one of them and nothing else, the check digit decides.
        is_clean = is_clean.scatter(doubtful, _is_other_number(texts.gather(doubtful)))
    return is_clean


def _is_other_number(texts: pl.Series) -> pl.Series:
    """Return where a text is a long number, perhaps after a prefix, that is certainly no card number."""
    numbers = texts.str.extract(ONE_NUMBER)
    no_card = ~numbers.str.slice(0, 1).is_in(CARD_STARTS) | ~_passes_luhn(numbers)
    return no_card.fill_null(False) | texts.str.contains(LONGER_THAN_A_CARD)


def _passes_luhn(numbers: pl.Series) -> pl.Series:
    """ISO/IEC 7812-1 check digit of decimal strings of at most 19 digits, which fit 64 bits."""
    left = numbers.cast(pl.UInt64)
    total = pl.zeros(left.len(), dtype=pl.UInt64, eager=True)
    for position in range(19):
        digit = left % 10
        left = left // 10
        if position % 2:
            digit = digit * 2 - 9 * (digit > 4).cast(pl.UInt64)
        total = total + digit
    return total % 10 == 0


class Columns:
    """Typed columns of one block as they are read: `values` by name, and `sure` for each row.

    `texts` has our columns as text. Each method reads one of them, adds the typed column under `name`, and returns
    it. A column that the file lacks reads as if every cell were empty.
    """

    def __init__(self, texts: pl.DataFrame, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.values: dict[str, pl.Series] = {}
        self.sure = pl.repeat(True, texts.height, dtype=pl.Boolean, eager=True)
        self._texts = texts

    def sure_where(self, condition: pl.Series) -> None:
        self.sure = self.sure & condition.fill_null(False)

    def text(self, column: str, limit: int, *, required: bool = True, name: str = "") -> pl.Series:
        texts = self._cells(column)
        if column in self._texts.columns:
            # In bytes, of which there are at least as many as characters.
            size = texts.str.len_bytes()
            self.sure_where(clean(texts) & size.is_between(1 if required else 0, limit))
        return self._keep(name or column, texts)

    def reference(self, column: str, limit: int, *, name: str = "") -> pl.Series:
        """Read identifiers as `cells.reference_cell` does; one that a spreadsheet may have rewritten is not sure."""
        texts = self.text(column, limit, name=name)
        self.sure_where(~texts.str.contains(REWRITTEN) & ~texts.str.contains(NOT_NORMAL))
        return texts

    def postcode(self, column: str, country: str, limit: int) -> pl.Series:
        texts = self.text(column, limit, required=False)
        countries = self._cells(country)
        is_sure = texts == ""
        for code in countries.unique().to_list():
            is_sure = is_sure | ((countries == code) & texts.str.contains(whole_postcode(code)))
        self.sure_where(is_sure)
        return texts

    def missing_is_none(self, column: str) -> None:
        """Make the values of a column that the file lacks None: it says nothing, unlike an empty cell."""
        if column not in self._texts.columns:
            self._keep(column, pl.repeat(None, self.sure.len(), dtype=pl.String, eager=True))

    def matching(self, column: str, pattern: str) -> pl.Series:
        texts = self._cells(column)
        self.sure_where(texts.str.contains(pattern))
        return self._keep(column, texts)

    def one_of(self, column: str, allowed: Collection[str], *, keep: bool = True) -> pl.Series:
        texts = self._cells(column)
        self.sure_where(texts.is_in(list(allowed)))
        return self._keep(column, texts) if keep else texts

    def date(self, column: str, *, required: bool = True, name: str = "") -> pl.Series:
        texts = self._cells(column)
        dates = texts.str.to_date("%Y-%m-%d", strict=False)
        # The pattern too, because a date parser forgives signs and spaces.
        is_date = texts.str.contains(ISO_DATE) & dates.is_between(FIRST_DATE, LAST_DATE).fill_null(False)
        self.sure_where(is_date if required else is_date | (texts == ""))
        return self._keep(name or column, dates)

    def amount(self, column: str) -> pl.Series:
        """Minor units; kept as `<column>_minor`, of which a minimum_due becomes minimum_due_minor."""
        texts, decimals = self._cells(column), exponent(self.portfolio.currency)
        # At most twelve digits, so that no amount can be a card number either.
        part = rf"(?:\.[0-9]{{1,{decimals}}})?" if decimals else ""
        self.sure_where(texts.str.contains(rf"^-?[0-9]{{1,{12 - decimals}}}{part}$"))
        minor = texts.cast(pl.Decimal(20, decimals), strict=False).to_physical().cast(pl.Int64, strict=False)
        return self._keep(f"{column}_minor", minor)

    def signed_amount(self, kinds: pl.Series, amounts: pl.Series) -> None:
        """Ledger sign of feed amounts, as `app.book.ledger.rules.signed`; kept in the place of the amounts."""
        self.sure_where((amounts >= 0) | kinds.is_in([kind.value for kind in EITHER_WAY]))
        lowers = kinds.is_in([kind.value for kind in LOWERING])
        self._keep(amounts.name, pl.select(pl.when(lowers).then(-amounts).otherwise(amounts)).to_series())

    def rate(self, column: str, *, name: str) -> pl.Series:
        """Read a rate as millionths; an empty cell is no rate."""
        texts = self._cells(column)
        texts = texts.set(texts == "", "0")
        self.sure_where(texts.str.contains(RATE))
        rates = texts.cast(pl.Decimal(20, 6), strict=False).to_physical().cast(pl.Int64, strict=False)
        return self._keep(name, rates)

    def mobile(self, column: str) -> pl.Series:
        """Read telephone numbers; sure where they are E.164 already and normalising would change nothing."""
        texts = self._cells(column)
        is_sure = texts == ""
        plain = texts.str.contains(MOBILE) & clean(texts) & ~texts.str.contains(ONE_DIGIT)
        code = texts.str.extract(_calling_codes())
        for calling_code in code.filter(plain).unique().drop_nulls().to_list():
            is_sure = is_sure | (plain & (code == calling_code) & _stays_as_it_is(texts, calling_code))
        self.sure_where(is_sure)
        return self._keep(column, texts)

    def email(self, column: str) -> pl.Series:
        texts = self._cells(column)
        plain = texts.str.contains(EMAIL) & (texts.str.len_bytes() <= 64) & clean(texts)
        self.sure_where((texts == "") | (plain & ~texts.str.contains(SPECIAL_DOMAIN)))
        return self._keep(column, texts)

    def constant(self, name: str, value: str) -> None:
        self._keep(name, pl.repeat(value, self.sure.len(), dtype=pl.String, eager=True))

    def negate(self, name: str) -> None:
        self._keep(name, -self.values[name])

    def empty_is_none(self, name: str) -> None:
        texts = self.values[name]
        self._keep(name, texts.set(texts == "", None))

    def _cells(self, column: str) -> pl.Series:
        if column in self._texts.columns:
            return self._texts[column]
        return pl.repeat("", self._texts.height, dtype=pl.String, eager=True)

    def _keep(self, name: str, values: pl.Series) -> pl.Series:
        self.values[name] = values.alias(name)
        return self.values[name]


# --- telephone numbers ----------------------------------------------------------------------------------------


@cache
def _calling_codes() -> str:
    """No calling code begins another (ITU-T E.164), so a number has one at most."""
    codes = sorted(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
    return rf"^\+({'|'.join(codes)})"


def _stays_as_it_is(texts: pl.Series, calling_code: str) -> pl.Series:
    """Mark the E.164 numbers that normalising under this calling code would not change: of a possible length, and
    without a possible national prefix at the start."""
    region = phonenumbers.region_code_for_country_code(int(calling_code))
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return pl.repeat(False, texts.len(), dtype=pl.Boolean, eager=True)
    national = texts.str.slice(1 + len(calling_code))
    lengths = [length for length in metadata.general_desc.possible_length if length > 0]
    stays = national.str.len_bytes().is_in(lengths) & ~national.str.starts_with("0")
    if prefix := metadata.national_prefix_for_parsing:
        stays = stays & ~national.str.contains(rf"^(?:{prefix})")
    return stays
