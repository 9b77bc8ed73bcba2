"""The gate: may this contact be made now, and if not, every reason why. Pure and total.

`review` never stops at the first objection: a person who asks "why not?" gets all of it, each reason with
the rule's id, its citation and the figures it used.

Three parts, top to bottom: the words the gate speaks (Contact, Facts, Reason, the three answers), `review`,
and the rule kinds about hours, numbers, consent and holds; kinds.py has those about words, notices and what the
customer told us. A new kind is one subclass of `Rule` that answers `objections`, and its spelling in packfile.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from app.book.charges.rules import ChargeCaps
from app.book.delinquency.re_age import ReAgeRule
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.calendars import Holidays


class ContactResult(StrEnum):
    """How far a past contact got. Each includes the ones before it: an answered call was also placed."""

    ATTEMPTED = "attempted"
    PLACED = "placed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact somebody or something wants to make."""

    channel: Channel
    purpose: Purpose
    address: str
    """E.164 number, e-mail address or postal address; '' when the customer has none for this channel."""
    letter: str = ""
    """The letter or script to be used; '' = none chosen yet, and rules about certain letters are not asked."""
    blocks: tuple[str, ...] | None = None
    """Standard blocks that its words carry, sorted; None = nothing is worded yet, and content is not asked."""
    language: str = ""
    """Of the words, as a tag such as `en`; '' = not known yet."""
    account: str = ""
    """The one debt it is about; '' = all the customer's debts."""
    flaw: str = ""
    """Why its words may not be said to this customer, as a sentence: they would be false or leave something out; '' =
    nothing of the kind is known."""


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact already made, or reserved in the outbox; what caps count."""

    at: datetime
    channel: Channel
    result: ContactResult
    address: str = ""
    account: str = ""
    """The one debt it was about; '' = all, or nobody wrote it down, which counts for each."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter that was sent, on which later steps may have to wait."""

    letter: str
    at: datetime


class PreferenceKind(StrEnum):
    """What a customer tells about being contacted."""

    TIME = "inconvenient_time"
    PLACE = "inconvenient_place"
    WORKPLACE = "workplace"
    """A number or address at work, known or forbidden by the employer."""
    TIMEZONE = "timezone"
    """Where they say they live; goes into `Facts.timezones`."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A time that does not suit the customer, or an address that must not be used."""

    kind: PreferenceKind
    channels: tuple[Channel, ...] = ()
    """Empty = every channel."""
    weekdays: tuple[int, ...] = ()
    """Monday is 0; empty = every day."""
    start: int = 0
    end: int = 1440
    """An inconvenient time: minutes after local midnight, `end` exclusive."""
    address: str = ""
    """An inconvenient place or workplace: the number or address as it is on file."""
    until: datetime | None = None
    """When it lapses; None = it stands."""


class Suppression(StrEnum):
    """Why nothing more is sent to an address."""

    BOUNCED = "bounced"
    """It does not exist, or is closed for good."""
    KEEPS_BOUNCING = "keeps_bouncing"
    COMPLAINT = "complaint"
    """Whoever reads it reported a message of ours as spam."""
    REFUSED = "refused"
    """The provider would not even take a message for it."""
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Hold:
    kind: HoldKind
    started_at: datetime
    until: datetime | None
    """When it ends by itself; None = only a person ends it."""
    review_on: date | None = None
    """Of one that only a person ends: the day on which somebody looks at it again."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the customer when the question is asked."""

    timezones: tuple[str, ...]
    """IANA zones the customer may be in; all of them must permit. Empty = unknown, refused."""
    consent: Mapping[Channel, bool] = field(default_factory=dict)
    """True = consented, False = opted out, absent = never asked."""
    opted_out_at: Mapping[Channel, datetime] = field(default_factory=dict)
    suppressed_since: Mapping[Channel, datetime] = field(default_factory=dict)
    """Channels whose address on file is on the suppression list."""
    holds: tuple[Hold, ...] = ()
    history: tuple[PastContact, ...] = ()
    """Past contacts, oldest first, reaching back at least as far as the pack's longest window."""
    preferences: tuple[Preference, ...] = ()
    notices: tuple[Notice, ...] = ()
    """Each sending of the letters that a wait of the pack looks for, oldest first."""
    due_since: date | None = None
    """The oldest due date of all debts. None = none is old enough to be time-barred, or it is not known."""
    paid_or_due_since: date | None = None
    """The same, but of each debt its last payment where that was later; of several debts the earliest."""
    with_legal_since: datetime | None = None
    """Since when the legal team has the customer's open case; None = it does not."""

    def __post_init__(self) -> None:
        # Caps walk back from the newest and stop at the window's edge: disorder would hide contacts from them.
        if len(self.history) > 1 and any(later.at < earlier.at for earlier, later in pairwise(self.history)):
            object.__setattr__(self, "history", tuple(sorted(self.history, key=lambda past: past.at)))


