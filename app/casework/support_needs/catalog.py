"""The list of support needs and the words that a note may not have, as data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.casework.support_needs.effects import (
    LargePrint,
    NeedEffect,
    NoChannel,
    PlaceHold,
    QuietTime,
    WithholdPlaces,
)
from app.casework.support_needs.rules import Audience, NeedCode
from app.core.errors import Invalid
from app.core.kit.toml_text import parse_toml
from app.core.vocabulary import Channel, HoldKind
from app.policy.schema import TimeOfDay

HERE = Path(__file__).parent
SAFETY = "Safety and events"
"""Heading of the needs that forbid a sale: safety, custody, a death, a crisis."""
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Channels = Annotated[list[Annotated[Channel, Field(strict=False)]], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _QuietTime(_Table):
    do: Literal["quiet_time"]
    channels: Channels
    start: TimeOfDay
    end: TimeOfDay

    def effect(self) -> NeedEffect:
        return QuietTime(tuple(self.channels), self.start, self.end)


class _NoChannel(_Table):
    do: Literal["no_channel"]
    channels: Channels

    def effect(self) -> NeedEffect:
        return NoChannel(tuple(self.channels))


class _Hold(_Table):
    do: Literal["hold"]
    kind: Annotated[HoldKind, Field(strict=False)]
    days: Annotated[int, Field(ge=1, le=366)]
    by_person: bool = False

    def effect(self) -> NeedEffect:
        return PlaceHold(self.kind, self.days, self.by_person)


class _LargePrint(_Table):
    do: Literal["large_print"]

    def effect(self) -> NeedEffect:
        return LargePrint()


class _WithholdPlaces(_Table):
    do: Literal["withhold_places"]

    def effect(self) -> NeedEffect:
        return WithholdPlaces()


_Effect = Annotated[
    _QuietTime | _NoChannel | _Hold | _LargePrint | _WithholdPlaces, Field(discriminator="do")
]


class _Need(_Table):
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,38}$")]
    label: Words
    group: Words
    effects: list[_Effect] = []
    script: list[Words] = []
    audience: Annotated[Audience, Field(strict=False)] = Audience.CASEWORK
    review_days: Annotated[int, Field(ge=1, le=366)] = 180
    by_law: bool = False

    def need(self) -> NeedCode:
        return NeedCode(
            self.code, self.label, self.group, tuple(each.effect() for each in self.effects), tuple(self.script),
            self.audience, self.review_days, self.by_law,
        )  # fmt: skip


class _File(_Table):
    needs: Annotated[list[_Need], Field(min_length=1)]


@cache
def support_needs() -> Mapping[str, NeedCode]:
    """The list, by code, in the order of the file."""
    text = HERE.joinpath("shipped.toml").read_text(encoding="utf-8")
    return {each.code: each.need() for each in _File.model_validate(parse_toml(text)).needs}


def need_named(code: str) -> NeedCode:
    """The need with a code. Invalid for one that is not in the list."""
    found = support_needs().get(code)
    if found is None:
        raise Invalid("Choose a need from the list.", "code")
    return found


def label_of(code: str) -> str:
    """A need in words; one that is not in the list any more keeps its code."""
    found = support_needs().get(code)
    return found.label if found else code.replace("_", " ").capitalize()


@cache
def with_effect(kind: type[NeedEffect]) -> frozenset[str]:
    """The codes of the needs that have an effect of this kind."""
    return frozenset(
        each.code
        for each in support_needs().values()
        if any(isinstance(effect, kind) for effect in each.effects)
    )


def needs_in_group(group: str) -> frozenset[str]:
    """Codes of the needs under one heading of the list."""
    return frozenset(code for code, need in support_needs().items() if need.group == group)


@cache
def diagnoses() -> tuple[str, ...]:
    """The words that a note may not have, folded, of every language."""
    listed = parse_toml(HERE.joinpath("diagnoses.toml").read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(word for words in listed.values() for word in words))
