"""Reader: how a letter writes the figures of an agreement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from app.outreach.letters.letter import DebtLine, InstalmentLine, RateLine
from app.outreach.letters.locales import format_amount, format_date, format_rate

Value = str | tuple[InstalmentLine, ...] | tuple[DebtLine, ...] | tuple[RateLine, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Formats of the letter's figures."""

    language: str
    currency: str

    def money(self, minor: int) -> str:
        return format_amount(minor, self.currency, self.language)

    def money_if_any(self, minor: int) -> str:
        return self.money(minor) if minor else ""

    def day(self, day: date) -> str:
        return format_date(day, self.language)

    def rate(self, apr_millionths: int) -> str:
        return format_rate(apr_millionths, self.language)
