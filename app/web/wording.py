"""Events in plain words: what the timeline of a case says to a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time

from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.casework.correspondence.rules import Intent
from app.core.actor import Actor, ActorKind
from app.core.labels import (
    CHANNEL_LABELS,
    ENTRY_LABELS,
    INTENT_LABELS,
    SUPPRESSION_LABELS,
    in_sentence,
)
from app.core.timeline.models import Event
from app.core.timeline.payload import kinds_under, payload_of
from app.core.timeline.presenting import TimelineEntry, TimelineFilter, Tone
from app.core.timeline.rules import Kind
from app.core.vocabulary import Channel
from app.http.formats import format_money
from app.outreach.gate.models import ContactPreference
from app.policy.facts import PreferenceKind

INTENT_TONES: Mapping[Intent, Tone] = {
    Intent.STOP: "warn",
    Intent.STOP_CALLS: "warn",
    Intent.STOP_EMAIL: "warn",
    Intent.CEASE: "bad",
    Intent.MAYBE_STOP: "warn",
    Intent.START: "info",
    Intent.HELP: "info",
    Intent.WRONG_NUMBER: "bad",
    Intent.DISPUTE: "bad",
    Intent.ATTORNEY: "bad",
    Intent.BANKRUPTCY: "bad",
    Intent.DECEASED: "bad",
    Intent.HARDSHIP: "info",
    Intent.CALL_ME: "info",
    Intent.REACTION: "neutral",
    Intent.PAID: "good",
}
MEANING_WORDS = {intent: (INTENT_LABELS[intent], tone) for intent, tone in INTENT_TONES.items()}
"""What a message may mean, in words and tone."""

SHOWN: Mapping[str, tuple[str, tuple[Kind, ...]]] = {
    "people": (
        "Calls and notes",
        (),
    ),
    "contacts": (
        "Messages",
        (
            Kind.CONTACT_CLEARED,
            Kind.CONTACT_SENT,
            Kind.CONTACT_SIMULATED,
            Kind.CONTACT_DELIVERED,
            Kind.CONTACT_FAILED,
            Kind.CONTACT_UNKNOWN,
        ),
    ),
    "refusals": ("Refusals and waits", (Kind.CONTACT_REFUSED, Kind.CONTACT_WAITING, Kind.CONTACT_WITHHELD)),
    "plans": (
        "Promises and plans",
        (),
    ),
    "holds": (
        "Holds and permissions",
        (
            Kind.CONSENT_CHANGED,
            Kind.PREFERENCE_SET,
            Kind.PREFERENCE_ENDED,
            Kind.ADDRESS_SUPPRESSED,
            Kind.ADDRESS_RESTORED,
        ),
    ),
    "money": (
        "Payments and corrections",
        (),
    ),
    "case": (
        "Case and legal",
        (),
    ),
}
"""Filters of the timeline: what `?show=` says, its label, its kinds."""


Told = TimelineEntry


def shown_kinds(shown: str) -> tuple[str, ...]:
    """The kinds of event under a filter of the timeline."""
    return (*SHOWN[shown][1], *kinds_under(TimelineFilter(shown)))


def fold(events: Sequence[Event]) -> list[tuple[Event, int]]:
    """Events (newest first) as a person would tell them, each with how many it stands for.

    The same contact that was refused or told to wait night after night is one line, its latest. A promise is
    offered, accepted and running in one breath: only the last is told. A call that was cleared became a call task.
    """
    seen: dict[tuple[Any, ...], int] = {}
    kept: list[tuple[Event, int]] = []
    for event in events:
        if event.kind == Kind.CONTACT_CLEARED and event.channel is Channel.CALL:
            continue
        same = _sameness(event)
        if same in seen:
            n = seen[same]
            kept[n] = (kept[n][0], kept[n][1] + (event.kind in _REPEATED))
            continue
        seen[same] = len(kept)
        kept.append((event, 1))
    return kept


_REPEATED = frozenset({Kind.CONTACT_WAITING, Kind.CONTACT_REFUSED})
_ONE_BREATH = frozenset({Kind.PLAN_OFFERED, Kind.PLAN_ACCEPTED, Kind.PLAN_ACTIVATED})


def _sameness(event: Event) -> tuple[Any, ...]:
    data = json.loads(event.data)
    if event.kind in _REPEATED and "message" in data:
        return event.kind, data["message"]
    if event.kind in _REPEATED and "step" in data:
        told = (data.get(name) for name in ("step", "occurrence", "plan", "hold"))
        return event.kind, event.case_id, event.channel, *told
    if event.kind in _ONE_BREATH:
        return "plan", data.get("plan"), event.at
    return (event.id,)


@dataclass(frozen=True, slots=True)
class Teller:
    """Says things in the reader's locale; the words themselves are English."""

    locale: Locale
    currency: str
    timezone: str
    names: Mapping[str, str] = field(default_factory=dict)
    """User name -> the name colleagues know."""
    channel: str = "message"
    """Of the event that is told, in a word."""

    def name(self, username: str) -> str:
        return self.names.get(username, username)

    def money(self, minor: int | None) -> str:
        return "–" if minor is None else format_money(minor, self.currency, self.locale)

    def day(self, iso: str | date | None) -> str:
        if not iso:
            return "–"
        value = date.fromisoformat(iso[:10]) if isinstance(iso, str) else iso
        return str(format_date(value, format="medium", locale=self.locale))

    def instant(self, at: str | datetime | None) -> str:
        if not at:
            return "–"
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        local = instant.astimezone(ZoneInfo(self.timezone))
        clock = format_time(local, format="short", locale=self.locale)
        return f"{format_date(local, format='medium', locale=self.locale)}, {clock} {local.tzname()}"

    def clock(self, at: datetime) -> str:
        """The time of day alone, for an instant of the present day."""
        local = at.astimezone(ZoneInfo(self.timezone))
        return str(format_time(local, format="short", locale=self.locale))

    def near(self, at: datetime, today: date) -> str:
        """The time of day for an instant of today, with its date for any other."""
        local = at.astimezone(ZoneInfo(self.timezone))
        return self.clock(at) if local.date() == today else self.instant(at)

    def plain(self, text: str) -> str:
        """A reason of the gate or of a plan with its dates as the reader writes them; midnight here is a day's end,
        whatever its hour in UTC."""

        def say(found: re.Match[str]) -> str:
            try:
                if found[2] is None:
                    return self.day(found[1])
                at = datetime.fromisoformat(f"{found[1]}T{found[2]}:00+00:00")
            except ValueError:
                return found[0]
            local = at.astimezone(ZoneInfo(self.timezone))
            return self.day(local.date()) if local.hour == local.minute == 0 else self.instant(at)

        return _ISO.sub(say, text)

    def who(self, by: str) -> str:
        """Who acted, for a reader: the person's name, the program's, the customer, or the desk itself."""
        actor = Actor(by)
        if actor.kind is ActorKind.USER:
            return self.names.get(actor.name, actor.name)
        if actor.kind is ActorKind.TOKEN:
            return f"program {actor.name}"
        return "the customer" if actor.kind is ActorKind.CUSTOMER else "Arrears Desk"

    def tell(self, event: Event, times: int = 1) -> Told:
        """The event in words; a kind without its own words is shown by its name rather than left out.

        `times` is how often it was recorded alike, of which this is the latest."""
        how = in_sentence(CHANNEL_LABELS.get(event.channel, "message")) if event.channel else "message"
        if payload := payload_of(event.kind):
            entry = payload.from_json(event.data).present(replace(self, channel=how))
            return replace(entry, at=event.at, by=self.who(event.by), times=times)
        data: dict[str, Any] = json.loads(event.data)
        teller = _TELLERS.get(event.kind)
        title, body, tone = teller(self, data, how) if teller else (event.kind, "", "neutral")
        return Told(
            title,
            body,
            tone,
            quoted=_quoted(event.kind, data),
            reasons=data.get("reasons") or (),
            pack=data.get("pack", ""),
            message_id=data.get("message") if event.kind in _WORDED else None,
            at=event.at,
            by=self.who(event.by),
            times=times,
        )

    def tell_entry(self, entry: Entry) -> Told:
        """A credit that came by feed is not an event; on the timeline it stands among them all the same."""
        title = f"{ENTRY_LABELS[entry.kind]} of {self.money(abs(entry.amount_minor))}"
        tone: Tone = "bad" if entry.kind is EntryKind.REVERSAL else "good"
        return Told(title, entry.description, tone, on=entry.effective_on, by=f"ledger {entry.reference}")


_ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d) UTC)?\b")

_WORDED = frozenset({Kind.CONTACT_CLEARED, Kind.CONTACT_SENT, Kind.CONTACT_SIMULATED})
"""Events under which the exact words of the message can be opened."""


def _quoted(kind: str, data: Mapping[str, Any]) -> str:
    named: dict[str, str] = {
        Kind.PREFERENCE_ENDED: "reason",
    }
    named |= {
        Kind.CONSENT_CHANGED: "source",
        Kind.PREFERENCE_SET: "source",
    }
    named |= dict.fromkeys(
        (Kind.ADDRESS_RESTORED,),
        "reason",
    )
    return str(data.get(named[kind]) or "") if kind in named else ""


Words = tuple[str, str, Tone]


def _consent(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    if data.get("allowed"):
        return f"Allows contact by {how}", "", "good"
    return f"Opted out of contact by {how}", "", "warn"


def _address_suppressed(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    why = SUPPRESSION_LABELS[data["reason"]]
    return f"Nothing more is sent by {how} to {data['address']}", why, "warn"


def _address_restored(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"{data['address']} may be used by {how} again", "", "good"


def preference_words(told: ContactPreference) -> str:
    """What the customer told, as the page says it."""
    by = f" by {in_sentence(CHANNEL_LABELS[told.channel])}" if told.channel else ""
    until = f", until {told.until}" if told.until else ""
    match told.kind:
        case PreferenceKind.TIME:
            days = {"0,1,2,3,4": " Monday to Friday", "5,6": " on weekends"}.get(told.weekdays, "")
            span = f"{_minute(told.start_minute)} to {_minute(told.end_minute)}"
            return f"not from {span}{days}{by}{until}"
        case PreferenceKind.TIMEZONE:
            return f"they live in {told.timezone}"
        case PreferenceKind.WORKPLACE:
            return f"not at work{by}{until}"
    return f"not at this number or address{by}{until}"


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _preference_set(_teller: Teller, data: Mapping[str, Any], _how: str) -> Words:
    kind = str(data.get("kind")).replace("_", " ")
    return f"Told us: {kind}", str(data.get("timezone") or ""), "info"


def _preference_ended(_teller: Teller, data: Mapping[str, Any], _how: str) -> Words:
    return f"No longer so: {str(data.get('kind')).replace('_', ' ')}", "", "neutral"


def _sentence(text: object) -> str:
    said = str(text or "")
    return said[:1].upper() + said[1:]


def _cleared(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"{_capital(how)} cleared", _letter(data), "good"


def _waiting(teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    until = f"not before {teller.instant(data.get('not_before'))}"
    return f"No {how} yet", "; ".join(filter(None, (_letter(data), until))), "warn"


def _refused(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"No {how}: refused", _letter(data), "bad"


def _withheld(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    reason = _sentence(data.get("reason"))
    return f"{_capital(how)} withheld at the last moment", reason, "bad"


def _simulated(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"{_capital(how)} printed to the console", f"{_letter(data)}; nothing left", "warn"


def _sent(teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    if str(data.get("provider_ref", "")).startswith("console:"):
        return _simulated(teller, data, how)  # as it was recorded before there was a kind of its own
    to = str(data.get("to") or "").replace("\n", ", ")
    return f"{_capital(how)} sent", "; ".join(filter(None, (_letter(data), f"to {to}" if to else ""))), "info"


def _delivered(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"{_capital(how)} delivered", _letter(data), "good"


def _failed(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    why = _sentence(data.get("error") or data.get("detail"))
    return f"{_capital(how)} did not arrive", why, "bad"


def _unknown(_teller: Teller, data: Mapping[str, Any], how: str) -> Words:
    return f"{_capital(how)}: nobody knows whether it left", _sentence(data.get("error")), "warn"


def _letter(data: Mapping[str, Any]) -> str:
    return _sentence(str(data.get("letter") or data.get("step") or "").replace("_", " ").replace("-", " "))


def _capital(how: str) -> str:
    return how[:1].upper() + how[1:]


_TELLERS: Mapping[str, Callable[[Teller, Mapping[str, Any], str], Words]] = {
    Kind.CONSENT_CHANGED: _consent,
    Kind.PREFERENCE_SET: _preference_set,
    Kind.PREFERENCE_ENDED: _preference_ended,
    Kind.ADDRESS_SUPPRESSED: _address_suppressed,
    Kind.ADDRESS_RESTORED: _address_restored,
    Kind.CONTACT_CLEARED: _cleared,
    Kind.CONTACT_WAITING: _waiting,
    Kind.CONTACT_REFUSED: _refused,
    Kind.CONTACT_WITHHELD: _withheld,
    Kind.CONTACT_SENT: _sent,
    Kind.CONTACT_SIMULATED: _simulated,
    Kind.CONTACT_DELIVERED: _delivered,
    Kind.CONTACT_FAILED: _failed,
    Kind.CONTACT_UNKNOWN: _unknown,
}
