"""`content`: the words must carry certain standard blocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_letters, compare_more
from app.policy.schema import Names


class ContentTable(RuleTable):
    blocks: Names
    letters: Names | None = None

    def rule(self) -> ContentRule:
        letters = frozenset(self.letters or ())
        return ContentRule(**self.shared(), blocks=frozenset(self.blocks), letters=letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRule(Rule):
    """The words must carry these standard blocks."""

    kind: ClassVar[str] = "content"
    table: ClassVar[type[RuleTable]] = ContentTable

    blocks: frozenset[str]
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = all."""

    def idle(self, asked: Question) -> bool:
        return (
            asked.contact.blocks is None
            or bool(self.letters and asked.contact.letter not in self.letters)
            or self.blocks.issubset(asked.contact.blocks)
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        names = sorted(self.blocks.difference(asked.contact.blocks or ()))
        return [self._reason(f"the words lack {', '.join(names)}", None, missing=names)]

    def _spelling(self) -> JsonObject:
        letters = {"letters": sorted(self.letters)} if self.letters else {}
        return {"blocks": sorted(self.blocks), **letters}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "blocks": compare_more(self.blocks, changed.blocks),
            "letters": compare_letters(self.letters, changed.letters),
        }
