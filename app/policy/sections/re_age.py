"""`[re_age]`: the conditions for bringing an account current without its being paid current. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.policy.schema import RuleId, SourcedTable


@dataclass(frozen=True, slots=True)
class ReAgeRule:
    """A pack's conditions, as of the FFIEC Uniform Retail Credit Classification and Account Management Policy
    (65 FR 36903, 12 June 2000)."""

    id: str
    min_age_months: int
    min_payments: int
    """Consecutive minimum payments that must have been made, or the same sum."""
    most_in_12_months: int
    most_in_5_years: int
    force: str
    citation: str
    source: str
    verified: bool
    pack: str = ""
    """`code@version` of the pack it is from."""


class ReAgeTable(SourcedTable):
    id: RuleId
    min_age_months: Annotated[int, Field(ge=0, le=120)]
    min_payments: Annotated[int, Field(ge=1, le=24)]
    most_in_12_months: Annotated[int, Field(ge=1, le=12)]
    most_in_5_years: Annotated[int, Field(ge=1, le=60)]

    def section(self) -> ReAgeRule:
        return ReAgeRule(**{name: getattr(self, name) for name in type(self).model_fields})
