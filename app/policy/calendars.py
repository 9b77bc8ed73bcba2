"""Public holidays as packs name them: a country's from the `holidays` library, and days made equal to them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Holidays:
    country: str
    """ISO 3166-1 alpha-2."""
    subdivision: str = ""
    """As the library names it; '' = only what is a holiday in the whole country."""
    categories: tuple[str, ...] = ("public",)
    equated: frozenset[date] = frozenset()
    """Days that a decree makes equal to a holiday."""

    def name_of(self, day: date) -> str:
        """What is celebrated that day, in English where the library has it; '' = an ordinary day."""
        if day in self.equated:
            return "equated by decree"
        return _of_year(self.country, self.subdivision, self.categories, day.year).get(day, "")


@lru_cache(maxsize=512)
def _of_year(country: str, subdivision: str, categories: tuple[str, ...], year: int) -> dict[date, str]:
    """Read once a year of each calendar: the library's own look-up is slow and grows on being asked."""
    import holidays  # most of a second, and only where a pack closes on holidays

    listed = holidays.country_holidays(
        country,
        subdiv=subdivision or None,
        years=year,
        categories=categories,
        language=next((one for one in ("en_US", "en_GB") if one in _languages(country)), None),
    )
    return dict(listed.items())


def _languages(country: str) -> tuple[str, ...]:
    import holidays

    spoken: tuple[str, ...] = holidays.country_holidays(country).supported_languages
    return spoken


def missing(calendar: Holidays) -> str:
    """'' if the library has such a calendar, else what is wrong with it."""
    try:
        _of_year(calendar.country, calendar.subdivision, calendar.categories, 2026)
    except (NotImplementedError, ValueError) as error:
        return str(error)
    return ""
