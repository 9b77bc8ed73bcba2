"""Tell the customer's words in a message from quoted ones. Telephones send a reaction as a text that quotes ours
(`Liked “…”`), and people forward or repeat what we wrote: such words are not the customer's. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Reaction(StrEnum):
    """The meaning of a reaction button."""

    FOND = "fond"
    """Liked, loved, laughed, emphasised."""
    AGAINST = "against"
    """Disliked."""
    ASKING = "asking"
    """A question mark."""
    GONE = "gone"
    """An earlier one was taken away."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The parts of a message."""

    said: str
    """The customer's own words; '' = there are none."""
    reaction: Reaction | None = None
    to_us: bool = False
    """The quoted text is a message of ours."""
    quoted: str = ""
    """The text that a reaction quotes, where it is not known to be ours."""


def hear(text: str, frames: Mapping[str, Reaction], ours: Collection[str] = ()) -> Heard:
    """Take a message apart. `frames` are the words that stand around the quote of a reaction, normalised; `ours` what
    we wrote to this number. Takes time linear in what is given."""
    written = _Written(list(ours))
    found = _framed(text)
    if found is not None:
        outside, inside = found
        reaction = _reaction(outside, frames)
        is_ours = written.has(inside)
        if reaction is not None:
            return Heard(_signs_of(outside), reaction, is_ours, "" if is_ours else inside)
        if is_ours:
            return Heard(outside, to_us=True)
    if (about := _attachment(text, frames)) is not None:
        return Heard(_signs_of(text), about, to_us=True)
    own, quotes = written.without(text)
    if quotes and (reaction := frames.get(frame_words(own))) is not None:
        return Heard(_signs_of(own), reaction, to_us=True)
    return Heard(own, to_us=quotes)


# --- frames ---------------------------------------------------------------------------------------------------

_OPENS, _CLOSES = "“”„«»‹「『《‘\"'", "”“»«›」』》’\"'"
_ATTACHED = re.compile(
    r"(?:an?|the) (?:image|photo|picture|video|movie|audio message|attachment|sticker|contact|location|link|message)"
)
PICTURED = "* "
"""Before the words of a frame that is one only beside a picture."""
LONGEST_FRAME = 80
"""Characters around the quote of a reaction, emoji included."""


def _framed(text: str) -> tuple[str, str] | None:
    """(around, inside) the outermost quotation marks; the closing one may be cut off."""
    begins = min((at for at in (_opening(text, mark) for mark in _OPENS) if at >= 0), default=-1)
    if begins < 0:
        return None
    ends = max(text.rfind(mark) for mark in _CLOSES)
    if ends <= begins:
        ends = len(text)
    around = f"{text[:begins]} {text[ends + 1 :]}".strip()
    inside = text[begins + 1 : ends].strip()
    return (around, inside) if inside and len(around) <= LONGEST_FRAME else None


def _opening(text: str, mark: str) -> int:
    """Find where the mark opens something: not inside a word, as an apostrophe does."""
    at = text.find(mark)
    while at > 0 and mark in "'‘" and text[at - 1].isalnum():
        at = text.find(mark, at + 1)
    return at


def _reaction(outside: str, frames: Mapping[str, Reaction]) -> Reaction | None:
    words = frame_words(outside)
    emoji = [char for char in outside if _is_emoji(char)]
    if not emoji:
        return frames.get(words)
    # "👍 to", "Reacted 👍 to", "👍 removed from": the frame says what was done, the picture what it says.
    found = frames.get(PICTURED + words, frames.get(words)) if words else Reaction.FOND
    if found is not Reaction.FOND:
        return found
    if "👎" in emoji or "💩" in emoji:
        return Reaction.AGAINST
    return Reaction.ASKING if set(emoji) & set("❓❔⁉🤔🤨") else Reaction.FOND