@dataclass(frozen=True, slots=True)
class Reason:
    """One objection. `until` is the first instant at which it lapses by itself; None = it does not."""

    rule: str
    citation: str
    detail: str
    force: str
    verified: bool
    until: datetime | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clearance:
    """Permission to make exactly this contact within [not_before, not_after). The outbox takes nothing else."""

    contact: Contact
    not_before: datetime
    not_after: datetime
    pack: str
    """`code@version` of the pack that was asked."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    at: datetime
    reasons: tuple[Reason, ...]
    pack: str


@dataclass(frozen=True, slots=True)
class Refusals:
    reasons: tuple[Reason, ...]
    pack: str

    @property
    def review_on(self) -> date | None:
        """When somebody looks at the hold that no date ends; None = there is none."""
        days = [reason.figures["review_on"] for reason in self.reasons if "review_on" in reason.figures]
        return date.fromisoformat(min(days)) if days else None


Answer = Clearance | WaitUntil | Refusals

HORIZON = timedelta(days=60)
"""A wait longer than this is answered as a refusal: nobody plans a contact that far ahead."""
MAX_ROUNDS = 50
MOST_SORTS = 10_000
LONGEST_CLEARANCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PauseRule:
    """Holds during which days do not count toward days past due and nothing is charged."""

    holds: frozenset[HoldKind]
    force: str
    citation: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where an overlay pack applies, below its country. Any of the two is enough: in doubt it applies."""

    regions: frozenset[str] = frozenset()
    """Upper case, codes and names: "MA", "MASSACHUSETTS"."""
    cities: frozenset[str] = frozenset()
    """Upper case. With `regions`, a city counts only there or where the region is not known."""
    postcodes: tuple[str, ...] = ()
    """Prefixes."""

    def holds(self, region: str, city: str, postcode: str) -> bool:
        region, city = region.strip().upper(), city.strip().upper()
        if self.postcodes and postcode.strip().startswith(self.postcodes):
            return True
        in_region = region in self.regions
        if not self.cities:
            return in_region
        return city in self.cities and (in_region or not region or not self.regions)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the record of contacts is kept."""

    years: int
    after: str
    """From when the years run, in words."""
    force: str
    citation: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class AfterReferral:
    """What may still be done about a debt that the legal team has."""

    reminders: bool
    """Ordinary reminders go on."""
    force: str
    citation: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The rules of one place and one kind of collector, as read from `packs/<code>.toml`, or several of them
    stacked: then every rule of each applies. Not legal advice."""

    code: str
    name: str
    version: str
    country: str
    """ISO 3166-1 alpha-2."""
    collector: Literal["any", "first_party", "third_party"]
    effective_from: date
    effective_to: date | None = None
    disclaimer: str
    rules: tuple[Rule, ...]
    re_age: ReAgeRule | None = None
    """Conditions for bringing an account current without payment; None = it is not done under this pack."""
    pauses: PauseRule | None = None
    charges: ChargeCaps | None = None
    retention: Retention | None = None
    after_referral: AfterReferral | None = None
    """None = no reminder goes out once the legal team has the case."""
    stacks_on: tuple[str, ...] = ()
    """Packs that this one only adds to; it applies together with whichever of them does."""
    place: Place | None = None
    """Where in its country an overlay applies; None = everywhere."""
    parts: tuple[str, ...] = ()
    """Labels of the packs stacked in this one."""
    text: str = field(default="", repr=False, compare=False)
    """What it was read from, so that it can be kept with the decisions it makes."""
    label: str = field(init=False)
    """`code@version`, as answers and events name the pack; of several, joined by `+`."""
    _concerning: dict[tuple[Any, ...], tuple[Rule, ...]] = field(init=False, repr=False, compare=False)
    """The rules that questions of one sort must pass, looked up millions of times a night."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_concerning", {})
        object.__setattr__(self, "label", "+".join(self.parts) or f"{self.code}@{self.version}")

    def rules_for(self, asked: Question) -> tuple[Rule, ...]:
        """The rules in force that have something to ask about this contact, in the pack's order."""
        contact, facts = asked.contact, asked.facts
        # All that `in_force` and `idle` look at: what is the same in it is the same for every customer.
        sort = (
            contact.channel,
            contact.purpose,
            contact.letter,
            contact.blocks,
            contact.language,
            not facts.holds,
            not facts.preferences,
            facts.due_since is None,
            *[day for _, day in asked.local_days],
        )
        found = self._concerning.get(sort)
        if found is None:
            found = tuple(
                rule
                for rule in self.rules
                if contact.channel in rule.channels
                and contact.purpose in rule.purposes
                and rule.in_force(asked)
                and not rule.idle(asked)
            )
            if len(self._concerning) >= MOST_SORTS:
                self._concerning.clear()
            self._concerning[sort] = found
        return found

    @property
    def longest_window_days(self) -> int:
        """Days of history a review needs. One more than the longest window: a local day can last 25 hours."""
        return max((rule.window_in_days for rule in self.rules), default=0) + 1


