"""`forbidden`: a channel that is not used at all, whatever the customer allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_letters
from app.policy.schema import Names, Text


class ForbiddenTable(RuleTable):
    why: Text
    letters: Names | None = None

    def rule(self) -> ForbiddenRule:
        return ForbiddenRule(**self.shared(), why=self.why, letters=frozenset(self.letters or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenRule(Rule):
    """None of its channels is used for its purposes: a provider does not carry such messages, or a law bans them. No
    consent lifts it."""

    kind: ClassVar[str] = "forbidden"
    table: ClassVar[type[RuleTable]] = ForbiddenTable

    why: str
    """The ban as a clause: "Twilio carries no SMS of third-party debt collection"."""
    letters: frozenset[str] = frozenset()
    """The letters that it bans; empty = every contact."""

    def idle(self, asked: Question) -> bool:
        return bool(self.letters) and asked.contact.letter not in self.letters

    def objections(self, _asked: Question) -> Sequence[Reason]:
        return [self._reason(self.why, None)]

    def _spelling(self) -> JsonObject:
        return {"why": self.why, **({"letters": sorted(self.letters)} if self.letters else {})}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "why": Comparison(self.why, changed.why, changed.why == self.why),
            "letters": compare_letters(self.letters, changed.letters),
        }
