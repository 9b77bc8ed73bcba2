"""Results of a call and the meaning of each: the person reached, the hold it places, the person who calls again.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from app.core.vocabulary import HoldKind


class CallResult(StrEnum):
    """Result codes of a call, as dialers and regulators tell them apart."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    THIRD_PARTY = "third_party"
    RIGHT_PARTY = "right_party"
    """Right-party contact: the cardholder spoke with us."""
    REFUSED_TO_PAY = "refused_to_pay"
    PROMISED = "promised"
    CALL_BACK = "call_back"
    DISPUTES = "disputes"
    PAID = "paid"
    """The cardholder says that it is paid already."""
    CEASE = "cease"
    """The cardholder wants no contact at all."""
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    """The person who answered says that the cardholder has died."""
    OUT_OF_SERVICE = "out_of_service"
    """The network says that this number is not in use."""
    HUNG_UP = "hung_up"
    """The person who answered hung up without giving a name."""
    LANGUAGE_BARRIER = "language_barrier"
    """No common language; it is not known who answered."""


CONVERSATIONS = frozenset(
    {
        CallResult.RIGHT_PARTY,
        CallResult.REFUSED_TO_PAY,
        CallResult.PROMISED,
        CallResult.CALL_BACK,
        CallResult.DISPUTES,
        CallResult.PAID,
        CallResult.CEASE,
        CallResult.ATTORNEY,
        CallResult.BANKRUPTCY,
    }
)
"""Results in which the cardholder was spoken to: what 'answered' and gap rules count."""


UNREACHED = frozenset(
    {CallResult.NO_ANSWER, CallResult.BUSY, CallResult.VOICEMAIL, CallResult.HUNG_UP, CallResult.THIRD_PARTY}
)
"""Results after which the call is still to be made: its task stays, and so does a callback that was due."""

BAD_NUMBER = frozenset({CallResult.WRONG_NUMBER, CallResult.THIRD_PARTY, CallResult.OUT_OF_SERVICE})
"""Results after which the number rests on every channel until a person confirms it."""

NO_CALLS = frozenset({HoldKind.BANKRUPTCY, HoldKind.DECEASED, HoldKind.ATTORNEY, HoldKind.CEASE_CONTACT})
"""Holds under which the customer is not called: a callback ends with them, and none is set while they stand."""

CALL_HOLDS: Mapping[CallResult, HoldKind] = {
    CallResult.DISPUTES: HoldKind.DISPUTE,
    CallResult.CEASE: HoldKind.CEASE_CONTACT,
    CallResult.ATTORNEY: HoldKind.ATTORNEY,
    CallResult.BANKRUPTCY: HoldKind.BANKRUPTCY,
    CallResult.DECEASED: HoldKind.DECEASED,
    CallResult.PAID: HoldKind.MANUAL,
}
"""The hold that a result places at once."""

PROMISING = frozenset({CallResult.PROMISED, CallResult.RIGHT_PARTY, CallResult.CALL_BACK})
"""Results that can bring a promise. Any other says that the cardholder was not reached or does not mean to pay."""

NO_CALLBACK = (frozenset(result for result, kind in CALL_HOLDS.items() if kind in NO_CALLS) | BAD_NUMBER) - {
    CallResult.THIRD_PARTY
}
"""Results without a callback. Another person who answered may well have said when the cardholder is there."""

RETRY_AFTER = timedelta(hours=2)
"""Time until an unanswered call may be tried again."""
CALLBACK_DAYS = 90
"""Time ahead within which a callback may lie."""
