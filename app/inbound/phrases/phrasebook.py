"""Reads phrases.toml, the list of customers' phrases and their meanings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from app.casework.correspondence.rules import Intent
from app.casework.recognition.model import SHIPPED, model_at
from app.core.settings import get_settings
from app.inbound.phrases.quotes import PICTURED, Reaction, frame_words
from app.inbound.phrases.rules import NAME, Phrase, Phrasebook, normalise

PHRASES = Path(__file__).with_name("phrases.toml")
LANGUAGES = ("en", "zh", "id", "nb", "nl", "es")


@lru_cache
def shipped_phrases() -> Phrasebook:
    """The shipped phrases with the intent model: the installation's own (`DESK_INTENT_MODEL`), or the shipped one."""
    return replace(load_phrases(PHRASES), model=model_at(get_settings().intent_model or SHIPPED))


def load_phrases(path: Path) -> Phrasebook:
    """The phrasebook in a file, every phrase spelt as messages are. ValueError names a phrase that spells nothing."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    phrases = [
        Phrase(_spelt(words), Intent(group["means"]), group.get("only", False), language)
        for group in data["phrases"]
        for language in LANGUAGES
        for words in group.get(language, ())
    ]
    phrases = list(dict.fromkeys(phrases))
    return Phrasebook(
        tuple(phrase for phrase in phrases if NAME not in phrase.words),
        frozenset(_spelt(word) for word in data["courtesies"]),
        tuple(_spelt(words) for words in data["reversals"]),
        tuple(data["signs"]),
        _frames(data["reactions"]),
        tuple(phrase for phrase in phrases if NAME in phrase.words),
    )


def _frames(groups: Mapping[str, Sequence[str]]) -> dict[str, Reaction]:
    pictured = {"pictured": Reaction.FOND, "pictured_gone": Reaction.GONE}
    return {
        (PICTURED if group in pictured else "") + frame_words(words): pictured.get(group) or Reaction(group)
        for group, frames in groups.items()
        for words in frames
    }


def _spelt(words: str) -> str:
    spelt = normalise(words).replace(NAME.lower(), NAME) if NAME in words else normalise(words)
    if not spelt:
        raise ValueError(f"{words!r} has no letter in it")
    return spelt
