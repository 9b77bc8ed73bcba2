"""`[protected_rate]`: the most that an account may bear while a hold stands, interest and fees together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.core.vocabulary import HoldKind
from app.policy.schema import HoldKindField, SourcedTable
from app.policy.sections.charges import millionths


@dataclass(frozen=True, slots=True)
class ProtectedRateRule:
    """Holds during which a debt of before the protected time bears a rate of at most `max_apr_millionths`, and no late
    fees."""

    holds: frozenset[HoldKind]
    max_apr_millionths: int
    force: str
    citation: str
    source: str
    verified: bool


class ProtectedRateTable(SourcedTable):
    holds: Annotated[list[HoldKindField], Field(min_length=1)]
    max_apr: Annotated[int, BeforeValidator(millionths)]

    def section(self) -> ProtectedRateRule:
        return ProtectedRateRule(frozenset(self.holds), self.max_apr, **self.sourced())


def lowest_protected_rate(rules: Sequence[ProtectedRateRule]) -> ProtectedRateRule | None:
    """The rule with the lowest rate. None without any."""
    return min(rules, key=lambda rule: rule.max_apr_millionths, default=None)
