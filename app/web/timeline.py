"""A timeline for the reader of a page: each event by the presenter of its payload, in the reader's locale."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale

from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.core.labels import CHANNEL_LABELS, ENTRY_LABELS, in_sentence
from app.core.money import to_minor
from app.core.timeline.models import Event
from app.core.timeline.payload import Payload, payload_of
from app.core.timeline.presenting import TimelineEntry, Tone
from app.core.timeline.sight import FOR_CASEWORK, NOTHING_PERSONAL, Sight
from app.core.vocabulary import Channel
from app.http.formats import clock_words, day_words, format_money
from app.outreach.gate.events import ContactCleared
from app.web.wording import actor_words, language_words, pack_words, rule_words, source_words

_AMOUNT = r"\b{} (-?\d+(?:\.\d+)?)\b"
_ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d) UTC)?\b")
_CHANNEL = re.compile(r"\b(for|of) (sms|email)\b")


@dataclass(frozen=True, slots=True)
class PageReader:
    """Writes amounts, dates and names as the reader of a page knows them. The words themselves are English."""

    locale: Locale
    currency: str
    timezone: str
    names: Mapping[str, str] = field(default_factory=dict)
    """Username -> the name by which colleagues know a user."""
    channel: str = "message"
    """The channel of the event that is presented, in a word."""
    sight: Sight = NOTHING_PERSONAL
    """What this reader may see of the customer's events."""

    def name(self, username: str) -> str:
        return self.names.get(username, username)

    def money(self, minor: int | None) -> str:
        return "–" if minor is None else format_money(minor, self.currency, self.locale)

    def day(self, on: date | None) -> str:
        return "–" if on is None else day_words(on, self.locale)

    def instant(self, at: datetime | None) -> str:
        if at is None:
            return "–"
        local = at.astimezone(ZoneInfo(self.timezone))
        return f"{day_words(local.date(), self.locale)}, {self._clock(local)} {local.tzname()}"

    def clock(self, at: datetime) -> str:
        """The time of day alone, for an instant of the present day."""
        return self._clock(at.astimezone(ZoneInfo(self.timezone)))

    def _clock(self, local: datetime) -> str:
        return clock_words(local.time().replace(second=0, microsecond=0), self.locale)

    def near(self, at: datetime, today: date) -> str:
        """The time of day for an instant of today, with its date for any other."""
        local = at.astimezone(ZoneInfo(self.timezone))
        return self.clock(at) if local.date() == today else self.instant(at)

    def plain(self, text: str) -> str:
        """Return a reason of the gate or of a plan with its dates, amounts and channels as the reader writes them.
        Midnight in the reader's zone is the end of a day, at any hour in UTC."""

        def said(found: re.Match[str]) -> str:
            try:
                if found[2] is None:
                    return self.day(date.fromisoformat(found[1]))
                at = datetime.fromisoformat(f"{found[1]}T{found[2]}:00+00:00")
            except ValueError:
                return found[0]
            local = at.astimezone(ZoneInfo(self.timezone))
            return self.day(local.date()) if local.hour == local.minute == 0 else self.instant(at)

        amounts = re.compile(_AMOUNT.format(re.escape(self.currency)))
        return amounts.sub(self._amount, _CHANNEL.sub(_channel_words, _ISO.sub(said, text)))

    def _amount(self, found: re.Match[str]) -> str:
        try:
            return self.money(to_minor(found[1], self.currency))
        except ValueError:
            return found[0]

    def language(self, tag: str) -> str:
        return language_words(tag, self.locale)

    def rule(self, rule: str) -> str:
        return rule_words(rule)

    def source(self, force: str, citation: str, verified: bool) -> str:
        return source_words(force, citation, verified=verified)

    def pack(self, label: str) -> str:
        return pack_words(label)

    def who(self, stored: str) -> str:
        """The name of the actor: a person's, a program's, the customer, or the desk itself."""
        return actor_words(stored, self.names)


@dataclass(frozen=True, slots=True)
class TimelinePresenter:
    """Presents events to one reader."""

    reader: PageReader

    def present(self, event: Event, times: int = 1) -> TimelineEntry:
        """The event as its payload tells it; a kind without a payload is shown by its name rather than left out.
        `times` is how often it was recorded alike, of which this is the latest."""
        if not replace(self.reader.sight, hidden=()).sees(event.kind, event.data):
            return replace(FOR_CASEWORK, at=event.at, by=self.reader.who(event.by), times=times)
        payload = payload_in(event)
        channel = in_sentence(CHANNEL_LABELS[event.channel]) if event.channel else "message"
        entry = (
            payload.present(replace(self.reader, channel=channel)) if payload else TimelineEntry(event.kind)
        )
        entry = self.reader.sight.entry(entry)
        return replace(entry, at=event.at, by=self.reader.who(event.by), times=times)

    def present_credit(self, entry: Entry) -> TimelineEntry:
        """Present a credit that came by feed. It is not an event; on a timeline it stands among them all the same."""
        title = f"{ENTRY_LABELS[entry.kind]} of {self.reader.money(abs(entry.amount_minor))}"
        tone: Tone = "bad" if entry.kind is EntryKind.REVERSAL else "good"
        by = f"ledger {entry.reference}"
        return TimelineEntry(title, entry.description, tone, on=entry.effective_on, by=by)


def fold(events: Sequence[Event]) -> list[tuple[Event, int]]:
    """Fold events (newest first) as a person would tell them, each with the number of events it stands for.

    Of one story (`Payload.same_story`) the latest is told: a contact that was refused night after night is one line,
    and so is a promise that was offered, accepted and running in one breath. A call that was cleared became a call
    task, which is told.
    """
    seen: dict[tuple[object, ...], int] = {}
    kept: list[tuple[Event, int]] = []
    for event in events:
        if event.kind == ContactCleared.KIND and event.channel is Channel.CALL:
            continue
        payload = payload_in(event)
        name = payload.same_story(event.at) if payload else None
        if name is not None and payload is not None:
            story = (event.case_id, event.channel, name)
            if story in seen:
                latest, times = kept[seen[story]]
                kept[seen[story]] = latest, times + payload.REPEATS
                continue
            seen[story] = len(kept)
        kept.append((event, 1))
    return kept


def payload_in(event: Event) -> Payload | None:
    kind = payload_of(event.kind)
    return kind.from_json(event.data) if kind else None


def _channel_words(found: re.Match[str]) -> str:
    return f"{found[1]} {in_sentence(CHANNEL_LABELS[found[2]])}"
