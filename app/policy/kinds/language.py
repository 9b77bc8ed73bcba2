"""`language`: the words must be in certain languages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from app.core.types import JsonObject
from app.policy.answers import Reason
from app.policy.rules import Comparison, Question, Rule, RuleTable, compare_letters, compare_more
from app.policy.schema import Names


class LanguageTable(RuleTable):
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] | None = None
    scripts: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}-[A-Z][a-z]{3}$")]] | None = None
    letters: Names | None = None

    @model_validator(mode="after")
    def something_is_named(self) -> Self:
        if not (self.languages or self.scripts):
            raise ValueError("name languages or scripts")
        return self

    def rule(self) -> LanguageRule:
        return LanguageRule(
            **self.shared(),
            languages=frozenset(self.languages or ()),
            scripts=frozenset(self.scripts or ()),
            letters=frozenset(self.letters or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRule(Rule):
    """The words must be in one of these languages, and in the script that is read there."""

    kind: ClassVar[str] = "language"
    table: ClassVar[type[RuleTable]] = LanguageTable

    languages: frozenset[str] = frozenset()
    """Empty = any."""
    scripts: frozenset[str] = frozenset()
    """Tags such as `zh-Hans`: words in that language must be in that script."""
    letters: frozenset[str] = frozenset()
    """Only these letters; empty = all."""

    def idle(self, asked: Question) -> bool:
        language = _base(asked.contact.language)
        if not language or bool(self.letters and asked.contact.letter not in self.letters):
            return True
        is_read = not self.languages or language in self.languages
        return is_read and not self._wanted_script(asked.contact.language)

    def _wanted_script(self, tag: str) -> str:
        """The script in which words with this tag would have to be; '' = they are in it, or any will do."""
        wanted = sorted(each for each in self.scripts if _base(each) == _base(tag))
        return "" if not wanted or script_of(tag) in wanted else ", ".join(wanted)

    def objections(self, asked: Question) -> Sequence[Reason]:
        if self.idle(asked):
            return ()
        tag = asked.contact.language
        language, names = _base(tag), ", ".join(sorted(self.languages))
        if not self.languages or language in self.languages:
            language, names = script_of(tag), self._wanted_script(tag)
        detail = f"written in {language}; must be in {names}"
        return [self._reason(detail, None, language=language, allowed=names)]

    def _spelling(self) -> JsonObject:
        letters = {"letters": sorted(self.letters)} if self.letters else {}
        scripts = {"scripts": sorted(self.scripts)} if self.scripts else {}
        languages = {"languages": sorted(self.languages)} if self.languages else {}
        return {**languages, **scripts, **letters}

    def _compared(self, changed: Self) -> Mapping[str, Comparison]:
        return {
            "languages": Comparison(
                sorted(self.languages),
                sorted(changed.languages),
                not self.languages or (bool(changed.languages) and changed.languages <= self.languages),
            ),
            "scripts": compare_more(self.scripts, changed.scripts),
            "letters": compare_letters(self.letters, changed.letters),
        }


def _base(tag: str) -> str:
    return tag.partition("-")[0].lower()


def script_of(tag: str) -> str:
    """The language with the script in which it is written: Chinese without one is in Traditional characters, which our
    letters in `zh` are; other languages have one script."""
    base, *rest = tag.replace("_", "-").lower().split("-")
    if base != "zh":
        return base
    return "zh-Hans" if {"hans", "cn", "sg"} & set(rest) else "zh-Hant"
