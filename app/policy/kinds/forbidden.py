"""`forbidden`: a channel that is not used at all, whatever the customer allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable
from app.policy.schema import Text


class ForbiddenTable(RuleTable):
    why: Text

    def rule(self) -> ForbiddenRule:
        return ForbiddenRule(**self.shared(), why=self.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenRule(Rule):
    """None of its channels is used for its purposes: a provider does not carry such messages, or a law bans them. No
    consent lifts it."""

    kind: ClassVar[str] = "forbidden"
    table: ClassVar[type[RuleTable]] = ForbiddenTable

    why: str
    """The ban as a clause: "Twilio carries no SMS of third-party debt collection"."""

    def objections(self, _asked: Question) -> Sequence[Reason]:
        return [self._reason(self.why, None)]

    def _spelling(self) -> JsonObject:
        return {"why": self.why}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {"why": Comparison(self.why, changed.why, changed.why == self.why)}
