"""Sight: what one reader may see of a customer's events. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from app.core.timeline.payload import payload_of
from app.core.timeline.presenting import TimelineEntry

COVERED = "[withheld]"
"""Stands for a text that the reader may not see."""
FOR_CASEWORK = TimelineEntry(
    "For the people who work the case", "Give a reason under Support needs to see more."
)
"""The line of an event that the reader may not see."""
WITHHELD: Mapping[str, object] = {"withheld": True}
"""The data of such an event, where programs read it. Its hash stays, so that the chain still links."""
WITHHELD_JSON = '{"withheld":true}'
"""The same as JSON, in a case bundle."""
SHORTEST = 4
"""A shorter text says nothing alone ("Ely", "TW") and is covered beside another only; of ideographs two say enough."""
KNOWN_DIGITS = 8
"""So many last digits of a telephone number are the number, however its beginning is written."""
_NUMBER = re.compile(r"\+?\d{7,}")
_GAP = r"(?:[\s,]|\\n)+"
"""Between two words, also in JSON."""


@dataclass(frozen=True, slots=True)
class Sight:
    works_cases: bool = False
    """False: what a customer needs, and what they told of their circumstances, is not for this reader."""
    hidden: tuple[str, ...] = ()
    """Numbers and addresses that are withheld from this reader, the longest first."""

    def sees(self, kind: str, data: str) -> bool:
        """Whether the reader may see an event as it is on record; `data` is its JSON."""
        if self.hidden and _alone(self.hidden).search(data):
            return False
        payload = None if self.works_cases else payload_of(kind)
        return payload is None or not payload.from_json(data).is_restricted()

    def cover(self, text: str) -> str:
        """The text without what is withheld from this reader."""
        if not self.hidden:
            return text
        text, found = _alone(self.hidden).subn(COVERED, text)
        return _beside(self.hidden).sub(COVERED, text) if found else text

    def entry(self, entry: TimelineEntry) -> TimelineEntry:
        """A line of a timeline without what is withheld from this reader."""
        if not self.hidden:
            return entry
        return replace(
            entry, title=self.cover(entry.title), body=self.cover(entry.body), quoted=self.cover(entry.quoted)
        )


NOTHING_PERSONAL = Sight()
"""Of a reader of whom nothing is known."""


@lru_cache(maxsize=256)
def _alone(hidden: tuple[str, ...]) -> re.Pattern[str]:
    """Each text that says enough alone, whatever its case and gaps: people write numbers and addresses as they like."""
    said = [_spellings(text) for text in hidden if len(text) >= SHORTEST or _is_ideographic(text)]
    return re.compile("|".join(said) or r"(?!)", re.IGNORECASE)


@lru_cache(maxsize=256)
def _beside(hidden: tuple[str, ...]) -> re.Pattern[str]:
    """What is covered, with the short texts beside it."""
    short = "|".join(re.escape(text) for text in hidden if len(text) < SHORTEST) or r"(?!)"
    covered = re.escape(COVERED)
    return re.compile(
        rf"(?:\b(?:{short})[\s,]+)*{covered}(?:[\s,]+(?:{covered}|(?:{short})\b))*", re.IGNORECASE
    )


def _spellings(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        words = [re.escape(word) for word in re.split(r"[\s,]+", text) if word]
        return _GAP.join(words).replace("'", "(?:'|&#39;)")  # as pages spell it
    digits = text.lstrip("+")
    return r"[+(]*(?:\d[\s().\-/]*){0,7}" + r"[\s().\-/]*".join(digits[-KNOWN_DIGITS:])


def _is_ideographic(text: str) -> bool:
    return len(text) >= 2 and any("\u3400" <= letter <= "\u9fff" for letter in text)
