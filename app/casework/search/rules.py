"""Reading of what a person types to find a customer: a number, a reference, a name, words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.book.customers.searched_numbers import SHORTEST_NUMBER, TELEPHONE, telephone_digits, unwrapped
from app.book.names.rules import searched_words
from app.casework.cases.rules import CASE_REFERENCE
from app.core.card_numbers import mask_card_numbers

LONGEST = 100
"""Characters of a search that are read."""


class Way(StrEnum):
    """The kind of data that matched; hits are listed in this order."""

    CASE = "case"
    PHONE = "phone"
    EMAIL = "email"
    CARD = "card"
    CUSTOMER = "customer"
    ACCOUNT = "account"
    PAYMENT = "payment"
    THIRD_PARTY = "third_party"
    NAME = "name"
    WORDS = "words"


WAY_LABELS: Mapping[Way, str] = {
    Way.CASE: "Case",
    Way.PHONE: "Phone",
    Way.EMAIL: "E-mail",
    Way.CARD: "Card ending",
    Way.CUSTOMER: "Customer",
    Way.ACCOUNT: "Account",
    Way.PAYMENT: "Payment",
    Way.THIRD_PARTY: "Third party",
    Way.NAME: "Name",
    Way.WORDS: "Words",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was understood. Empty parts are not looked for."""

    text: str
    """As it may be shown again: a full card number only by its last four digits."""
    case_id: int | None = None
    digits: str = ""
    """The end of a telephone number."""
    last4: str = ""
    email: str = ""
    references: tuple[str, ...] = ()
    """Spellings of a reference."""
    name: Sequence[str] = ()
    words: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.case_id or self.digits or self.last4 or self.email or self.name or self.words)


_LAST4 = re.compile(r"(?:[^0-9]*[^0-9\s][^0-9]*)?([0-9]{4})")
_BIGGEST_ID = 2**62


def read_search(text: str) -> Asked:
    """Understand what was typed, in as many ways as it can be meant."""
    plain = unwrapped(text)
    shown = mask_card_numbers(plain)[:LONGEST]
    if shown != plain[:LONGEST] and "*" in shown:
        return Asked(shown, last4=shown.rstrip()[-4:])
    found = CASE_REFERENCE.fullmatch(shown) or re.fullmatch("0*([0-9]{1,9})", shown)
    ending = _LAST4.fullmatch(shown)
    is_number = TELEPHONE.fullmatch(shown) is not None
    has_digit = any(character.isdigit() for character in shown)
    return Asked(
        shown,
        case_id=int(found[1]) if found and 0 < int(found[1]) < _BIGGEST_ID else None,
        digits=telephone_digits(shown) if is_number else "",
        last4=ending[1] if ending else "",
        email=shown.lower() if re.fullmatch(r"[^@\s]+@[^@\s]+", shown) else "",
        references=_spellings(shown) if has_digit and len(shown) <= 80 else (),
        name=() if is_number else searched_words(shown),
        words="" if is_number and len(shown) < SHORTEST_NUMBER else shown,
    )


def _spellings(text: str) -> tuple[str, ...]:
    """Spellings of a reference in a feed: as typed, in either case, without what people put between."""
    close = re.sub(r"[\s\-_/.]", "", text)
    return tuple(dict.fromkeys((text, text.upper(), text.lower(), close, close.upper(), close.lower())))
