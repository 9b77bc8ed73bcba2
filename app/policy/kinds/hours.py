"""`hours`: contact only at certain hours of the customer's local clock, on certain weekdays, not on holidays. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.calendars import Holidays, clock_text, readings
from app.policy.rules import HORIZON, LONGEST_CLEARANCE, Comparison, Question, Rule, RuleTable
from app.policy.schema import WEEKDAYS, CountryCode, Table, Text, TimeOfDay, Weekday

Week = tuple[tuple[tuple[int, int], ...], ...]
"""Monday to Sunday; each day its open intervals as (from, to) minutes after local midnight, `to` exclusive."""

_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class _Open(Table):
    weekdays: Annotated[list[Weekday], Field(min_length=1)] = list(WEEKDAYS)
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def opens_before_it_closes(self) -> Self:
        if self.start >= self.end:
            raise ValueError("'from' must be before 'to'; write a night as two intervals, one to 24:00")
        return self


class _Holidays(Table):
    country: CountryCode
    subdivision: str = ""
    categories: Annotated[list[Text], Field(min_length=1)] = ["public"]
    equated: list[date] = []
    equated_until: date | None = None

    @model_validator(mode="after")
    def equated_days_are_known(self) -> Self:
        if self.equated_until and any(day > self.equated_until for day in self.equated):
            raise ValueError("equated: a day is after equated_until")
        return self

    def holidays(self) -> Holidays:
        days = frozenset(self.equated)
        return Holidays(self.country, self.subdivision, tuple(self.categories), days, self.equated_until)


class HoursTable(RuleTable):
    open: Annotated[list[_Open], Field(min_length=1)]
    holidays: _Holidays | None = None

    @model_validator(mode="after")
    def intervals_apart(self) -> Self:
        for name, spans in zip(WEEKDAYS, self.week(), strict=True):
            if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
                raise ValueError(f"open: intervals overlap on {name}")
        return self

    def week(self) -> Week:
        return tuple(
            tuple(sorted((span.start, span.end) for span in self.open if name in span.weekdays))
            for name in WEEKDAYS
        )

    def rule(self) -> HoursRule:
        closed = self.holidays.holidays() if self.holidays else None
        return HoursRule(**self.shared(), week=self.week(), holidays=closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRule(Rule):
    """Contact only within these hours of the customer's local wall clock, in every zone they may be in."""

    kind: ClassVar[str] = "hours"
    for_stand_ins: ClassVar[bool] = True
    table: ClassVar[type[RuleTable]] = HoursTable
    closes: ClassVar[bool] = True

    week: Week
    holidays: Holidays | None = None
    """Days on which it is closed, on any weekday."""

    def objections(self, asked: Question) -> Sequence[Reason]:
        for zone, day in asked.local_days:
            if self._interval(zone, day, asked.at) is None:
                return self._shut(asked)
        return ()

    def hour_objections(self, asked: Question) -> Sequence[Reason]:
        return self.objections(asked)

    def closes_at(self, asked: Question) -> datetime:
        """The earliest end, over the zones, of the interval that is open now."""
        open_now = (self._interval(zone, day, asked.at) for zone, day in asked.local_days)
        return min((interval[1] for interval in open_now if interval), default=asked.at + LONGEST_CLEARANCE)

    def _shut(self, asked: Question) -> Sequence[Reason]:
        days = asked.local_days
        shut = [(zone, day) for zone, day in days if self._interval(zone, day, asked.at) is None]
        clocks = [f"{_weekday_and_clock(asked.at.astimezone(zone))} in {zone.key}" for zone, _ in shut]
        zones = [zone for zone, _ in days]
        permitted = {zone.key: self._spelled(day) for zone, day in shut}
        detail = (
            f"it is {', '.join(clocks)}; permitted that day: {', '.join(sorted(set(permitted.values())))}"
        )
        until = self._next_open_everywhere(zones, asked.at)
        return [self._reason(detail, until, permitted=permitted)]

    def _interval(self, zone: ZoneInfo, day: date, at: datetime) -> tuple[datetime, datetime] | None:
        for start, end in self._spans(day):
            # A wall-clock time that occurs twice, or never, is read so that in doubt the desk is closed.
            opens, closes = readings(zone, day, start)[1], readings(zone, day, end)[0]
            if opens <= at < closes:
                return opens, closes
        return None

    def _next_open_everywhere(self, zones: Sequence[ZoneInfo], at: datetime) -> datetime | None:
        """First instant from `at` on at which all zones are open; None if there is none within HORIZON."""
        candidate = at
        while candidate <= at + HORIZON:
            latest = candidate
            for zone in zones:
                opening = self._next_open(zone, latest)
                if opening is None:
                    return None
                latest = opening
            if latest == candidate:
                return candidate
            candidate = latest
        return None

    def _next_open(self, zone: ZoneInfo, at: datetime) -> datetime | None:
        today = at.astimezone(zone).date()
        # A week, a day for an interval that a clock change swallowed, and as many for holidays in a row.
        for ahead in range(18):
            day = today + timedelta(days=ahead)
            for start, end in self._spans(day):
                opens, closes = readings(zone, day, start)[1], readings(zone, day, end)[0]
                if at < closes and opens < closes:
                    return max(at, opens)
        return None

    def _spans(self, day: date) -> tuple[tuple[int, int], ...]:
        spans = self.week[day.weekday()]
        if spans and self.holidays is not None and self.holidays.name_of(day):
            return ()
        return spans

    def _spelled(self, day: date) -> str:
        spans = [f"{clock_text(start)}-{clock_text(end)}" for start, end in self._spans(day)]
        holiday = self.holidays.name_of(day) if self.holidays else ""
        return " and ".join(spans) or (f"not at all ({holiday})" if holiday else "not at all")

    def problem(self) -> tuple[str, str] | None:
        missing = self.holidays.problem() if self.holidays else ""
        return ("holidays", missing) if missing else None

    def _spelling(self) -> JsonObject:
        spelled: JsonObject = {
            "open": [
                {"weekdays": [name], "from": clock_text(start), "to": clock_text(end)}
                for name, spans in zip(WEEKDAYS, self.week, strict=True)
                for start, end in spans
            ]
        }
        if self.holidays is not None:
            spelled["holidays"] = {
                "country": self.holidays.country,
                "subdivision": self.holidays.subdivision,
                "categories": list(self.holidays.categories),
                "equated": sorted(self.holidays.equated),
            }
            if self.holidays.equated_until is not None:
                spelled["holidays"]["equated_until"] = self.holidays.equated_until
        return spelled

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        closed = _as_many_holidays(self.holidays, changed.holidays)
        return {
            "open": Comparison(self.week, changed.week, _is_within(self.week, changed.week)),
            "holidays": Comparison(self.holidays, changed.holidays, closed),
        }


def _weekday_and_clock(at: datetime) -> str:
    return f"{_DAY_NAMES[at.weekday()]} {at.hour:02}:{at.minute:02}"


def _is_within(was: Week, now: Week) -> bool:
    """True if every minute open now was open before."""
    return all(
        any(first <= start and end <= last for first, last in old)
        for old, new in zip(was, now, strict=True)
        for start, end in new
    )


def _as_many_holidays(was: Holidays | None, now: Holidays | None) -> bool:
    if was is None:
        return True
    if now is None:
        return False
    same_calendar = (was.country, was.subdivision) == (now.country, now.subdivision)
    more_categories = set(was.categories) <= set(now.categories)
    return same_calendar and more_categories and was.equated <= now.equated
