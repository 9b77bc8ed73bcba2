"""`hold`: no contact of certain purposes while a hold stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.types import JsonObject
from app.core.vocabulary import HoldKind
from app.policy.answers import Reason
from app.policy.facts import Hold
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_more
from app.policy.schema import HoldKindField


class HoldTable(RuleTable):
    holds: Annotated[list[HoldKindField], Field(min_length=1)]

    def rule(self) -> HoldRule:
        return HoldRule(**self.shared(), holds=frozenset(self.holds))


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule(Rule):
    """While a hold of one of these kinds is open, the rule's purposes are stopped; a hold with an end lapses.

    The facts say whether it has an end (`Hold.until`), not the rule: a decision made when disputes ended on
    their review date is still asked with the facts of then, and gives the answer of then.
    """

    kind: ClassVar[str] = "hold"
    table: ClassVar[type[RuleTable]] = HoldTable

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

    def _spelling(self) -> JsonObject:
        return {"holds": sorted(self.holds)}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {"holds": compare_more(self.holds, changed.holds)}