def review(contact: Contact, facts: Facts, pack: Pack, now: datetime) -> Answer:
    """May this contact be made at `now` (aware)? If it only has to wait, until the first instant it may.

    Objections that lapse by themselves give WaitUntil; one that does not, or a wait beyond HORIZON, gives
    Refusals. ValueError only for a naive `now`, which would silently mean the server's own time zone.
    """
    if now.tzinfo is None:
        raise ValueError("review() needs an aware instant")
    now = now.astimezone(UTC)
    asked = ask(contact, facts, now)
    reasons = objections(asked, pack)
    if not reasons:
        return Clearance(contact, now, _closing(asked, pack), pack.label)

    standing = reasons
    for _ in range(MAX_ROUNDS):
        lapses = [reason.until for reason in standing if reason.until is not None]
        if len(lapses) < len(standing) or max(lapses) > now + HORIZON:
            break
        at = max(lapses)
        standing = objections(ask(contact, facts, at), pack)
        if not standing:
            return WaitUntil(at, reasons, pack.label)
    # What will stand in the way later and never lapse (a hold that starts tomorrow) belongs to the answer too.
    later = tuple(reason for reason in standing if reason.until is None and reason not in reasons)
    return Refusals(reasons + later, pack.label)


def review_within(contact: Contact, facts: Facts, pack: Pack, now: datetime, until: datetime) -> Answer:
    """Like `review`, for a contact that may leave any time from `now` to `until`: a wait that ends in time
    becomes a Clearance whose window opens later, and a refusal names what stands in the way even then."""
    answer = review(contact, facts, pack, now)
    if isinstance(answer, WaitUntil) and answer.at < until:
        return review(contact, facts, pack, answer.at)
    if isinstance(answer, Refusals):
        in_time = [
            reason.until for reason in answer.reasons if reason.until is not None and reason.until < until
        ]
        if in_time:
            later = review(contact, facts, pack, max(in_time))
            return later if isinstance(later, Refusals) else answer
    return answer


def ask(contact: Contact, facts: Facts, at: datetime) -> Question:
    """The question as rules take it; `at` in UTC."""
    return Question(contact, facts, at, _local_days(facts.timezones, at))


@lru_cache(maxsize=10_000)
def _local_days(timezones: tuple[str, ...], at: datetime) -> tuple[tuple[ZoneInfo, date], ...]:
    zones = [zone_named(name) for name in timezones]
    return tuple([(zone, at.astimezone(zone).date()) for zone in zones if zone is not None])


def objections(asked: Question, pack: Pack) -> tuple[Reason, ...]:
    """Every reason against the contact, the desk's own first, then in the pack's order."""
    found: list[Reason] = []
    if (
        not asked.contact.address
        or asked.contact.flaw
        or not 0 < len(asked.facts.timezones) == len(asked.local_days)
        or asked.contact.channel in asked.facts.suppressed_since
    ):
        found.extend(_desk_objections(asked))
    if asked.facts.with_legal_since is not None:
        found.extend(_with_legal(asked, pack))
    for rule in pack.rules_for(asked):
        if reasons := rule.objections(asked):
            found.extend(reasons)
    return tuple(found)


