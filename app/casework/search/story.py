"""Search within one customer's story: words, or a telephone number, in texts as their reader sees them. Pure.

A story is small, so its texts are read, not an index: letters and the desk's own sentences are found too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.book.customers.searched_numbers import TELEPHONE, telephone_digits
from app.core.card_numbers import mask_card_numbers
from app.core.kit.folding import fold, is_run
from app.core.timeline.words import FEWEST_DIGITS, NUMBER, TOLD_APART_BY

LONGEST = 100
"""Characters of a search that are read."""
_TOKEN = re.compile(r"(\w+)")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: every word, or the end of a telephone number."""

    text: str
    """As it may be shown again: a full card number only by its last four digits."""
    words: tuple[str, ...] = ()
    digits: str = ""

    def holds(self, text: str) -> bool:
        """Whether a text has every word (a beginning of one is enough), or the number."""
        if self.digits and any(_digits(each).endswith(self.digits) for each in NUMBER.findall(text)):
            return True
        folded = f" {fold_quickly(text)}"
        return bool(self.words) and all(
            (word if is_run(word) else f" {word}") in folded for word in self.words
        )

    def parts(self, text: str) -> Iterator[tuple[str, bool]]:
        """The text in pieces, each with whether it is one of the words."""
        for token in _TOKEN.split(text):
            if not token:
                continue
            runs = [word for word in self.words if is_run(word) and word in token]
            if runs:
                before, _, after = token.partition(runs[0])
                yield from ((piece, piece == runs[0]) for piece in (before, runs[0], after) if piece)
                continue
            folded = fold(token)
            yield token, bool(folded) and any(folded.startswith(word) for word in self.words)


def read_sought(text: str) -> Sought:
    """Understand what was typed. A text without a word looks for nothing."""
    shown = mask_card_numbers(" ".join(text.split()))[:LONGEST]
    digits = telephone_digits(shown) if TELEPHONE.fullmatch(shown) else ""
    return Sought(
        shown,
        tuple(fold(shown).split()[:8]),
        digits[-TOLD_APART_BY:] if len(digits) >= FEWEST_DIGITS else "",
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def fold_quickly(text: str) -> str:
    """As `fold`, of a text in which few characters are outside ASCII: only those are taken apart, and mostly known."""
    return fold(_FOREIGN.sub(lambda found: _folded_run(found[0]), text))


@lru_cache(maxsize=4096)
def _folded_run(characters: str) -> str:
    """Characters within a word as they are folded there: a sign becomes a blank, an apostrophe nothing."""
    return fold(f"x{characters}x")[1:-1]
