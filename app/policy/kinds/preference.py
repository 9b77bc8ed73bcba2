"""`preference`: no contact at a time or place that does not suit the customer. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.calendars import clock_text, readings
from app.policy.facts import Preference, PreferenceKind
from app.policy.rules import LONGEST_CLEARANCE, Comparison, Question, Rule, RuleTable, compare_more


class PreferenceTable(RuleTable):
    preferences: Annotated[list[Annotated[PreferenceKind, Field(strict=False)]], Field(min_length=1)]

    @model_validator(mode="after")
    def each_is_a_limit(self) -> Self:
        if PreferenceKind.TIMEZONE in self.preferences:
            raise ValueError("preferences: a time zone forbids nothing by itself")
        return self

    def rule(self) -> PreferenceRule:
        return PreferenceRule(**self.shared(), kinds=frozenset(self.preferences))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRule(Rule):
    """No contact at a time or place that the customer told, or that is known, not to suit them."""

    kind: ClassVar[str] = "preference"
    for_stand_ins: ClassVar[bool] = True
    table: ClassVar[type[RuleTable]] = PreferenceTable
    closes: ClassVar[bool] = True

    kinds: frozenset[PreferenceKind]

    def idle(self, asked: Question) -> bool:
        return not asked.facts.preferences

    def closes_at(self, asked: Question) -> datetime:
        """Start of the next inconvenient time, at the latest in two days."""
        latest = asked.at + 2 * LONGEST_CLEARANCE
        begins = [
            readings(zone, day + timedelta(days=ahead), told.start)[0]
            for told in self._concerning(asked)
            if told.kind is PreferenceKind.TIME
            for zone, day in asked.local_days
            for ahead in range(3)
            if not told.weekdays or (day + timedelta(days=ahead)).weekday() in told.weekdays
        ]
        return min((begin for begin in begins if begin > asked.at), default=latest)

    def objections(self, asked: Question) -> Sequence[Reason]:
        found: list[Reason] = []
        for told in self._concerning(asked):
            by_time = told.kind is PreferenceKind.TIME
            found.extend(self._time(told, asked) if by_time else self._place(told, asked))
        return found

    def hour_objections(self, asked: Question) -> Sequence[Reason]:
        times = [told for told in self._concerning(asked) if told.kind is PreferenceKind.TIME]
        return [reason for told in times for reason in self._time(told, asked)]

    def _concerning(self, asked: Question) -> list[Preference]:
        """The preferences for this channel that still bind."""
        return [
            told
            for told in asked.facts.preferences
            if told.kind in self.kinds
            and (not told.channels or asked.contact.channel in told.channels)
            and (told.until is None or asked.at < told.until)
        ]

    def _time(self, told: Preference, asked: Question) -> Sequence[Reason]:
        """The inconvenient span that is on now, where there is one; it lapses at its end."""
        ends = []
        for zone, day in asked.local_days:
            if told.weekdays and day.weekday() not in told.weekdays:
                continue
            # A wall-clock time that occurs twice is read so that in doubt it is inconvenient.
            starts, until = readings(zone, day, told.start)[0], readings(zone, day, told.end)[1]
            if starts <= asked.at < until:
                ends.append(until)
        if not ends:
            return ()
        span = f"{clock_text(told.start)}-{clock_text(told.end)}"
        days = ",".join(calendar.day_abbr[day] for day in told.weekdays) or "any day"
        until = min(max(ends), told.until.astimezone(UTC)) if told.until else max(ends)
        return [
            self._reason(
                f"told us that {span} ({days}) is a time at which they want no contact",
                until,
                span=span,
                weekdays=days,
            )
        ]

    def _place(self, told: Preference, asked: Question) -> Sequence[Reason]:
        if not told.address:  # the channel as a whole
            until = told.until.astimezone(UTC) if told.until else None
            return [
                self._reason("told us that they want no contact in this way", until, preference="channel")
            ]
        if not same_address(told.address, asked.contact.address):
            return ()
        what = (
            "is at their workplace"
            if told.kind is PreferenceKind.WORKPLACE
            else "is where they want no contact"
        )
        until = told.until.astimezone(UTC) if told.until else None
        return [self._reason(f"this number or address {what}", until, preference=told.kind.value)]

    def _spelling(self) -> JsonObject:
        return {"preferences": sorted(self.kinds)}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {"preferences": compare_more(self.kinds, changed.kinds)}


def same_address(told: str, asked: str) -> bool:
    """True if two addresses are one. A postal address is the same in any order of its lines, and with a region that it
    lacked before."""
    if told == asked or "\n" not in told or "\n" not in asked:
        return told == asked
    return set(told.replace("\n", " ").split()) <= set(asked.replace("\n", " ").split())
