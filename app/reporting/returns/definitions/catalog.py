"""All returns. A new one is a file here and its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from app.core.errors import NotFound
from app.reporting.returns.definitions import cn_card_tiers, uk_arrears, uk_complaints
from app.reporting.returns.lines import Sheet
from app.reporting.returns.rules import ReturnDefinition, ReturnKind


@dataclass(frozen=True, slots=True)
class Known:
    """A return in words, and the selects of its lines."""

    definition: ReturnDefinition
    sheets: tuple[Sheet, ...]


@cache
def known_returns() -> Mapping[ReturnKind, Known]:
    """By kind, in the order of the pages."""
    found = (
        Known(
            uk_complaints.definition(),
            (uk_complaints.complaints, uk_complaints.redress, uk_complaints.accounts),
        ),
        Known(
            uk_arrears.definition(),
            (
                uk_arrears.state,
                uk_arrears.flow,
                uk_arrears.plans,
                uk_arrears.paused,
                uk_arrears.re_aged,
                uk_arrears.ends,
                uk_arrears.fees,
            ),
        ),
        Known(cn_card_tiers.definition(), (cn_card_tiers.tiers,)),
    )
    return {each.definition.kind: each for each in found}


def return_named(name: str) -> Known:
    """NotFound names those that exist."""
    kinds = {kind.value: known for kind, known in known_returns().items()}
    if name not in kinds:
        raise NotFound(f"There is no return of this name. Known are {', '.join(kinds)}.")
    return kinds[name]
