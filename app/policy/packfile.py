"""Reads a policy pack from its TOML file and refuses one that is misspelt, incomplete or unsafe.

The file's spelling is checked here, once, by pydantic; what comes out are the plain frozen rules of rules.py.
A new rule kind adds one model below, with its `kind` and a `rule()`, and is listed in `AnyRule`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from app.book.charges.rules import MILLION, ChargeCaps
from app.book.delinquency.re_age import ReAgeRule
from app.book.delinquency.rules import PauseKind
from app.core.errors import Invalid
from app.core.money import BadAmount, to_minor
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.calendars import Holidays
from app.policy.kinds import (
    ContentRule,
    LanguageRule,
    LimitationRule,
    PreferenceRule,
    WaitRule,
)
from app.policy.rules import (
    AfterReferral,
    CapRule,
    ConsentRule,
    Counted,
    GapRule,
    HoldRule,
    HoursRule,
    Pack,
    PauseRule,
    Place,
    PreferenceKind,
    Retention,
    Rule,
    Week,
)

PACKS = Path(__file__).parent / "packs"

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class BadPack(Invalid):
    """The pack cannot be used; the message names file, rule and field."""


def load_pack(path: Path) -> Pack:
    """The pack in `path` (TOML, UTF-8). BadPack if it is unreadable or wrong."""
    try:
        return parse_pack(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPack(f"{path.name}: cannot be read: {error}") from error


@lru_cache(maxsize=1)
def shipped_packs() -> Mapping[str, Pack]:
    """Every pack in `packs/`, by code. The file's name must be the code."""
    packs = {path.stem: load_pack(path) for path in sorted(PACKS.glob("*.toml"))}
    for stem, pack in packs.items():
        if pack.code != stem:
            raise BadPack(f"{stem}.toml: code: is {pack.code!r}, the file says {stem!r}", "code")
        for below in pack.stacks_on:
            if below not in packs:
                raise BadPack(f"{stem}.toml: stacks_on: there is no pack {below!r}", "stacks_on")
    return packs


