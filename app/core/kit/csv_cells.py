"""Text in CSV files that a spreadsheet must not run (CWE-1236): one rule for every file the desk writes.

A spreadsheet takes a cell for a formula by its first character. Where the language of the office separates cells by
semicolons (Dutch, German, Norwegian), a semicolon or a line break *inside* a cell of our comma files begins another
cell. So the characters behind those are checked too.
"""

from __future__ import annotations

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_BEGINNING = r"(?:\A|[;\t\r\n])[ \"]*"
_UNPROTECTED = re.compile(rf"(\A(?='*[\t\r\n])|{_BEGINNING}(?='*[{_SIGNS}]))")
_PROTECTED = re.compile(rf"\A'(?='*[\t\r\n])|({_BEGINNING})'(?='*[{_SIGNS}])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*")


def protect(text: str) -> str:
    """Return the text with an apostrophe before every character that could begin a formula. `unprotect` removes
    them."""
    return _UNPROTECTED.sub(r"\1'", text)


def unprotect(cell: str) -> str:
    """The text that `protect` was given."""
    return _PROTECTED.sub(lambda found: found[1] or "", cell)


def export_cell(text: str) -> str:
    """The same for files of figures, where a number with its sign stays a number."""
    return text if _NUMBER.fullmatch(text) else protect(text)