def _desk_objections(asked: Question) -> Iterator[Reason]:
    """What no pack can permit: nowhere to send, or no clock to judge hours and days by."""
    channel = asked.contact.channel
    if not asked.contact.address:
        yield _desk_reason("desk.no_address", f"no address on file for {channel}")
    if asked.contact.flaw:
        yield _desk_reason("desk.words", asked.contact.flaw)
    if since := asked.facts.suppressed_since.get(channel):
        detail = f"the address for {channel} is on the suppression list since {since:%Y-%m-%d}"
        yield _desk_reason("desk.suppressed", detail, {"since": since.isoformat()})
    if not asked.facts.timezones:
        yield _desk_reason("desk.timezone_unknown", "the customer's time zone is not known")
    elif len(asked.local_days) < len(asked.facts.timezones):
        unknown = [name for name in asked.facts.timezones if zone_named(name) is None]
        detail = f"not an IANA time zone: {', '.join(map(repr, unknown))}"
        yield _desk_reason("desk.timezone_unknown", detail, {"timezones": unknown})


def _with_legal(asked: Question, pack: Pack) -> Iterator[Reason]:
    """What the desk asks for no longer once the legal team speaks for it, unless the pack allows reminders."""
    since = asked.facts.with_legal_since
    if since is None or asked.at < since or asked.contact.purpose is not Purpose.REMINDER:
        return
    if pack.after_referral is not None and pack.after_referral.reminders:
        return
    detail = f"the case is with the legal team since {since:%Y-%m-%d}; no reminder goes out"
    yield _desk_reason("desk.with_legal", detail, {"since": since.isoformat()})


def _desk_reason(rule: str, detail: str, figures: Mapping[str, Any] | None = None) -> Reason:
    return Reason(rule, "built into the desk", detail, "built-in", True, None, figures or {})


def _closing(asked: Question, pack: Pack) -> datetime:
    closing = asked.at + LONGEST_CLEARANCE
    for rule in pack.rules_for(asked):
        if rule.closes:
            closing = min(closing, rule.closes_at(asked))
    return closing


# ------------------------------------------------------------------------------------------- rule kinds


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule is asked: this contact, to this customer, at this instant (UTC)."""

    contact: Contact
    facts: Facts
    at: datetime
    local_days: tuple[tuple[ZoneInfo, date], ...]
    """Each zone the customer may be in, with its date at that instant. Names nobody knows are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule kind shares: whom it concerns, and where it comes from."""

    id: str
    channels: frozenset[Channel] = frozenset(Channel)
    purposes: frozenset[Purpose] = frozenset(Purpose)
    force: str
    """How binding it is, in the field's words: law, rebuttable presumption, operator choice, ..."""
    citation: str
    source: str
    """Where the text was seen; 'memory' when it was not."""
    verified: bool
    effective_from: date | None = None
    effective_to: date | None = None
    """Last local date in force, inclusive."""

    closes: ClassVar[bool] = False
    """Whether a contact that it lets pass now may be stopped by the clock alone: then it answers `closes_at`."""

    @property
    def window_in_days(self) -> int:
        """How far back the rule looks into the history."""
        return 0

    def idle(self, _asked: Question) -> bool:
        """Whether it has nothing to ask, at any instant. May look at the letter, blocks and language of the contact,
        and at whether there are holds, preferences or an old debt; nothing else (see Pack.rules_for)."""
        return False

    def closes_at(self, asked: Question) -> datetime:
        """When a contact that passes now would no longer pass; asked only of kinds that say `closes`."""
        raise NotImplementedError

    def objections(self, asked: Question) -> Sequence[Reason]:
        """What the rule has against it, if anything. Asked only when it concerns the contact and is in force."""
        raise NotImplementedError

    def in_force(self, asked: Question) -> bool:
        """On the customer's local date; where zones disagree about the date, one is enough."""
        if self.effective_from is None and self.effective_to is None:
            return True
        days = [day for _, day in asked.local_days] or [asked.at.date()]
        first, last = self.effective_from or date.min, self.effective_to or date.max
        return any(first <= day <= last for day in days)

    def _reason(self, detail: str, until: datetime | None, **figures: Any) -> Reason:
        return Reason(self.id, self.citation, detail, self.force, self.verified, until, figures)


