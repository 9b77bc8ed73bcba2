"""`[retention]`: how long the record of contacts is kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.policy.schema import SourcedTable, Text


@dataclass(frozen=True, slots=True)
class Retention:
    """Time for which the record of contacts is kept."""

    years: int
    after: str
    """From when the years run, in words."""
    force: str
    citation: str
    source: str
    verified: bool


class RetentionTable(SourcedTable):
    years: Annotated[int, Field(ge=1, le=100)]
    after: Text

    def section(self) -> Retention:
        return Retention(self.years, self.after, **self.sourced())


def longest_retention(retentions: Sequence[Retention]) -> Retention | None:
    """The longest retention of several packs; None without any."""
    return max(retentions, key=lambda kept: kept.years, default=None)
