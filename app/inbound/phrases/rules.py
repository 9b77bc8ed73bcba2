"""Phrases and their spelling: the list of customers' phrases as the reader of messages asks it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from app.casework.correspondence.rules import Intent
from app.casework.recognition.model import IntentModel
from app.inbound.phrases.quotes import Reaction, plain

_APOSTROPHES = re.compile("['’‘`´ʼ＇]")
_NOT_A_WORD = re.compile(r"[^\w]|_", re.UNICODE)
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


def normalise(text: str) -> str:
    """One spelling: Unicode-normalised, case-folded, without accents on Latin letters, words parted by one space,
    without punctuation and pictures; `S T O P` and `Stooop` are `stop`, and between ideographs there is no space."""
    words = _NOT_A_WORD.sub(" ", _APOSTROPHES.sub("", plain(text))).split()
    if len(words) > 1 and all(len(word) == 1 and not IDEOGRAPH.match(word) for word in words):
        words = ["".join(words)]
    spelt = _DRAWN_OUT.sub(r"\1", " ".join(words))
    return spelt.replace(" ", "") if IDEOGRAPH.search(spelt) else spelt


@dataclass(frozen=True, slots=True)
class Phrase:
    """Normalised words and their meaning: as the whole message (`only`), or anywhere in it."""

    words: str
    means: Intent
    only: bool = False
    language: str = "en"


NAME = "NAME"
"""In a phrase: the customer's name."""
MOST_NAMES = 12


def _parts_of(name: str) -> list[str]:
    """A name as people write it: whole, and each part that is no initial."""
    whole = normalise(name)
    if not whole:
        return []
    if IDEOGRAPH.search(whole):
        return [whole]
    return [whole, *(part for part in whole.split() if len(part) > 2)][:MOST_NAMES]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    phrases: tuple[Phrase, ...]
    courtesies: frozenset[str] = frozenset()
    """Words around a keyword that change nothing about it."""
    reversals: tuple[str, ...] = ()
    """With one of these in it a refusal is not clear any more."""
    signs: tuple[str, ...] = ()
    """Pictures that may be a refusal; they do not survive normalising."""
    frames: Mapping[str, Reaction] = field(default_factory=dict)
    """Words around the quote of a reaction, and what it says."""
    about_names: tuple[Phrase, ...] = ()
    """Phrases with `NAME` in the place of the customer's name."""
    model: IntentModel | None = None
    """Reads words that no phrase names; None = phrases alone."""

    def naming(self, names: Collection[str]) -> Phrasebook:
        """With the phrases about a name for these names and each of their longer parts."""
        spelt = dict.fromkeys(part for name in names for part in _parts_of(name))
        told = [
            replace(phrase, words=phrase.words.replace(NAME, part))
            for phrase in (self.about_names if spelt else ())
            for part in spelt
        ]
        return replace(self, phrases=(*self.phrases, *told)) if told else self
