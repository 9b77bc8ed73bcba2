"""Cues: words by which a complaint, a request for help, a support need or a dispute is known. Pure but for two files.

A cue only raises the question "is this a ...?"; a person answers it. The measure of a complaint is the FCA's glossary:
any expression of dissatisfaction, oral or written, justified or not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from app.core.kit.folding import fold, has_run

CUES = Path(__file__).with_name("cues.toml")
ROOM_CUES = Path(__file__).with_name("room_cues.toml")
LANGUAGES = ("en", "zh", "id", "nb", "nl", "es")
SHORT_WORDS = 20
LEAST_WEAK, LEAST_WEAK_SHORT = 2, 3
"""Different weak cues that raise the question together; more in a text of fewer words than `SHORT_WORDS`, where "never
got it, send it again" is no complaint."""
MOST_TOLD = 5
"""Cues that are named to the person who answers."""


class Subject(StrEnum):
    """What words may be; each has its room."""

    COMPLAINT = "complaint"
    HARDSHIP = "hardship"
    SUPPORT_NEED = "support_need"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class CueList:
    """The cues of one language, compiled."""

    strong: re.Pattern[str]
    weak: re.Pattern[str]
    """Neither counts a cue inside a longer word."""

    def found(self, folded: str) -> list[str]:
        """The cues in a folded text, if they are enough to ask; empty = they are not."""
        strong = _different(self.strong, folded)
        weak = _different(self.weak, folded)
        least = LEAST_WEAK_SHORT if folded.count(" ") + 1 < SHORT_WORDS else LEAST_WEAK
        return [*strong, *weak] if strong or len(weak) >= least else []


def complaint_cues(text: str, languages: Collection[str] | None = None) -> tuple[str, ...]:
    """The cues for which a person is asked whether these words are a complaint, at most five; empty = none.

    `languages`: base codes of the languages the writer may use, as `languages_of` gives them; None = every one. English
    is always read, and ideographs wherever they stand.
    """
    folded = fold(text)
    lists = shipped_cues()
    asked = [lang for lang in LANGUAGES if languages is None or lang in ("en", *languages)]
    if has_run(folded) and "zh" not in asked:
        asked.append("zh")
    found: dict[str, None] = {}
    for language in asked:
        found.update(dict.fromkeys(lists[language].found(folded)))
    return tuple(found)[:MOST_TOLD]


def cues_of(subject: Subject, text: str, languages: Collection[str] | None = None) -> tuple[str, ...]:
    """The cues for which a person is asked whether these words are of this subject, as `complaint_cues` has them."""
    if subject is Subject.COMPLAINT:
        return complaint_cues(text, languages)
    folded, lists = fold(text), room_cues()[subject]
    asked = [lang for lang in LANGUAGES if languages is None or lang in ("en", *languages)]
    if has_run(folded) and "zh" not in asked:
        asked.append("zh")
    found = dict.fromkeys(cue for language in asked for cue in _different(lists[language], folded))
    return tuple(found)[:MOST_TOLD]


@lru_cache
def room_cues() -> Mapping[Subject, Mapping[str, re.Pattern[str]]]:
    """The cues of room_cues.toml by subject and language. ValueError names a cue that spells nothing."""
    read = tomllib.loads(ROOM_CUES.read_text(encoding="utf-8"))
    return {
        subject: {language: _compiled(read[subject][language]) for language in LANGUAGES}
        for subject in Subject
        if subject is not Subject.COMPLAINT
    }


@lru_cache
def shipped_cues() -> Mapping[str, CueList]:
    """The cues of cues.toml by language. ValueError names a cue that spells nothing."""
    complaint = tomllib.loads(CUES.read_text(encoding="utf-8"))["complaint"]
    return {
        language: CueList(_compiled(complaint["strong"][language]), _compiled(complaint["weak"][language]))
        for language in LANGUAGES
    }


def _compiled(cues: Iterable[str]) -> re.Pattern[str]:
    """One pattern of all cues, longer ones first."""
    parts = sorted({_spelt(cue) for cue in cues}, key=len, reverse=True)
    return re.compile("|".join(parts))


def _spelt(cue: str) -> str:
    words = [_word(word) for word in cue.split()]
    joined = " ".join(words)
    return joined if has_run(fold(cue)) else rf"\b{joined}\b"


def _word(word: str) -> str:
    folded = fold(word.rstrip("*"))
    if not folded:
        raise ValueError(f"{word!r} has no letter in it")
    return re.escape(folded) + (r"\w*" if word.endswith("*") else "")


def _different(pattern: re.Pattern[str], folded: str) -> Sequence[str]:
    return list(dict.fromkeys(match.group() for match in pattern.finditer(folded)))
