"""`language`: the words must be in certain languages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_fewer, compare_letters
from app.policy.schema import Names


class LanguageTable(RuleTable):
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(min_length=1)]
    letters: Names | None = None

    def rule(self) -> LanguageRule:
        letters = frozenset(self.letters or ())
        return LanguageRule(**self.shared(), languages=frozenset(self.languages), letters=letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRule(Rule):
    """The words must be in one of these languages."""

    kind: ClassVar[str] = "language"
    table: ClassVar[type[RuleTable]] = LanguageTable

    languages: frozenset[str]
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = all."""

    def idle(self, asked: Question) -> bool:
        language = _base(asked.contact.language)
        return (
            not language
            or language in self.languages
            or bool(self.letters and asked.contact.letter not in self.letters)
        )

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        language, names = _base(asked.contact.language), ", ".join(sorted(self.languages))
        detail = f"written in {language}; must be in {names}"
        return [self._reason(detail, None, language=language, allowed=names)]

    def _spelling(self) -> JsonObject:
        letters = {"letters": sorted(self.letters)} if self.letters else {}
        return {"languages": sorted(self.languages), **letters}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "languages": compare_fewer(self.languages, changed.languages),
            "letters": compare_letters(self.letters, changed.letters),
        }


def _base(tag: str) -> str:
    return tag.partition("-")[0].lower()
