"""`limitation`: a time-barred debt is not sued for, or not asked for at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from app.core.dates import add_months
from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable

SUIT_BLOCK = "legal_action"
"""The block with which a letter says that the debt may go to court."""

Stops = Literal["suit", "contact"]


class LimitationTable(RuleTable):
    years: Annotated[int, Field(ge=1, le=30)]
    stops: Stops = "suit"
    restarts: bool = True

    def rule(self) -> LimitationRule:
        return LimitationRule(**self.shared(), years=self.years, stops=self.stops, restarts=self.restarts)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitationRule(Rule):
    """A debt that is time-barred: `years` after its last payment, or where a payment does not start the period anew
    (`restarts` = False) after its oldest due date.

    `stops` = `suit`: no suit, and no letter that threatens one. `contact`: nothing at all is asked for any more.
    """

    kind: ClassVar[str] = "limitation"
    table: ClassVar[type[RuleTable]] = LimitationTable

    years: int
    stops: Stops = "suit"
    restarts: bool = True

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(debt_years=self.years)

    def idle(self, asked: Question) -> bool:
        return asked.facts.due_since is None or (
            self.stops == "suit" and SUIT_BLOCK not in (asked.contact.blocks or ())
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        return () if self.idle(asked) else self.suit_objections(asked)

    def suit_objections(self, asked: Question) -> Sequence[Reason]:
        since = asked.facts.paid_or_due_since if self.restarts else asked.facts.due_since
        if since is None:
            return ()
        first = add_months(since, 12 * self.years)
        today = max((day for _, day in asked.local_days), default=asked.at.date())
        if today < first:
            return ()
        detail = f"time-barred since {first}: {self.years} years from {since}"
        return [
            self._reason(detail, None, since=since.isoformat(), years=self.years, barred_on=first.isoformat())
        ]

    def _spelling(self) -> JsonObject:
        return {"years": self.years, "stops": self.stops, "restarts": self.restarts}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "years": Comparison(self.years, changed.years, changed.years <= self.years),
            "stops": Comparison(self.stops, changed.stops, changed.stops in (self.stops, "contact")),
            "restarts": Comparison(self.restarts, changed.restarts, self.restarts or not changed.restarts),
        }
