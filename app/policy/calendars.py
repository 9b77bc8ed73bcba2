"""Local days, wall clocks and public holidays, as rules count them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month"]

DAY = timedelta(days=1)


def calendar_period(period: Period, day: date) -> tuple[date, date]:
    """The first day of the calendar day, week or month that `day` is in, and the first day after it."""
    if period == "day":
        return day, day + DAY
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone, or None for a name that is not one (zoneinfo has several ways of saying so)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=65_536)
def readings(zone: ZoneInfo, day: date, minute: int) -> tuple[datetime, datetime]:
    """The (earlier, later) UTC instants that a wall-clock minute of a local day can mean; usually the same."""
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    first, second = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return min(first, second), max(first, second)


@lru_cache(maxsize=65_536)
def midnight(zone: ZoneInfo, day: date) -> datetime:
    """The first instant (UTC) of a local day, also where clocks change at midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def begins(day: date, zones: Iterable[str]) -> datetime:
    """The instant from which it is `day` in all these zones."""
    known = [zone for zone in map(zone_named, zones) if zone is not None]
    return max(
        (midnight(zone, day) for zone in known), default=datetime(day.year, day.month, day.day, tzinfo=UTC)
    )


def clock_text(minute: int) -> str:
    """Minutes after midnight as HH:MM; 1440 is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays on which hours are closed: a country's from the `holidays` library, and days made equal."""

    country: str
    """ISO 3166-1 alpha-2."""
    subdivision: str = ""
    """As the library names it; '' = only the holidays of the whole country."""
    categories: tuple[str, ...] = ("public",)
    equated: frozenset[date] = frozenset()
    """Days that a decree makes equal to a holiday."""
    equated_until: date | None = None
    """Last day for which `equated` is known; None = it does not run out."""

    def name_of(self, day: date) -> str:
        """The holiday on that day, in English where the library has it; '' = an ordinary day."""
        if day in self.equated:
            return "equated by decree"
        return _of_year(self.country, self.subdivision, self.categories, day.year).get(day, "")

    def problem(self) -> str:
        """'' if the library has such a calendar, else the fault as a sentence."""
        try:
            _of_year(self.country, self.subdivision, self.categories, 2026)
        except (NotImplementedError, ValueError) as error:
            return str(error)
        return ""


@lru_cache(maxsize=512)
def public_holidays(country: str, first: date, last: date) -> frozenset[date]:
    """The public holidays of a whole country between two days; none where the library does not know the country."""
    if not country or Holidays(country).problem():
        return frozenset()
    years = range(first.year, last.year + 1)
    named = (_of_year(country, "", ("public",), year) for year in years)
    return frozenset(day for listed in named for day in listed if first <= day <= last)


def nth_business_day(after: date, days: int, country: str) -> date:
    """The business day that is so many business days after a day: no Saturday, Sunday or public holiday of the whole
    country. Where the library does not know the country, only weekends are left out."""
    holidays = Holidays(country) if country and not Holidays(country).problem() else None
    on = after
    while days:
        on += DAY
        if on.weekday() < 5 and not (holidays and holidays.name_of(on)):
            days -= 1
    return on


@lru_cache(maxsize=512)
def _of_year(country: str, subdivision: str, categories: tuple[str, ...], year: int) -> dict[date, str]:
    """Read once for each calendar and year: the library's own look-up is slow and grows on being asked."""
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
