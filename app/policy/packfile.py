"""The reader of pack files: a policy pack from its TOML text, refused where it is misspelt, incomplete or unsafe.

Pydantic checks the file's spelling here, once; the result is a `Pack` of plain frozen rules. The fields of each
rule kind are in `kinds/`, those of each section in `sections/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from app.core.errors import Invalid
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.kinds import KINDS
from app.policy.kinds.consent import ConsentRule
from app.policy.kinds.hold import HoldRule
from app.policy.pack import Collector, Pack
from app.policy.rules import Rule
from app.policy.schema import CountryCode, DatedTable, Table, Text
from app.policy.sections.after_referral import AfterReferralTable
from app.policy.sections.agreements import AgreementsTable
from app.policy.sections.charges import ChargesTable
from app.policy.sections.complaints import HOUSE, ComplaintsTable
from app.policy.sections.disputes import DisputesTable
from app.policy.sections.hardship import HardshipTable
from app.policy.sections.pauses import PausesTable
from app.policy.sections.protected_rate import ProtectedRateTable
from app.policy.sections.re_age import ReAgeTable
from app.policy.sections.retention import RetentionTable
from app.policy.territory import Territory

PACKS = Path(__file__).parent / "packs"


class BadPack(Invalid):
    """A policy pack that cannot be used; the message names file, rule and field."""


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
    table = _checked(_PackTable, content, name)
    rules = tuple(rule_of(entry, f"{name}: {_called(entry, at)}") for at, entry in enumerate(entries))
    _refuse_twice(rules, name)
    if table.provider and not table.stacks_on:
        raise BadPack(
            f"{name}: stacks_on: the policy of a provider is no pack of its own; name those it adds to"
        )
    if table.stacks_on:
        if table.place is None and table.collector == "any" and not table.bought:
            raise BadPack(
                f"{name}: stacks_on: needs a [place], a collector or bought = true, else it is no pack of its own"
            )
    else:
        _refuse_unsafe(rules, name)
    return table.pack(rules, text)


def rule_of(entry: object, where: str) -> Rule:
    """The rule that one [[rules]] table spells; BadPack begins with `where`."""
    if not isinstance(entry, dict):
        raise BadPack(f"{where}: is no table")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        said = "is missing" if kind is None else f"is {kind!r}"
        raise BadPack(f"{where}: kind: {said}; known kinds are {', '.join(KINDS)}", "kind")
    return _checked(KINDS[kind].table, entry, where).rule()


def _called(entry: object, at: int) -> str:
    known = isinstance(entry, dict) and isinstance(entry.get("id"), str)
    return f"rule {entry['id']}" if known and isinstance(entry, dict) else f"rule number {at + 1}"


AnyTable = TypeVar("AnyTable", bound=Table)


def _checked(table: type[AnyTable], content: object, where: str) -> AnyTable:
    try:
        return table.model_validate(content)
    except ValidationError as error:
        problems = [(".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()]
        message = "; ".join(f"{field}: {text}" if field else text for field, text in problems)
        raise BadPack(f"{where}: {message}", problems[0][0] or None) from error


def _refuse_twice(rules: Iterable[Rule], name: str) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise BadPack(f"{name}: rule {rule.id}: id: used twice", "id")
        seen.add(rule.id)


def _refuse_unsafe(rules: Sequence[Rule], name: str) -> None:
    """A pack that forgets the opt-out or a hold would let reminders through that no operator means to send."""
    always = [rule for rule in rules if Purpose.REMINDER in rule.purposes and rule.effective_to is None]
    for channel in Channel:
        on_channel = [rule for rule in always if channel in rule.channels]
        if not any(isinstance(rule, ConsentRule) for rule in on_channel):
            raise BadPack(
                f"{name}: rules: the pack has no consent rule for reminders by {channel}. Add one.", "rules"
            )
        held = {kind for rule in on_channel if isinstance(rule, HoldRule) for kind in rule.holds}
        if missing := sorted(set(HoldKind) - held):
            raise BadPack(
                f"{name}: rules: no hold rule stops reminders by {channel} for {', '.join(missing)}. Add one.",
                "rules",
            )


# --- the file but for its rules ---


class _PlaceTable(Table):
    regions: list[Text] = []
    cities: list[Text] = []
    postcodes: list[Annotated[str, Field(pattern=r"^[0-9A-Z]+$")]] = []

    @model_validator(mode="after")
    def somewhere(self) -> Self:
        if not (self.regions or self.cities or self.postcodes):
            raise ValueError("name regions, cities or postcodes")
        return self

    def territory(self) -> Territory:
        regions, cities = ({name.upper() for name in names} for names in (self.regions, self.cities))
        return Territory(frozenset(regions), frozenset(cities), tuple(self.postcodes))


class _PackTable(DatedTable):
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    name: Text
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.]+$")]
    country: CountryCode
    collector: Collector
    effective_from: date
    disclaimer: Text
    stacks_on: list[Text] = []
    provider: Annotated[str, Field(pattern=r"^[a-z]*$")] = ""
    bought: bool = False
    place: _PlaceTable | None = None
    re_age: ReAgeTable | None = None
    pauses: PausesTable | None = None
    charges: ChargesTable | None = None
    protected_rate: ProtectedRateTable | None = None
    hardship: HardshipTable | None = None
    retention: RetentionTable | None = None
    after_referral: AfterReferralTable | None = None
    agreements: AgreementsTable | None = None
    complaints: ComplaintsTable | None = None
    disputes: DisputesTable | None = None

    def pack(self, rules: tuple[Rule, ...], text: str) -> Pack:
        re_age, label = self.re_age.section() if self.re_age else None, f"{self.code}@{self.version}"
        return Pack(
            code=self.code,
            name=self.name,
            version=self.version,
            country=self.country,
            collector=self.collector,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
            disclaimer=self.disclaimer,
            rules=rules,
            re_age=replace(re_age, pack=label) if re_age else None,
            pauses=self.pauses.section() if self.pauses else None,
            charges=self.charges.section() if self.charges else None,
            protected_rate=self.protected_rate.section() if self.protected_rate else None,
            hardship=self.hardship.section() if self.hardship else None,
            retention=self.retention.section() if self.retention else None,
            after_referral=self.after_referral.section() if self.after_referral else None,
            agreements=self.agreements.section(label) if self.agreements else None,
            complaints=self.complaints.section() if self.complaints else HOUSE,
            disputes=self.disputes.section() if self.disputes else None,
            stacks_on=tuple(self.stacks_on),
            provider=self.provider,
            bought=self.bought,
            place=self.place.territory() if self.place else None,
            text=text,
        )
