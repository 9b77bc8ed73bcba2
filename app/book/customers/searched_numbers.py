"""Telephone numbers as people type them into a search: copied, dialled at home or abroad, or by their end. Pure."""

from __future__ import annotations

import re
from unicodedata import decimal

from app.book.ledger.references import normal_reference

SHORTEST_NUMBER = 4
"""Digits of a telephone number's end that are looked for."""
SHORTEST_CALLER = 6
"""Digits of a caller's number: fewer are an extension, or withheld."""
TELEPHONE = re.compile(r"\(?(?:\+|00)?[0-9 ()/.\-_\u2010-\u2015\u00a0]+")
"""A text that may be a telephone number, or the end of one."""
_LINK = re.compile(r"^(?:tel|sms|callto|mailto|sips?):/{0,2}(?=.)", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(\+?[0-9][0-9 ()/.\-]{5,})(?:,|;ext=|ext\.?|x|#|分機|轉|轉接)\s*[0-9]{1,6}", re.IGNORECASE
)


def unwrapped(text: str) -> str:
    """A copied text without what stood around it: a link's `tel:`, brackets, the apostrophe of a spreadsheet, an
    extension behind a number. Digits of every script are plain."""
    plain = normal_reference(text.replace("\0", ""))
    plain = "".join(str(decimal(char)) if char.isdecimal() else char for char in plain)
    plain = _LINK.sub("", plain.strip("<>\"'`,;: "))
    found = _EXTENSION.fullmatch(plain)
    return found[1].strip() if found else plain


def telephone_digits(text: str) -> str:
    """The digits by which a number is found at the end of the one on file, which is kept with its country's code: the
    trunk's zero and the international prefix are dropped. '' = too few, or no number."""
    digits = re.sub(r"[^0-9]", "", re.sub(r"\(0\)", "", unwrapped(text)))
    shorter = digits
    if len(digits) > SHORTEST_CALLER:  # a shorter one is the end of a number, whose zeros count
        shorter = digits.removeprefix("00") if digits.startswith("00") else digits.removeprefix("0")
    return shorter if SHORTEST_NUMBER <= len(shorter) <= 15 else ""
