"""`agreement`: collection stops while an agreement on payments is kept. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import (
    Comparison,
    FactsNeeded,
    Question,
    Rule,
    RuleTable,
    compare_fewer,
    compare_letters,
    compare_more,
)
from app.policy.schema import Names

AgreementKind = Literal["promise", "instalments", "settlement", "hardship"]


class AgreementRuleTable(RuleTable):
    agreements: Annotated[list[AgreementKind], Field(min_length=1)]
    letters: Names | None = None
    passes: Names | None = None

    def rule(self) -> AgreementRule:
        return AgreementRule(
            **self.shared(),
            agreements=frozenset(self.agreements),
            letters=frozenset(self.letters or ()),
            passes=frozenset(self.passes or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRule(Rule):
    """While an agreement of one of these kinds is kept, the rule's purposes are stopped. A broken, paid or cancelled
    agreement stops nothing."""

    kind: ClassVar[str] = "agreement"
    table: ClassVar[type[RuleTable]] = AgreementRuleTable

    agreements: frozenset[AgreementKind]
    letters: frozenset[str] = frozenset()
    """Only these letters are stopped; empty = every contact."""
    passes: frozenset[str] = frozenset()
    """Letters of the agreement itself."""

    @property
    def needed(self) -> FactsNeeded:
        return FactsNeeded(agreements=True)

    def idle(self, asked: Question) -> bool:
        letter = asked.contact.letter
        return (
            asked.facts.agreement is None
            or letter in self.passes
            or bool(self.letters and letter not in self.letters)
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        kept = asked.facts.agreement
        if self.idle(asked) or kept is None or kept.kind not in self.agreements:
            return ()
        detail = f"agreement {kept.reference} is kept since {kept.since}; collection stops until it ends or is broken"
        figures = {"agreement": kept.reference, "kind": kept.kind, "since": kept.since.isoformat()}
        return [self._reason(detail, None, **figures)]

    def _spelling(self) -> JsonObject:
        names = {"letters": sorted(self.letters), "passes": sorted(self.passes)}
        return {"agreements": sorted(self.agreements), **{k: v for k, v in names.items() if v}}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "agreements": compare_more(self.agreements, changed.agreements),
            "letters": compare_letters(self.letters, changed.letters),
            "passes": compare_fewer(self.passes, changed.passes),
        }
