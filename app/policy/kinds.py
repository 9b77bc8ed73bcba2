"""Rule kinds about what the customer told us, notices that must come first, words, and old debts. Pure.

Each is a `Rule` of rules.py and is spelt in packfile.py. `suit_objections` asks those of them that bind what comes
after all contacts: handing the debt to a court.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Literal

from app.core.vocabulary import Channel, Purpose
from app.policy.rules import (
    LONGEST_CLEARANCE,
    Contact,
    Facts,
    Pack,
    Preference,
    PreferenceKind,
    Question,
    Reason,
    Rule,
    ask,
    midnight,
    readings,
)

SUIT_BLOCK = "legal_action"
"""The block with which a letter says that the debt may go to court."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRule(Rule):
    """No contact at a time or place that the customer told, or that is known, not to suit them."""

    closes: ClassVar[bool] = True

    kinds: frozenset[PreferenceKind]

    def idle(self, asked: Question) -> bool:
        return not asked.facts.preferences

    def closes_at(self, asked: Question) -> datetime:
        """When the next inconvenient time begins, at the latest in two days."""
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

    def _concerning(self, asked: Question) -> list[Preference]:
        """What was told for this channel and still binds."""
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
        span = f"{told.start // 60:02}:{told.start % 60:02}-{told.end // 60:02}:{told.end % 60:02}"
        days = ",".join(calendar.day_abbr[day] for day in told.weekdays) or "any day"
        until = min(max(ends), told.until.astimezone(UTC)) if told.until else max(ends)
        return [
            self._reason(f"told us that {span} ({days}) does not suit them", until, span=span, weekdays=days)
        ]

    def _place(self, told: Preference, asked: Question) -> Sequence[Reason]:
        if not same_address(told.address, asked.contact.address):
            return ()
        what = "is at their workplace" if told.kind is PreferenceKind.WORKPLACE else "does not suit them"
        until = told.until.astimezone(UTC) if told.until else None
        return [self._reason(f"this number or address {what}", until, preference=told.kind.value)]


def same_address(told: str, asked: str) -> bool:
    """A postal address is the same whatever the order of its lines, and with the region that it lacked before."""
    if told == asked or "\n" not in told or "\n" not in asked:
        return told == asked
    return set(told.replace("\n", " ").split()) <= set(asked.replace("\n", " ").split())


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRule(Rule):
    """Certain letters, or the suit, only when `days` have passed since a notice was sent.

    The day of sending is day 0: with days = 14, a notice of the 1st lets the next step go on the 15th. A notice
    older than `valid_months` does not count any more: it has to be sent again.
    """

    after: frozenset[str]
    """Letters that are the notice; any of them will do."""
    before: frozenset[str]
    """Letters that have to wait."""
    before_suit: bool = False
    days: int
    valid_months: int | None = None

    def idle(self, asked: Question) -> bool:
        return asked.contact.letter not in self.before

    def objections(self, asked: Question) -> Sequence[Reason]:
        return () if self.idle(asked) else self.waiting(asked)

    def waiting(self, asked: Question) -> Sequence[Reason]:
        names = " or ".join(sorted(self.after))
        sent = [notice.at for notice in asked.facts.notices if notice.letter in self.after]
        if not sent:
            return [self._reason(f"{names} has not been sent", None, notice=names, days=self.days)]
        # The last one sent may be too fresh while one before it is not.
        ends = [self._runs(at, asked) for at in sent]
        if any(start <= asked.at < end for start, end in ends):
            return ()
        coming = [start for start, end in ends if asked.at < start]
        zone = asked.local_days[0][0] if asked.local_days else UTC
        last = max(sent).astimezone(zone).date()
        figures = {"notice": names, "days": self.days, "sent": last.isoformat()}
        if coming:
            detail = f"{names} was sent on {last}; {self.days} days must pass"
            return [self._reason(detail, min(coming), **figures)]
        detail = f"{names} of {last} is older than {self.valid_months} months"
        return [self._reason(detail, None, **figures, valid_months=self.valid_months)]

    def _runs(self, sent: datetime, asked: Question) -> tuple[datetime, datetime]:
        """From when to when a notice sent then lets the next step pass, in all zones."""
        starts, ends = [], []
        for zone, _ in asked.local_days:
            day = sent.astimezone(zone).date()
            starts.append(midnight(zone, day + timedelta(days=self.days)))
            last = add_months(day, self.valid_months) if self.valid_months else date.max - timedelta(days=2)
            ends.append(midnight(zone, last))
        return max(starts, default=sent + timedelta(days=self.days + 1)), min(ends, default=sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRule(Rule):
    """The words must carry these standard blocks."""

    blocks: frozenset[str]
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = all."""

    def idle(self, asked: Question) -> bool:
        return (
            asked.contact.blocks is None
            or bool(self.letters and asked.contact.letter not in self.letters)
            or self.blocks.issubset(asked.contact.blocks)
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        names = sorted(self.blocks.difference(asked.contact.blocks or ()))
        return [self._reason(f"the words lack {', '.join(names)}", None, missing=names)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRule(Rule):
    """The words must be in one of these languages."""

    languages: frozenset[str]
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = all."""

    def idle(self, asked: Question) -> bool:
        language = _base(asked.contact.language)
        return (
            not language
            or language in self.languages
            or bool(self.letters and asked.contact.letter not in self.letters)
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        language, names = _base(asked.contact.language), ", ".join(sorted(self.languages))
        detail = f"written in {language}; must be in {names}"
        return [self._reason(detail, None, language=language, allowed=names)]


def _base(tag: str) -> str:
    return tag.partition("-")[0].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitationRule(Rule):
    """A debt that is time-barred: `years` after its last payment, or where a payment does not start the period anew
    (`restarts` = False) after its oldest due date.

    `stops` = `suit`: no suit, and no letter that threatens one. `contact`: nothing at all is asked for any more.
    """

    years: int
    stops: Literal["suit", "contact"] = "suit"
    restarts: bool = True

    def idle(self, asked: Question) -> bool:
        return asked.facts.due_since is None or (
            self.stops == "suit" and SUIT_BLOCK not in (asked.contact.blocks or ())
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        return () if self.idle(asked) else self.barred(asked)

    def barred(self, asked: Question) -> Sequence[Reason]:
        since = asked.facts.paid_or_due_since if self.restarts else asked.facts.due_since
        if since is None:
            return ()
        first = add_months(since, 12 * self.years)
        today = max((day for _, day in asked.local_days), default=asked.at.date())
        if today < first:
            return ()
        detail = f"time-barred since {first}: {self.years} years from {since}"
        return [
            self._reason(detail, None, since=since.isoformat(), years=self.years, barred_on=first.isoformat())
        ]


def suit_objections(facts: Facts, pack: Pack, now: datetime) -> tuple[Reason, ...]:
    """Why the debt may not be handed to a court at `now` (aware): notices still running, or a debt too old."""
    asked = ask(Contact(Channel.POST, Purpose.NOTICE, ""), facts, now.astimezone(UTC))
    found: list[Reason] = []
    for rule in pack.rules:
        if not rule.in_force(asked):
            continue
        if isinstance(rule, WaitRule) and rule.before_suit:
            found.extend(rule.waiting(asked))
        elif isinstance(rule, LimitationRule):
            found.extend(rule.barred(asked))
    return tuple(found)


def add_months(day: date, months: int) -> date:
    """The same day of the month that much later, or the month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
