"""Folding of texts for search: one spelling for what a person would type alike. Pure.

Letters are lower case and without accents, full-width forms are plain, apostrophes and dots are dropped, every other
mark is a blank. `Łoś O'Brien-Smith` is `los obrien smith`.
"""

from __future__ import annotations

import re
import unicodedata

LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ı": "i",
    "ς": "σ",
}
"""Letters that Unicode does not take apart, in lower case."""
DROPPED = "['’ʼ`´.]"
MARK = r"[^\w]+|_+"
RUN = (
    "[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003134f]"
)
"""A character of a script that is written without blanks: Chinese, Japanese, Korean."""

_LETTERS = str.maketrans(LETTERS)
_DROPPED, _MARK, _RUN = re.compile(DROPPED), re.compile(MARK), re.compile(RUN)
HIGHEST = "\U0010ffff"
"""Sorts after every character: texts that begin with `x` lie from `x` up to `x` and this."""


def fold(text: str) -> str:
    """The text as it is searched, with one blank between words."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text).lower().translate(_LETTERS)
        text = unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))
    return _MARK.sub(" ", _DROPPED.sub("", text.lower())).strip()


def has_run(folded: str) -> bool:
    """Check whether a folded text has characters of a script without blanks."""
    return not folded.isascii() and _RUN.search(folded) is not None


def is_run(word: str) -> bool:
    """Check whether a folded word begins with such a character."""
    return not word.isascii() and _RUN.match(word) is not None
