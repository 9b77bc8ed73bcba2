"""Documents on file for a customer: their kinds, the files that are accepted, and the type of a file by its content.
Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum

from app.core.errors import Invalid
from app.core.text import refuse_card_number

MAX_BYTES = 15 * 1024 * 1024
"""Largest document. A bundle carries every one of them."""
EARLIEST_YEAR = 1950
"""No paper of a credit card is older; an earlier date is a typing error, which would go to court."""
LONGEST_NOTICE = timedelta(days=366)
"""A notice leaves the customer no longer than this."""
MOST_DOCUMENTS = 200
"""Documents on file for one customer."""
LONGEST_NAME = 120


class DocumentKind(StrEnum):
    """Kinds of documents, by what they prove; the checklist of a case file looks for some of them."""

    AGREEMENT = "agreement"
    ASSIGNMENT = "assignment"
    STATEMENT = "statement"
    LETTER_OF_CLAIM = "letter_of_claim"
    DEFAULT_NOTICE = "default_notice"
    VALIDATION_NOTICE = "validation_notice"
    PAYMENT_DEMAND = "payment_demand"
    INKASSOVARSEL = "inkassovarsel"
    FOURTEEN_DAY_LETTER = "fourteen_day_letter"
    COLLECTION_NOTICE_DE = "collection_notice_de"
    COLLECTION_NOTICE_ON = "collection_notice_on"
    COLLECTION_NOTICE_QC = "collection_notice_qc"
    COLLECTION_NOTICE_TW = "collection_notice_tw"
    """The notice that comes before an agency's first contact, where the creditor gives it: that of Germany, Ontario,
    Quebec or Taiwan. Each says something else, so one does not stand in for another."""
    ASSIGNMENT_NOTICE = "assignment_notice"
    """The notice to the customer that the debt was sold, where the seller gave it."""
    VERIFICATION = "verification"
    """The proof of a disputed debt, as it was sent."""
    AUTHORITY = "authority"
    """The paper by which a third party may act for the customer: a grant of probate, an order, a power of attorney."""
    CORRESPONDENCE = "correspondence"
    OTHER = "other"


def letter_of(kind: DocumentKind) -> str:
    """The name of the letter of which a document of this kind is a copy, as rules about notices have it."""
    return "betalingsoppfordring" if kind is DocumentKind.PAYMENT_DEMAND else kind.value


_MAGIC = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
_ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "text/plain": "txt"}
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_NOT_IN_NAMES = re.compile('[\x00-\x1f\x7f<>:"|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069]+')


def media_type_of(content: bytes) -> str:
    """Tell the type of a file by its bytes; its name is not asked. Invalid for a type that is not taken."""
    for magic, media_type in _MAGIC:
        if content.startswith(magic):
            return media_type
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if not text.strip() or _NOT_TEXT.search(text):
        raise Invalid("This is no PDF, PNG, JPEG or plain text (UTF-8). Save it as one of these.", "file")
    refuse_card_number(
        text, "file", "The text holds a full card number, which is never stored. Take it out first."
    )
    return "text/plain"


def check_size(size: int) -> None:
    """Refuse an empty file and one that is too large."""
    if size == 0:
        raise Invalid("The file is empty.", "file")
    if size > MAX_BYTES:
        raise Invalid(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MB. Scan it smaller.", "file")


def clean_name(name: str, media_type: str) -> str:
    """A file's own name without folders, control characters or a false ending. Invalid if it holds a card number."""
    own = _NOT_IN_NAMES.sub(" ", name.replace("\\", "/").rpartition("/")[2])
    plain = " ".join(own.split()).strip(".") or "document"
    refuse_card_number(
        plain, "file", "The file's name holds what looks like a full card number. Rename it first."
    )
    ending = _ENDINGS[media_type]
    stem, dot, given = plain.rpartition(".")
    if not dot or given.lower() not in (ending, *(["jpeg"] if ending == "jpg" else [])):
        stem, given = plain, ending
    return f"{stem[: LONGEST_NAME - len(given) - 1]}.{given.lower()}"