Week = tuple[tuple[tuple[int, int], ...], ...]
"""Monday to Sunday; each day its open intervals as (from, to) minutes after local midnight, `to` exclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursRule(Rule):
    """Contact only within these hours of the customer's local wall clock, in every zone they may be in."""

    closes: ClassVar[bool] = True

    week: Week
    holidays: Holidays | None = None
    """Days on which it is closed whatever the weekday."""

    def objections(self, asked: Question) -> Sequence[Reason]:
        for zone, day in asked.local_days:
            if self._interval(zone, day, asked.at) is None:
                return self._shut(asked)
        return ()

    def _shut(self, asked: Question) -> Sequence[Reason]:
        days = asked.local_days
        shut = [(zone, day) for zone, day in days if self._interval(zone, day, asked.at) is None]
        clocks = [f"{_clock(asked.at.astimezone(zone))} in {zone.key}" for zone, _ in shut]
        zones = [zone for zone, _ in days]
        permitted = {zone.key: self._spelled(day) for zone, day in shut}
        detail = (
            f"it is {', '.join(clocks)}; permitted that day: {', '.join(sorted(set(permitted.values())))}"
        )
        until = self._next_open_everywhere(zones, asked.at)
        return [self._reason(detail, until, permitted=permitted)]

    def closes_at(self, asked: Question) -> datetime:
        """The earliest end, over the zones, of the interval that is open now."""
        open_now = (self._interval(zone, day, asked.at) for zone, day in asked.local_days)
        return min((interval[1] for interval in open_now if interval), default=asked.at + LONGEST_CLEARANCE)

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
        spans = [
            f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
            for start, end in self._spans(day)
        ]
        holiday = self.holidays.name_of(day) if self.holidays else ""
        return " and ".join(spans) or (f"not at all ({holiday})" if holiday else "not at all")


class Counted(StrEnum):
    """Which past contacts a cap counts; each of the first three includes the stronger results."""

    ATTEMPTED = "attempted"
    PLACED = "placed"
    ANSWERED = "answered"
    MADE = "made"
    """Contacts that reached somebody: every written message, and calls that were answered."""


_PLACED = frozenset({ContactResult.PLACED, ContactResult.ANSWERED})
_ANSWERED = frozenset({ContactResult.ANSWERED})
_COUNTS: Mapping[Counted, Mapping[Channel, frozenset[ContactResult]]] = {
    Counted.ATTEMPTED: {channel: frozenset(ContactResult) for channel in Channel},
    Counted.PLACED: {channel: _PLACED for channel in Channel},
    Counted.ANSWERED: {channel: _ANSWERED for channel in Channel},
    Counted.MADE: {channel: frozenset(ContactResult) for channel in Channel} | {Channel.CALL: _ANSWERED},
}

_PER_DEBT = ("debt", "account")
_LOCAL_SLACK = 2
"""Days by which a window of local days may reach further back than as many times 24 hours, and more."""
_days = cache(timedelta)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _clock(at: datetime) -> str:
    return f"{_WEEKDAYS[at.weekday()]} {at.hour:02}:{at.minute:02}"


