"""`represented`: a customer for whom somebody acts is not contacted; that person is, instead. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.core.types import JsonObject
from app.core.vocabulary import Purpose
from app.policy.answers import Reason
from app.policy.rules import Comparison, FactsNeeded, Question, Rule, RuleTable, compare_fewer, compare_more
from app.policy.schema import Names

RepresentativeKind = Literal[
    "attorney", "executor", "adviser", "family", "guardian", "power_of_attorney", "trustee"
]


class RepresentedTable(RuleTable):
    parties: Annotated[list[RepresentativeKind], Field(min_length=1)]
    passes: Names | None = None

    @model_validator(mode="after")
    def only_reminders(self) -> Self:
        if self.purposes != [Purpose.REMINDER]:
            raise ValueError(
                'purposes: must be ["reminder"], for confirmations and notices are the customer\'s own too'
            )
        return self

    def rule(self) -> RepresentedRule:
        return RepresentedRule(
            **self.shared(), parties=frozenset(self.parties), passes=frozenset(self.passes or ())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentedRule(Rule):
    """While one of these third parties speaks for the customer and can be written to, reminders stop. What is agreed or
    owed by law goes to the customer as well: a third party who does not hand it on must not be the reason that the
    customer lacks it."""

    kind: ClassVar[str] = "represented"
    table: ClassVar[type[RuleTable]] = RepresentedTable

    parties: frozenset[RepresentativeKind]
    passes: frozenset[str] = frozenset()
    """Letters that go to the customer all the same."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(represented=True)

    def idle(self, asked: Question) -> bool:
        return asked.facts.represented is None or asked.contact.letter in self.passes

    def objections(self, asked: Question) -> Sequence[Reason]:
        by = asked.facts.represented
        if by is None or self.idle(asked) or by.kind not in self.parties:
            return ()
        if asked.at < by.since or (by.until is not None and by.until <= asked.at):
            return ()
        detail = f"the {by.kind} speaks for the customer since {by.since.date()} and is contacted instead"
        figures = {"party": by.kind, "since": by.since.isoformat()}
        return [self._reason(detail, by.until, **figures)]

    def _spelling(self) -> JsonObject:
        return {"parties": sorted(self.parties), **({"passes": sorted(self.passes)} if self.passes else {})}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "parties": compare_more(self.parties, changed.parties),
            "passes": compare_fewer(self.passes, changed.passes),
        }