def parse_pack(text: str, name: str) -> Pack:
    """The pack written in `text`; `name` is the file's name in error messages."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPack(f"{name}: not TOML: {error}") from error
    entries = content.pop("rules", [])
    if not isinstance(entries, list) or not entries:
        raise BadPack(f"{name}: rules: at least one [[rules]] table is needed", "rules")
    sections = {
        key: _checked(adapter, content.pop(key), f"{name}: [{key}]").section()
        for key, adapter in _SECTIONS.items()
        if key in content
    }
    head = _checked(_HEAD, content, name)
    if "re_age" in sections:
        sections["re_age"] = replace(sections["re_age"], pack=f"{head.code}@{head.version}")
    rules = tuple(rule_of(entry, f"{name}: {_called(entry, at)}") for at, entry in enumerate(entries))
    _refuse_twice(rules, name)
    if head.stacks_on:
        if head.place is None and head.collector == "any":
            raise BadPack(f"{name}: stacks_on: needs a [place] or a collector, else it is no pack of its own")
    else:
        _refuse_unsafe(rules, name)
    place = head.place.place() if head.place else None
    fields = head.model_dump(exclude={"place"}) | {"stacks_on": tuple(head.stacks_on), "place": place}
    return Pack(**fields, rules=rules, text=text, **sections)


def rule_of(entry: Any, where: str) -> Rule:
    """The rule that one [[rules]] table spells; BadPack begins with `where`."""
    rule: Rule = _checked(_RULE, entry, where).rule()
    return rule


def _called(entry: Any, at: int) -> str:
    known = isinstance(entry, dict) and isinstance(entry.get("id"), str)
    return f"rule {entry['id']}" if known else f"rule number {at + 1}"


def _checked(adapter: TypeAdapter[Any], content: Any, where: str) -> Any:
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        # Pydantic's path of a rule begins with its kind ("hours.open.0.from"); the reader knows the rule already.
        kind = content.get("kind") if isinstance(content, dict) else None
        problems = [
            (".".join(str(part) for at, part in enumerate(each["loc"]) if at or part != kind), each["msg"])
            for each in error.errors()
        ]
        message = "; ".join(f"{field}: {text}" if field else text for field, text in problems)
        raise BadPack(f"{where}: {message}", problems[0][0] or None) from error


def _refuse_twice(rules: Iterable[Rule], name: str) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise BadPack(f"{name}: rule {rule.id}: id: used twice", "id")
        seen.add(rule.id)


def _refuse_unsafe(rules: Iterable[Rule], name: str) -> None:
    """A pack that forgets the opt-out or a hold would let reminders through that no operator means to send."""
    always = [rule for rule in rules if Purpose.REMINDER in rule.purposes and rule.effective_to is None]
    for channel in Channel:
        on_channel = [rule for rule in always if channel in rule.channels]
        if not any(isinstance(rule, ConsentRule) for rule in on_channel):
            raise BadPack(f"{name}: rules: no consent rule for reminders by {channel}", "rules")
        held = {kind for rule in on_channel if isinstance(rule, HoldRule) for kind in rule.holds}
        if missing := sorted(set(HoldKind) - held):
            raise BadPack(
                f"{name}: rules: no hold rule for reminders by {channel}: {', '.join(missing)}", "rules"
            )


# ----------------------------------------------------------------------------------- the file's spelling

_Channel = Annotated[Channel, Field(strict=False)]
_Purpose = Annotated[Purpose, Field(strict=False)]
_HoldKind = Annotated[HoldKind, Field(strict=False)]
_Counted = Annotated[Counted, Field(strict=False)]
_Text = Annotated[str, Field(min_length=1)]


def _minutes(value: Any) -> Any:
    """'HH:MM' as minutes after midnight; 24:00 is the end of the day."""
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError("write a time of day as 'HH:MM', at most '24:00'")
    return int(value[:2]) * 60 + int(value[3:])


_TimeOfDay = Annotated[int, BeforeValidator(_minutes)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Dated(_Strict):
    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def dates_in_order(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self


class _Place(_Strict):
    regions: list[_Text] = []
    cities: list[_Text] = []
    postcodes: list[Annotated[str, Field(pattern=r"^[0-9A-Z]+$")]] = []

    @model_validator(mode="after")
    def somewhere(self) -> Self:
        if not (self.regions or self.cities or self.postcodes):
            raise ValueError("name regions, cities or postcodes")
        return self

    def place(self) -> Place:
        regions, cities = ({name.upper() for name in names} for names in (self.regions, self.cities))
        return Place(frozenset(regions), frozenset(cities), tuple(self.postcodes))


class _Head(_Dated):
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    name: _Text
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.]+$")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    collector: Literal["any", "first_party", "third_party"]
    effective_from: date
    disclaimer: _Text
    stacks_on: list[_Text] = []
    place: _Place | None = None


class _Sourced(_Strict):
    force: _Text
    citation: _Text
    source: _Text
    verified: bool

    @model_validator(mode="after")
    def memory_is_not_verified(self) -> Self:
        if self.verified and "memory" in self.source:
            raise ValueError("verified: a rule from memory is not verified until somebody has seen its text")
        return self

    def sourced(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _Sourced.model_fields}


_Id = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*\.[a-z0-9_]+$")]


class _Rule(_Dated, _Sourced):
    id: _Id
    channels: Annotated[list[_Channel], Field(min_length=1)]
    purposes: Annotated[list[_Purpose], Field(min_length=1)] = list(Purpose)

    def shared(self) -> dict[str, Any]:
        """The fields of `Rule`, as every kind takes them."""
        fields = {name: getattr(self, name) for name in _Rule.model_fields}
        return fields | {"channels": frozenset(self.channels), "purposes": frozenset(self.purposes)}


class _Open(_Strict):
    weekdays: Annotated[list[Weekday], Field(min_length=1)] = list(WEEKDAYS)
    start: _TimeOfDay = Field(alias="from")
    end: _TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def opens_before_it_closes(self) -> Self:
        if self.start >= self.end:
            raise ValueError("'from' must be before 'to'; write a night as two intervals, one to 24:00")
        return self


class _Holidays(_Strict):
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: str = ""
    categories: Annotated[list[_Text], Field(min_length=1)] = ["public"]
    equated: list[date] = []

    def holidays(self) -> Holidays:
        return Holidays(self.country, self.subdivision, tuple(self.categories), frozenset(self.equated))


class _Hours(_Rule):
    kind: Literal["hours"]
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

    def rule(self) -> Rule:
        closed = self.holidays.holidays() if self.holidays else None
        return HoursRule(**self.shared(), week=self.week(), holidays=closed)


class _Cap(_Rule):
    kind: Literal["cap"]
    most: Annotated[int, Field(ge=1)]
    counts: _Counted
    per: Literal["person", "debt", "account", "number"] = "person"
    window_days: Annotated[int, Field(ge=1, le=366)] | None = None
    window_hours: Annotated[int, Field(ge=1, le=8784)] | None = None
    calendar: Literal["day", "week", "month"] | None = None

    @model_validator(mode="after")
    def one_window(self) -> Self:
        if (self.window_days, self.window_hours, self.calendar).count(None) != 2:
            raise ValueError("give one of window_days, window_hours, calendar")
        return self

    def rule(self) -> Rule:
        return CapRule(
            **self.shared(),
            most=self.most,
            counts=self.counts,
            per=self.per,
            window_days=self.window_days,
            window_hours=self.window_hours,
            calendar=self.calendar,
        )


class _Gap(_Rule):
    kind: Literal["gap"]
    days: Annotated[int, Field(ge=1, le=366)]

    def rule(self) -> Rule:
        return GapRule(**self.shared(), days=self.days)


class _Consent(_Rule):
    kind: Literal["consent"]
    mode: Literal["opt_out", "opt_in"]
    across: bool = False

    def rule(self) -> Rule:
        return ConsentRule(**self.shared(), mode=self.mode, across=self.across)


class _Hold(_Rule):
    kind: Literal["hold"]
    holds: Annotated[list[_HoldKind], Field(min_length=1)]

    def rule(self) -> Rule:
        return HoldRule(**self.shared(), holds=frozenset(self.holds))


_PreferenceKind = Annotated[PreferenceKind, Field(strict=False)]
_Names = Annotated[list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]], Field(min_length=1)]


class _Preference(_Rule):
    kind: Literal["preference"]
    preferences: Annotated[list[_PreferenceKind], Field(min_length=1)]

    @model_validator(mode="after")
    def each_is_a_limit(self) -> Self:
        if PreferenceKind.TIMEZONE in self.preferences:
            raise ValueError("preferences: a time zone forbids nothing by itself")
        return self

    def rule(self) -> Rule:
        return PreferenceRule(**self.shared(), kinds=frozenset(self.preferences))


SUIT = "suit"
"""In `before` of a wait: handing the debt to a court, which is no letter."""


class _Wait(_Rule):
    kind: Literal["wait"]
    after: _Names
    before: _Names
    days: Annotated[int, Field(ge=1, le=366)]
    valid_months: Annotated[int, Field(ge=1, le=120)] | None = None

    def rule(self) -> Rule:
        return WaitRule(
            **self.shared(),
            after=frozenset(self.after),
            before=frozenset(self.before) - {SUIT},
            before_suit=SUIT in self.before,
            days=self.days,
            valid_months=self.valid_months,
        )


class _Content(_Rule):
    kind: Literal["content"]
    blocks: _Names
    letters: _Names | None = None

    def rule(self) -> Rule:
        return ContentRule(
            **self.shared(), blocks=frozenset(self.blocks), letters=frozenset(self.letters or ())
        )


class _Language(_Rule):
    kind: Literal["language"]
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(min_length=1)]
    letters: _Names | None = None

    def rule(self) -> Rule:
        return LanguageRule(
            **self.shared(), languages=frozenset(self.languages), letters=frozenset(self.letters or ())
        )


class _Limitation(_Rule):
    kind: Literal["limitation"]
    years: Annotated[int, Field(ge=1, le=30)]
    stops: Literal["suit", "contact"] = "suit"
    restarts: bool = True

    def rule(self) -> Rule:
        return LimitationRule(**self.shared(), years=self.years, stops=self.stops, restarts=self.restarts)


# ------------------------------------------------------------- sections that are not about contacts


class _Retention(_Sourced):
    years: Annotated[int, Field(ge=1, le=100)]
    after: _Text

    def section(self) -> Retention:
        return Retention(self.years, self.after, **self.sourced())


class _AfterReferral(_Sourced):
    reminders: bool

    def section(self) -> AfterReferral:
        return AfterReferral(self.reminders, **self.sourced())


class _ReAge(_Sourced):
    id: _Id
    min_age_months: Annotated[int, Field(ge=0, le=120)]
    min_payments: Annotated[int, Field(ge=1, le=24)]
    most_in_12_months: Annotated[int, Field(ge=1, le=12)]
    most_in_5_years: Annotated[int, Field(ge=1, le=60)]

    def section(self) -> ReAgeRule:
        return ReAgeRule(**{name: getattr(self, name) for name in type(self).model_fields})


class _Pauses(_Sourced):
    holds: Annotated[list[_HoldKind], Field(min_length=1)]

    @model_validator(mode="after")
    def each_has_a_pause(self) -> Self:
        known = {kind.value for kind in PauseKind}
        if strange := sorted(set(self.holds) - known):
            raise ValueError(
                f"holds: nothing pauses for {', '.join(strange)}; known are {', '.join(sorted(known))}"
            )
        return self

    def section(self) -> PauseRule:
        return PauseRule(frozenset(self.holds), **self.sourced())


def _millionths(value: Any) -> Any:
    """'0.36' as 360000."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]\.[0-9]{1,6}", value):
        raise ValueError("write a rate as '0.36' for 36 % a year")
    return int(value[0]) * MILLION + int(value[2:].ljust(6, "0"))


