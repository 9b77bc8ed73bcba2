"""Text that people and programs write: trimmed, bounded, and never with a full card number in it.

Verbs and pages call `clean_text`; fields of the API are annotated `Line` or `Paragraph`, with their `max_length`;
`refuse_card_number` is for texts whose other rules stand elsewhere (a reference, the name of a file).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated
from unicodedata import bidirectional

from pydantic import AfterValidator

from app.core.card_numbers import holds_card_number
from app.core.errors import Invalid

Say = Callable[[str], str]
"""Gives an English text of ours in a reader's language; `str` leaves it as it is."""

LONGEST_NOTE = 4000
LONGEST_REASON = 200
HOLDS_CARD_NUMBER = "This looks like it holds a full card number, which is never stored."

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks of text direction, half characters: people do not type them, but some arrive pasted."""
_SHOWN = re.compile(
    "[^\\s\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u2800\u3164\ufeff\uffa0]"
)
"""A character that is seen. Zero-width ones and blanks of other scripts alone are no reason."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def clean_text(
    text: str,
    field: str,
    *,
    at_most: int = LONGEST_NOTE,
    required: bool = True,
    one_line: bool = False,
    empty: str = "This must not be empty.",
) -> str:
    """The text as it is kept: without unseen characters, trimmed; on one line if asked for.

    Invalid names `field`: for a text longer than `at_most` characters, for a full card number, and, where a text is
    `required`, for an empty one, with the sentence `empty`.
    """
    text = _UNSEEN.sub("", " ".join(text.split()) if one_line else text.replace("\r\n", "\n")).strip()
    if required and not _SHOWN.search(text):
        raise Invalid(empty, field)
    if len(text) > at_most:
        raise Invalid(f"This is longer than {at_most} characters.", field)
    refuse_card_number(text, field)
    return text


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things in words: `1 day`, `2 days`. `many`: of a noun that takes more than an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def clean_reason(
    text: str, field: str = "reason", *, at_most: int = LONGEST_REASON, required: bool = True
) -> str:
    """Check a typed reason for changing a figure, and return it on one line."""
    empty = f"Say why, in at most {at_most} characters."
    return clean_text(text, field, at_most=at_most, required=required, one_line=True, empty=empty)


def refuse_card_number(text: str, field: str, message: str = HOLDS_CARD_NUMBER) -> None:
    """Invalid, with `message`, for a text that holds a full card number."""
    if holds_card_number(text):
        raise Invalid(message, field)


def isolated(name: str) -> str:
    """Return a name so that its direction of writing does not turn the words around it (Unicode isolates), for a text
    that takes no mark-up."""
    return f"\u2068{name}\u2069" if any(bidirectional(char) in ("R", "AL") for char in name) else name


def sentence(text: str) -> str:
    """Return the text with a capital and a full stop, for a sentence that says why something is refused."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _storable(text: str) -> str:
    """Text as both databases take it. Never echoes what it refuses."""
    if _CONTROL.search(text):
        raise ValueError("This holds control characters. Take them out.")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("This holds half a character. Take it out.")
    if holds_card_number(text):
        raise ValueError(HOLDS_CARD_NUMBER)
    return text


def _single_line(text: str) -> str:
    if any(char in text for char in "\n\r\t"):
        raise ValueError("This must be one line.")
    return _storable(text)


Paragraph = Annotated[str, AfterValidator(_storable)]
"""A field of the API for text of several lines, without control characters and card numbers; say its `max_length`."""

Line = Annotated[str, AfterValidator(_single_line)]
"""The same on one line."""
