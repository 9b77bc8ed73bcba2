"""The lines of a trend: a figure of a portfolio or of slices, day by day, beside an earlier period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from babel import Locale
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.dates import add_months
from app.core.errors import Invalid
from app.core.ids import id_of
from app.http.formats import day_words
from app.http.interface import words_of
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.queries import snapshots
from app.reporting.kpis.rules import Definition

MOST_LINES = 6
LONGEST = 400
"""Days of a range."""


class Period(StrEnum):
    """The earlier period that is drawn beside the chosen one."""

    NONE = ""
    BEFORE = "before"
    """The same number of days, right before."""
    YEAR = "year"
    """The same days a year before."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure of one day; money in minor units."""

    on: date
    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a reading for each day of the range, None for a day without one."""

    name: str
    readings: Sequence[Reading | None]

    @property
    def values(self) -> list[float | None]:
        return [reading.value if reading else None for reading in self.readings]


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure, a slice, and the days asked for. With a dimension and no member every member has a line."""

    portfolio: Portfolio
    definition: Definition
    first_on: date
    last_on: date
    dimension: str = ""
    member: str | None = None
    period: Period = Period.NONE

    @property
    def days(self) -> list[date]:
        return [self.first_on + timedelta(days=n) for n in range((self.last_on - self.first_on).days + 1)]


def check_range(first_on: date, last_on: date, first_closed: date, last_closed: date) -> None:
    """Invalid with a sentence for a range that has no figures or is too long."""
    if first_on > last_on:
        raise Invalid(
            f"The range begins on {first_on}, after its end on {last_on}. Swap the two days.", "first"
        )
    if last_on < first_closed:
        raise Invalid(
            f"The first closed day is {first_closed}: there are no figures up to {last_on}.", "last"
        )
    if first_on > last_closed:
        raise Invalid(
            f"The last closed day is {last_closed}: there are no figures from {first_on} on.", "first"
        )
    if (last_on - first_on).days >= LONGEST:
        raise Invalid(f"A range has at most {LONGEST} days.", "first")


def lines_of(session: Session, asked: Asked, locale: Locale) -> tuple[list[Line], int]:
    """The lines, and how many members have none because there are more than fit a chart: those that count most on the
    last day are drawn. A single line has its earlier period beside it."""
    found = _readings(session, asked, asked.first_on, asked.last_on)
    if asked.dimension and asked.member is None:
        ranked = sorted(found, key=lambda member: -max(each.denominator for each in found[member].values()))
        drawn = sorted(ranked[:MOST_LINES])
        nobody = words_of(locale).ugettext("none")
        lines = [_line(member or nobody, found[member], asked.days) for member in drawn]
        return lines, len(ranked) - len(drawn)
    member = asked.member or ""
    lines = [_line(_range(asked.days, locale), found.get(member, {}), asked.days)]
    if asked.period is not Period.NONE:
        days = [_earlier(day, asked) for day in asked.days]
        earlier = _readings(session, asked, days[0], days[-1]).get(member, {})
        lines.append(_line(_range(days, locale), earlier, days))
    return lines, 0


def _range(days: Sequence[date], locale: Locale) -> str:
    return f"{day_words(days[0], locale)} – {day_words(days[-1], locale)}"


def _earlier(day: date, asked: Asked) -> date:
    return add_months(day, -12) if asked.period is Period.YEAR else day - timedelta(days=len(asked.days))


Readings = dict[str, dict[date, Reading]]
"""By member and day."""


def _readings(session: Session, asked: Asked, first_on: date, last_on: date) -> Readings:
    found: Readings = {}
    for row in _rows(session, asked, first_on, last_on):
        reading = Reading(row.business_date, row.numerator, row.denominator)
        found.setdefault(row.member, {})[row.business_date] = reading
    return found


def _rows(session: Session, asked: Asked, first_on: date, last_on: date) -> list[KpiSnapshot]:
    names = [asked.definition.name]
    return snapshots(session, id_of(asked.portfolio), first_on, last_on, names, dimension=asked.dimension)


def _line(name: str, readings: dict[date, Reading], days: Sequence[date]) -> Line:
    return Line(name, [readings.get(day) for day in days])