class _Charges(_Sourced):
    max_apr: Annotated[int, BeforeValidator(_millionths)] | None = None
    late_fee: str | None = None
    currency: str = ""

    @model_validator(mode="after")
    def fee_has_a_currency(self) -> Self:
        self._late_fee_minor()
        return self

    def _late_fee_minor(self) -> int | None:
        if self.late_fee is None:
            return None
        try:
            return to_minor(self.late_fee, self.currency)
        except BadAmount as error:
            raise ValueError(f"late_fee: {error}") from None

    def section(self) -> ChargeCaps:
        return ChargeCaps(
            **self.sourced(),
            max_apr_millionths=self.max_apr,
            late_fee_minor=self._late_fee_minor(),
            currency=self.currency,
        )


AnyRule = Annotated[
    _Hours | _Cap | _Gap | _Consent | _Hold | _Preference | _Wait | _Content | _Language | _Limitation,
    Field(discriminator="kind"),
]

_HEAD: TypeAdapter[Any] = TypeAdapter(_Head)
_RULE: TypeAdapter[Any] = TypeAdapter(AnyRule)
_SECTIONS: Mapping[str, TypeAdapter[Any]] = {
    "re_age": TypeAdapter(_ReAge),
    "pauses": TypeAdapter(_Pauses),
    "charges": TypeAdapter(_Charges),
    "retention": TypeAdapter(_Retention),
    "after_referral": TypeAdapter(_AfterReferral),
}
