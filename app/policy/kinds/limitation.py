"""`limitation`: a time-barred debt is not sued for, or not asked for at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from app.core.dates import add_months
from app.core.text import counted
from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable, compare_fewer
from app.policy.schema import Names

SUIT_BLOCK = "legal_action"
"""The block with which a letter says that the debt may go to court."""

TIME_BARRED_BLOCK = "time_barred"
"""The block with which a letter says that the debt can no longer be sued for."""

Stops = Literal["suit", "silence", "contact"]


_STRICTER: tuple[Stops, ...] = ("suit", "silence", "contact")


class LimitationTable(RuleTable):
    years: Annotated[int, Field(ge=1, le=30)]
    stops: Stops = "suit"
    restarts: bool = True
    allows: Names | None = None

    def rule(self) -> LimitationRule:
        return LimitationRule(
            **self.shared(),
            years=self.years,
            stops=self.stops,
            restarts=self.restarts,
            allows=frozenset(self.allows or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitationRule(Rule):
    """A debt that is time-barred: `years` after its last payment, or where a payment does not start the period anew
    (`restarts` = False) after its oldest due date.

    `stops` = `suit`: no suit, and no letter that threatens one. `silence`: moreover no words that do not say that the
    debt is too old to be sued for (the block `time_barred`). `contact`: nothing at all is asked for any more.
    """

    kind: ClassVar[str] = "limitation"
    table: ClassVar[type[RuleTable]] = LimitationTable

    years: int
    stops: Stops = "suit"
    restarts: bool = True
    allows: frozenset[str] = frozenset()
    """Letters that ask for nothing, and pass: the answer to the customer's own question, or an account."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(debt_years=self.years)

    def idle(self, asked: Question) -> bool:
        blocks = asked.contact.blocks
        if asked.facts.due_since is None or asked.contact.letter in self.allows:
            return True
        if self.stops == "contact" or SUIT_BLOCK in (blocks or ()):
            return False
        return self.stops == "suit" or blocks is None or TIME_BARRED_BLOCK in blocks

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        lacks = self.stops == "silence" and TIME_BARRED_BLOCK not in (asked.contact.blocks or ())
        return self._barred(asked, "; the words do not say that it cannot be sued for" if lacks else "")

    def suit_objections(self, asked: Question) -> Sequence[Reason]:
        return self._barred(asked)

    def _barred(self, asked: Question, more: str = "") -> Sequence[Reason]:
        since = asked.facts.paid_or_due_since if self.restarts else asked.facts.due_since
        if since is None:
            return ()
        first = add_months(since, 12 * self.years)
        today = max((day for _, day in asked.local_days), default=asked.at.date())
        if today < first:
            return ()
        detail = f"time-barred since {first}: {counted(self.years, 'year')} from {since}{more}"
        return [
            self._reason(detail, None, since=since.isoformat(), years=self.years, barred_on=first.isoformat())
        ]

    def _spelling(self) -> JsonObject:
        allows = {"allows": sorted(self.allows)} if self.allows else {}
        return {"years": self.years, "stops": self.stops, "restarts": self.restarts, **allows}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "years": Comparison(self.years, changed.years, changed.years <= self.years),
            "stops": Comparison(
                self.stops, changed.stops, _STRICTER.index(changed.stops) >= _STRICTER.index(self.stops)
            ),
            "restarts": Comparison(self.restarts, changed.restarts, self.restarts or not changed.restarts),
            "allows": compare_fewer(self.allows, changed.allows),
        }
