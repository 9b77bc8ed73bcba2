"""Normal form of a reference, the same for feeds, API, pages, commands and bank files. Pure.

Two spellings that look alike to a person are one reference. Case is kept: a portfolio may have both `ab1` and `AB1`,
so a look-up takes the exact one first and another case only where exactly one account has it.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Characters that show nothing: soft hyphen, zero-width blanks and joiners, marks of direction, byte order mark."""

PLACEHOLDERS = frozenset(
    {
        "NONREF", "NONREFERENCE", "NOREF", "NOREFERENCE", "NOREFERENCEPROVIDED", "NOREFPROVIDED", "NOTPROVIDED",
        "NOTSPECIFIED", "NOTAVAILABLE", "NOTAPPLICABLE", "NOTGIVEN", "NOTKNOWN", "NOTUSED", "NOTSET", "NONE",
        "NONEGIVEN", "NONEPROVIDED", "NA", "NIL", "NULL", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "EMPTY", "BLANK",
        "DEFAULT", "DUMMY", "TBD", "REF", "REFERENCE", "ENDTOENDID", "KEINEREFERENZ", "OHNEREFERENZ", "KEINE",
        "NICHTANGEGEBEN", "SANSREFERENCE", "NONFOURNI", "NONDISPONIBLE", "SINREFERENCIA", "NINGUNO", "NONFORNITO",
        "NONPRESENTE", "SEMREFERENCIA", "GEENREFERENTIE", "GEEN", "NIETBEKEND", "INGENREFERENCE", "INGEN",
    }
)  # fmt: skip
"""Texts that banks and payers write where they have no reference, as `plain_form` has it. After the usage of SEPA
(NOTPROVIDED, EPC guidelines) and SWIFT (NONREF, field 61)."""


RESERVED = (
    "dispute:", "goodwill:", "interest:", "interest-correction:", "late-fee:", "position:", "redress:", "waiver:"
)  # fmt: skip
"""How references begin that the desk gives entries of its own kinds: limits and charges go by them."""


def is_reserved(reference: str) -> bool:
    """Whether only the desk itself may give an entry this reference; databases differ on case, so it does not count."""
    return normal_reference(reference).casefold().startswith(RESERVED)


def normal_reference(text: str) -> str:
    """NFKC (full-width letters and digits become plain ones), nothing invisible, each run of white space one blank,
    none at the ends. The letters' case is kept."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).split())


def entry_note(description: str, reference: str) -> str:
    """What a person reads beside an entry: its description, else the reference that a creditor or a bank gave it. Of
    those that the desk makes up (`payment:AC-10:20260302:1`, `waiver:3`) a person can make nothing."""
    return description or ("" if ":" in reference else reference)


def real_reference(text: str) -> str:
    """The normal form of a reference, or '' where the text only says that there is none: `NONREF`,
    `NOT PROVIDED.`, `n/a`, `0000`, `XXX`, `---`, in any case and punctuation."""
    plain = re.sub(r"[\W_]+", "", normal_reference(text)).upper()
    if plain in PLACEHOLDERS or not plain.strip("0") or not plain.strip("X"):
        return ""
    return normal_reference(text)
