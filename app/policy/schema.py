"""The fields that tables of a pack file share, checked by pydantic. Each kind and section adds its own."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.types import JsonObject
from app.core.vocabulary import Channel, HoldKind, Purpose

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

ChannelField = Annotated[Channel, Field(strict=False)]
PurposeField = Annotated[Purpose, Field(strict=False)]
HoldKindField = Annotated[HoldKind, Field(strict=False)]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]], Field(min_length=1)]
RuleId = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*\.[a-z0-9_]+$")]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


def _minutes(value: object) -> int:
    """'HH:MM' as minutes after midnight; 24:00 is the end of the day."""
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError("write a time of day as 'HH:MM', at most '24:00'")
    return int(value[:2]) * 60 + int(value[3:])


TimeOfDay = Annotated[int, BeforeValidator(_minutes)]


class Table(BaseModel):
    """A table of a pack file: unknown fields and other types than its own are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DatedTable(Table):
    """A table that says from when to when it applies."""

    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def dates_in_order(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self


class SourcedTable(Table):
    """A table that says how binding it is, and where that stands."""

    force: Text
    citation: Text
    source: Text
    verified: bool

    @model_validator(mode="after")
    def memory_is_not_verified(self) -> Self:
        if self.verified and "memory" in self.source:
            raise ValueError("verified: a rule from memory is not verified until a person has seen its text")
        return self

    def sourced(self) -> JsonObject:
        """The fields of `SourcedTable` alone."""
        return {name: getattr(self, name) for name in SourcedTable.model_fields}
