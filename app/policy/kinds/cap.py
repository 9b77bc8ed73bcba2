"""`cap`: at most so many contacts in a window. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.core.labels import CHANNEL_LABELS, CHANNEL_PLURALS, in_sentence
from app.core.types import JsonObject
from app.core.vocabulary import Channel
from app.policy.answers import Reason
from app.policy.calendars import DAY, Period, calendar_period, midnight
from app.policy.facts import ContactResult
from app.policy.rules import (
    Comparison,
    FactsNeeded,
    Question,
    Rule,
    RuleTable,
    call_was_asked_for,
    compare_exception,
)

Per = Literal["person", "debt", "account", "number"]
_PER_DEBT = ("debt", "account")
_WINDOWS = ("window_days", "window_hours", "calendar")


class Counted(StrEnum):
    """Past contacts that a cap counts; each of the first three includes the stronger results."""

    ATTEMPTED = "attempted"
    PLACED = "placed"
    ANSWERED = "answered"
    MADE = "made"
    """Contacts that reached a person: every written message, and calls that were answered."""


_PLACED = frozenset({ContactResult.PLACED, ContactResult.ANSWERED})
_ANSWERED = frozenset({ContactResult.ANSWERED})
_COUNTS: Mapping[Counted, Mapping[Channel, frozenset[ContactResult]]] = {
    Counted.ATTEMPTED: {channel: frozenset(ContactResult) for channel in Channel},
    Counted.PLACED: {channel: _PLACED for channel in Channel},
    Counted.ANSWERED: {channel: _ANSWERED for channel in Channel},
    Counted.MADE: {channel: frozenset(ContactResult) for channel in Channel} | {Channel.CALL: _ANSWERED},
}
_COVERED: Mapping[Counted, frozenset[Counted]] = {
    Counted.ANSWERED: frozenset({Counted.ANSWERED}),
    Counted.MADE: frozenset({Counted.MADE, Counted.ANSWERED}),
    Counted.PLACED: frozenset({Counted.PLACED, Counted.ANSWERED}),
    Counted.ATTEMPTED: frozenset(Counted),
}
"""The result a cap counts -> the results that count with it."""

_CALENDAR_DAYS: Mapping[Period, int] = {"day": 1, "week": 7, "month": 31}
_LOCAL_SLACK = 2
"""Days by which a window of local days may reach further back than as many times 24 hours, and more."""
_TICK = timedelta(microseconds=1)
_days = cache(timedelta)


class CapTable(RuleTable):
    most: Annotated[int, Field(ge=1)]
    counts: Annotated[Counted, Field(strict=False)]
    per: Per = "person"
    window_days: Annotated[int, Field(ge=1, le=366)] | None = None
    window_hours: Annotated[int, Field(ge=1, le=8784)] | None = None
    calendar: Period | None = None
    but_asked_for: bool = False

    @model_validator(mode="after")
    def one_window(self) -> Self:
        if (self.window_days, self.window_hours, self.calendar).count(None) != 2:
            raise ValueError("give one of window_days, window_hours, calendar")
        return self

    def rule(self) -> CapRule:
        return CapRule(
            **self.shared(),
            most=self.most,
            counts=self.counts,
            per=self.per,
            window_days=self.window_days,
            window_hours=self.window_hours,
            calendar=self.calendar,
            but_asked_for=self.but_asked_for,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule(Rule):
    """At most `most` contacts over all its channels within any window, past and reserved ones together.

    `window_days` are consecutive local calendar days, the day judged included: 1 is a calendar day, and 7 is
    what Regulation F means by "seven consecutive days" (12 CFR 1006.14(b)(2)). With several possible zones
    the one with the fullest window decides. `window_hours` rolls by the clock; `calendar` is the local day, week
    (from Monday) or month itself. Exactly one of the three is set.
    Purposes say which contacts the cap stops; every past contact of ours counts, for any purpose. A call from the
    customer does not.
    """

    kind: ClassVar[str] = "cap"
    for_stand_ins: ClassVar[bool] = True
    table: ClassVar[type[RuleTable]] = CapTable

    most: int
    counts: Counted
    per: Per = "person"
    window_days: int | None = None
    window_hours: int | None = None
    calendar: Period | None = None
    but_asked_for: bool = False
    """A call that the customer asked for is not stopped."""

    @property
    def window_in_days(self) -> int:
        if self.calendar is not None:
            return _CALENDAR_DAYS[self.calendar]
        return self.window_days or -(-(self.window_hours or 0) // 24)

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(history_days=self.window_in_days)

    def objections(self, asked: Question) -> Sequence[Reason]:
        history = asked.facts.history
        if len(history) < self.most:
            return ()  # of most people we know fewer contacts than any window may hold
        if self.most and history[-self.most].at < asked.at - _days(self.window_in_days + _LOCAL_SLACK):
            return ()  # too few contacts, of any result, are young enough for any window
        if self.but_asked_for and call_was_asked_for(asked):
            return ()
        full = list(self._full_windows(asked))
        if not full:
            return ()
        until, used, window = max(full)
        detail = limit_words(self.most, self.counts, self.channels, self.per, self._window_words())
        return [self._reason(detail, until, used=used, most=self.most, window=window)]

    def _window_words(self) -> str:
        if self.calendar is not None:
            return f"in a calendar {self.calendar}"
        if self.window_hours is not None:
            return f"in {self.window_hours} hours" if self.window_hours > 1 else "in an hour"
        return f"in {self.window_days} days" if self.window_days != 1 else "in a calendar day"

    def _full_windows(self, asked: Question) -> Iterator[tuple[datetime, int, str]]:
        """For each window that holds `most` or more: when it has room again, how many it holds, its name.

        A contact reserved for later counts as if it were made: no window that holds both may overflow.
        """
        if self.window_hours is not None:
            length = timedelta(hours=self.window_hours)
            # Exactly `window_hours` after a contact there is room again.
            counted = self._newest_first(asked, asked.at - length + _TICK, asked.at + length)
            if len(counted) >= self.most:
                yield (
                    counted[self.most - 1].astimezone(UTC) + length,
                    len(counted),
                    f"{self.window_hours} hours",
                )
        elif self.window_days is not None:
            length = _days(self.window_days)
            name = "a calendar day" if self.window_days == 1 else f"{self.window_days} consecutive days"
            for zone, today in asked.local_days:
                start, end = midnight(zone, today - length + DAY), midnight(zone, today + length)
                counted = self._newest_first(asked, start, end)
                if len(counted) >= self.most:
                    leaving = counted[self.most - 1].astimezone(zone).date()
                    yield midnight(zone, leaving + length), len(counted), f"{name} ({zone.key})"
        elif self.calendar is not None:
            for zone, today in asked.local_days:
                first, following = calendar_period(self.calendar, today)
                counted = self._newest_first(asked, midnight(zone, first), midnight(zone, following))
                if len(counted) >= self.most:
                    yield midnight(zone, following), len(counted), f"a calendar {self.calendar} ({zone.key})"

    def _newest_first(self, asked: Question, start: datetime, end: datetime) -> list[datetime]:
        """Instants of the contacts that count in [start, end)."""
        counting = _COUNTS[self.counts]
        number = asked.contact.address if self.per == "number" else None
        debt = asked.contact.account if self.per in _PER_DEBT else ""
        found = []
        for past in reversed(asked.facts.history):
            if past.at < start:
                break
            if (
                past.at < end
                and not past.inbound
                and past.channel in self.channels
                and past.result in counting[past.channel]
                and (number is None or past.address == number)
                and (not debt or not past.account or past.account == debt)
            ):
                found.append(past.at)
        return found

    def _spelling(self) -> JsonObject:
        window = {name: getattr(self, name) for name in _WINDOWS if getattr(self, name) is not None}
        asked_for = {"but_asked_for": True} if self.but_asked_for else {}
        return {"most": self.most, "counts": str(self.counts), "per": self.per, **window, **asked_for}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "most": Comparison(self.most, changed.most, changed.most <= self.most),
            "counts": Comparison(self.counts, changed.counts, self.counts in _COVERED[changed.counts]),
            "per": Comparison(self.per, changed.per, changed.per in (self.per, "person")),
            **{name: _as_long(getattr(self, name), getattr(changed, name)) for name in _WINDOWS},
            "but_asked_for": compare_exception(self.but_asked_for, changed.but_asked_for),
        }


def _as_long(was: int | str | None, now: int | str | None) -> Comparison:
    longer = isinstance(was, int) and isinstance(now, int) and now > was
    return Comparison(was, now, was == now or longer)


# --- in words ---

ONE: Mapping[Channel, str] = {
    channel: in_sentence(CHANNEL_LABELS[channel])
    for channel in (Channel.CALL, Channel.SMS, Channel.EMAIL, Channel.POST)
}
MANY: Mapping[Channel, str] = {
    channel: in_sentence(CHANNEL_PLURALS[channel])
    for channel in (Channel.CALL, Channel.EMAIL, Channel.POST, Channel.SMS)
}
CALLS: Mapping[str, str] = {"attempted": "call attempt", "answered": "answered call", "made": "answered call"}
"""Calls alone, by what the cap counts; `placed` is a call like any other."""
TO: Mapping[str, str] = {
    "debt": " about this debt",
    "account": " about this account",
    "number": " to this number",
}


def limit_words(most: int, counts: str, channels: Collection[Channel], per: str, window: str) -> str:
    """`Limit reached: 3 contacts in 7 days (calls, e-mails, letters and SMS together)`. `window` is `in 7 days`."""
    names = [name for channel, name in (ONE if most == 1 else MANY).items() if channel in channels]
    return f"Limit reached: {most} {_contacts(most, counts, channels)}{TO.get(per, '')} {window}{_together(names)}"


def _contacts(most: int, counts: str, channels: Collection[Channel]) -> str:
    if len(channels) == 1:
        (channel,) = channels
        if channel is not Channel.CALL:
            return (ONE if most == 1 else MANY)[channel]
        one = CALLS.get(counts, ONE[channel])
    else:
        one = "contact" if Channel.CALL in channels else "written message"
    return one if most == 1 else f"{one}s"


def _together(names: list[str]) -> str:
    if len(names) < 2:
        return ""
    return f" ({', '.join(names[:-1])} and {names[-1]} together)"
