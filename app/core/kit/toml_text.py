"""Typed TOML, read in a time that its length bounds.

The standard library's reader takes quadratic time and memory for a key of many parts (`a.a.a...`), overflows the
stack on nested arrays and raises bare errors on numbers of thousands of digits. What people write has none of these,
so such a text is refused before it is parsed.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

MOST_PARTS = 12
"""Parts of a dotted key; a strategy or mapping uses two."""
DEEPEST = 20
"""Arrays and inline tables within one another."""
MOST_DIGITS = 40

_TOKEN = re.compile(r"""\"""|'''|["'#\n\[\]{}=.,]|[0-9_]+""")
_REST = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*"'),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    "'": re.compile(r"[^'\n]*'"),
    "'''": re.compile(r"(?:[^']|'(?!''))*'{3,5}"),
    "#": re.compile(r"[^\n]*"),
}
"""The rest of a string or a comment, behind the sign that begins it."""


def parse_toml(text: str) -> dict[str, Any]:
    """Parse the document; tomllib.TOMLDecodeError names the error."""
    _check(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (RecursionError, ValueError, OverflowError):
        # A date that there is not, for example; the message would quote what was typed.
        raise tomllib.TOMLDecodeError("a value in it cannot be read") from None


def _check(text: str) -> None:
    """Refuse a text that no reader should be given, in one pass over the parts outside strings and comments."""
    depth = parts = at = 0
    while found := _TOKEN.search(text, at):
        sign, at = found[0], found.end()
        if sign in _REST:
            rest = _REST[sign].match(text, at)
            if rest is None:
                return  # a string without an end, which the reader says better
            at = rest.end()
        elif sign in "[{":
            depth, parts = depth + 1, 0
        elif sign in "]}":
            depth, parts = depth - 1, 0
        elif sign in "\n=,":
            parts = 0
        elif sign == ".":
            parts += 1
        elif len(sign) > MOST_DIGITS:
            raise _refusal(text, at, f"a number of more than {MOST_DIGITS} digits")
        if depth > DEEPEST:
            raise _refusal(text, at, f"lists within lists, more than {DEEPEST} deep")
        if parts >= MOST_PARTS:
            raise _refusal(text, at, f"a key of more than {MOST_PARTS} parts")


def _refusal(text: str, at: int, what: str) -> tomllib.TOMLDecodeError:
    return tomllib.TOMLDecodeError(f"{what} (at line {text.count(chr(10), 0, at) + 1})")