def _attachment(text: str, frames: Mapping[str, Reaction]) -> Reaction | None:
    """`Liked an image`: there is nothing to quote."""
    words = frame_words(text) if len(text) <= LONGEST_FRAME else ""
    found = _ATTACHED.search(words)
    if found is None or found.end() != len(words):
        return None
    return frames.get(words[: found.start()].strip())


def _signs_of(outside: str) -> str:
    """The pictures of a reaction: they are the customer's, and may be a refusal."""
    return "".join(char for char in outside if _is_emoji(char))


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" or char in "‼⁉❗❓❔"


def frame_words(text: str) -> str:
    """The words around a quote in one spelling, without punctuation and pictures."""
    return " ".join(word.spelt for word in _words(text))


# --- words of ours --------------------------------------------------------------------------------------------

RUN, IDEOGRAPHS_RUN = 6, 14
"""So many words, or ideographs, one behind the other as in a message of ours are a quote: fewer can be chance, or the
customer doing what we offered ("stop texts")."""
LEAST = 3
"""Words of a quote in quotation marks that are enough when they stand so in a message of ours."""


class _Word(NamedTuple):
    spelt: str
    begins: int
    ends: int


_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+")


def _words(text: str) -> list[_Word]:
    return [_Word(plain(found.group()), *found.span()) for found in _WORD.finditer(text)]


def plain(text: str) -> str:
    """Case, width and the accents of Latin letters taken away: `Stóp` is `stop`. A character without a simpler letter
    stays."""
    kept = []
    for char in unicodedata.normalize("NFKC", text).casefold():
        base = unicodedata.normalize("NFD", char)[0]
        if base.isascii():
            kept.append(base)
        elif unicodedata.category(char) not in ("Cf", "Mn"):
            kept.append(char)
    return "".join(kept)


class _Written:
    """Our messages, indexed so that quotes of them are found in linear time."""

    def __init__(self, ours: Sequence[str]) -> None:
        self._texts = [[word.spelt for word in _words(text)] for text in ours]
        self._runs = {
            run for words in self._texts for run in zip(*(words[n:] for n in range(RUN)), strict=False)
        }
        self._long_runs = {
            run for words in self._texts for run in zip(*(words[n:] for n in range(IDEOGRAPHS_RUN)), strict=False)
        }  # fmt: skip

    def has(self, quote: str) -> bool:
        """True if a message of ours holds this, or nearly all of it; its last word may be cut off."""
        words = [word.spelt for word in _words(quote)]
        if not words:
            return False
        spelt = " " + " ".join(words)
        enough = LEAST if not _is_ideograph(words[0]) else 2 * LEAST
        for ours in self._texts:
            if words == ours or (len(words) >= enough and spelt in f" {' '.join(ours)}"):
                return True
        covered = self._covered(words)
        return len(words) >= RUN and sum(covered) >= 0.8 * len(words)

    def without(self, text: str) -> tuple[str, bool]:
        """The text without what it repeats of ours, and whether there was any."""
        words = _words(text)
        covered = self._covered([word.spelt for word in words])
        if not any(covered):
            return text, False
        kept, last = [], 0
        for word, is_ours in zip(words, covered, strict=True):
            if is_ours:
                kept.append(text[last : word.begins])
                last = word.ends
        kept.append(text[last:])
        own = " ".join(" ".join(kept).split())
        return (own if _words(own) or any(_is_emoji(char) for char in own) else ""), True

    def _covered(self, words: Sequence[str]) -> list[bool]:
        covered = [False] * len(words)
        for length, runs in ((RUN, self._runs), (IDEOGRAPHS_RUN, self._long_runs)):
            until = 0
            for n in range(len(words) - length + 1):
                run = tuple(words[n : n + length])
                if run not in runs or (length == RUN and sum(map(_is_ideograph, run)) > 2):
                    continue
                for place in range(max(n, until), n + length):
                    covered[place] = True
                until = n + length
        return covered


def _is_ideograph(word: str) -> bool:
    return len(word) == 1 and "\u3400" <= word <= "\ufaff"