_CALENDAR_DAYS = {"day": 1, "week": 7, "month": 31}


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule(Rule):
    """At most `most` contacts over all its channels within any window, past and reserved ones together.

    `window_days` are consecutive local calendar days, the day judged included: 1 is a calendar day, and 7 is
    what Regulation F means by "seven consecutive days" (12 CFR 1006.14(b)(2)). With several possible zones
    the one with the fullest window decides. `window_hours` rolls by the clock; `calendar` is the local day, week
    (from Monday) or month itself. Exactly one of the three is set.
    Purposes say which contacts the cap stops; every past contact counts, whatever it was for.
    """

    most: int
    counts: Counted
    per: Literal["person", "debt", "account", "number"] = "person"
    window_days: int | None = None
    window_hours: int | None = None
    calendar: Literal["day", "week", "month"] | None = None

    @property
    def window_in_days(self) -> int:
        if self.calendar is not None:
            return _CALENDAR_DAYS[self.calendar]
        return self.window_days or -(-(self.window_hours or 0) // 24)

    def objections(self, asked: Question) -> Sequence[Reason]:
        history = asked.facts.history
        if len(history) < self.most:
            return ()  # of most people we know fewer contacts than any window may hold
        if self.most and history[-self.most].at < asked.at - _days(self.window_in_days + _LOCAL_SLACK):
            return ()  # whatever they were, too few are young enough for any window
        full = list(self._full_windows(asked))
        if not full:
            return ()
        until, used, window = max(full)
        channels = "+".join(sorted(self.channels))
        detail = f"{used} {self.counts} ({channels}) per {self.per} in {window}; {self.most} allowed"
        return [self._reason(detail, until, used=used, most=self.most, window=window)]

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
                start, end = midnight(zone, today - length + _DAY), midnight(zone, today + length)
                counted = self._newest_first(asked, start, end)
                if len(counted) >= self.most:
                    leaving = counted[self.most - 1].astimezone(zone).date()
                    yield midnight(zone, leaving + length), len(counted), f"{name} ({zone.key})"
        elif self.calendar is not None:
            for zone, today in asked.local_days:
                first, following = _calendar_period(self.calendar, today)
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
                and past.channel in self.channels
                and past.result in counting[past.channel]
                and (number is None or past.address == number)
                and (not debt or not past.account or past.account == debt)
            ):
                found.append(past.at)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRule(Rule):
    """After an answered call, none of these channels for `days` consecutive local days.

    The day of the conversation is day 1 (12 CFR 1006.14(b)(2)(i)(B)): with days = 7 the next call is day 8.
    """

    days: int

    @property
    def window_in_days(self) -> int:
        return self.days

    def objections(self, asked: Question) -> Sequence[Reason]:
        spoke_at = self._last_conversation(asked)
        if spoke_at is None:
            return ()
        length = timedelta(days=self.days)
        ends = [
            (midnight(zone, spoke_at.astimezone(zone).date() + length), zone) for zone, _ in asked.local_days
        ]
        until, zone = max(ends, key=lambda end: end[0], default=(asked.at, None))
        if zone is None or until <= asked.at:
            return ()
        day_1, next_day = spoke_at.astimezone(zone).date(), until.astimezone(zone).date()
        detail = f"spoke on {day_1} (day 1 of {self.days}, {zone.key}); next on {next_day}"
        return [self._reason(detail, until, days=self.days, conversation=day_1.isoformat())]

    def _last_conversation(self, asked: Question) -> datetime | None:
        too_old = asked.at - timedelta(days=self.days + 1)
        for past in reversed(asked.facts.history):
            if past.at < too_old:
                return None
            if past.at <= asked.at and past.channel is Channel.CALL and past.result is ContactResult.ANSWERED:
                return past.at
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule(Rule):
    """`opt_out`: a channel may be used unless the customer said no. `opt_in`: only if they said yes.

    `across`: a no to any of the rule's channels is a no to all of them.
    """

    mode: Literal["opt_out", "opt_in"]
    across: bool = False

    def objections(self, asked: Question) -> Sequence[Reason]:
        channel = asked.contact.channel
        given = asked.facts.consent
        if self.across and False in given.values():
            channel = next(
                (one for one in Channel if one in self.channels and given.get(one) is False), channel
            )
        consent = given.get(channel)
        if consent or (consent is None and self.mode == "opt_out"):
            return ()
        if consent is None:
            return [self._reason(f"no consent on file for {channel}", None, consent=None)]
        since = asked.facts.opted_out_at.get(channel)
        detail = f"opted out of {channel}" + (f" on {since.date()}" if since else "")
        opted_out_at = since.isoformat() if since else None
        return [self._reason(detail, None, consent=False, opted_out_at=opted_out_at)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule(Rule):
    """While a hold of one of these kinds is on, the rule's purposes are stopped; a hold with an end lapses.

    Whether it has one is said by the facts (`Hold.until`), not by the rule: a decision made when disputes ended on
    their review date is still asked with the facts of then, and gives the answer of then.
    """

    holds: frozenset[HoldKind]

    def idle(self, asked: Question) -> bool:
        return not asked.facts.holds

    def objections(self, asked: Question) -> Sequence[Reason]:
        return [
            self._standing(hold)
            for hold in asked.facts.holds
            if hold.kind in self.holds and hold.started_at <= asked.at
            if hold.until is None or asked.at < hold.until
        ]

    def _standing(self, hold: Hold) -> Reason:
        until = hold.until.astimezone(UTC) if hold.until else None
        detail = f"{hold.kind.replace('_', ' ')} hold since {hold.started_at.date()}, "
        figures = {"hold": hold.kind.value, "since": hold.started_at.isoformat()}
        if hold.review_on is not None:
            detail += f"until a person ends it; review by {hold.review_on}"
            return self._reason(detail, None, **figures, review_on=hold.review_on.isoformat())
        detail += f"until {until:%Y-%m-%d %H:%M} UTC" if until else "no end set"
        return self._reason(detail, until, **figures)


# ---------------------------------------------------------------------------------------- local calendar

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def _calendar_period(period: Literal["day", "week", "month"], day: date) -> tuple[date, date]:
    """The first day of the calendar day, week or month that `day` is in, and the first after it."""
    if period == "day":
        return day, day + _DAY
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
