"""`[pauses]`: the holds during which days past due do not count and nothing is charged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.vocabulary import HoldKind, holds_with
from app.policy.schema import HoldKindField, SourcedTable


class PauseKind(StrEnum):
    """Reasons why days do not count: a moratorium, or a hold that may pause them (`HoldTraits.may_pause`)."""

    HARDSHIP = "hardship"
    MORATORIUM = "moratorium"
    DISPUTE = "dispute"
    BREATHING_SPACE = "breathing_space"


@dataclass(frozen=True, slots=True)
class PauseRule:
    """Holds during which days do not count toward days past due and nothing is charged."""

    holds: frozenset[HoldKind]
    force: str
    citation: str
    source: str
    verified: bool


class PausesTable(SourcedTable):
    holds: Annotated[list[HoldKindField], Field(min_length=1)]

    @model_validator(mode="after")
    def each_has_a_pause(self) -> Self:
        known = holds_with(lambda traits: traits.may_pause)
        if strange := sorted(set(self.holds) - known):
            raise ValueError(
                f"holds: nothing pauses for {', '.join(strange)}; known are {', '.join(sorted(known))}"
            )
        return self

    def section(self) -> PauseRule:
        return PauseRule(frozenset(self.holds), **self.sourced())


def all_pauses(pauses: Sequence[PauseRule]) -> PauseRule | None:
    """The pauses of several packs in one: days rest where any pack says so. None without any."""
    if len(pauses) < 2:
        return pauses[0] if pauses else None
    return PauseRule(
        frozenset().union(*(pause.holds for pause in pauses)),
        "; ".join(dict.fromkeys(pause.force for pause in pauses)),
        "; ".join(dict.fromkeys(pause.citation for pause in pauses)),
        "; ".join(dict.fromkeys(pause.source for pause in pauses)),
        all(pause.verified for pause in pauses),
    )
