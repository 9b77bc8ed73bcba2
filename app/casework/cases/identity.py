"""Identity check at the beginning of a call: the questions that were asked, never the answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class IdentityQuestion(StrEnum):
    """A question by which a person on the telephone is known to be the cardholder."""

    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    CARD_ENDING = "card_ending"
    EMAIL = "email"


QUESTION_LABELS: Mapping[IdentityQuestion, str] = {
    IdentityQuestion.BIRTH_DATE: "Date of birth",
    IdentityQuestion.ADDRESS: "Address and postcode",
    IdentityQuestion.CARD_ENDING: "Last four digits of the card",
    IdentityQuestion.EMAIL: "E-mail address",
}
HOLDS_FOR = timedelta(minutes=30)
"""A check this short a time ago is of the call that is going on."""
