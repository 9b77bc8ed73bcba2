"""Twilio's error codes: what each says about a message, an address or our own account."""

from __future__ import annotations

from app.outreach.outbox.dispatch import (
    Failure,
    Misconfigured,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)

# https://www.twilio.com/docs/api/errors: what each refusal says about the message, the address or ourselves. The same
# codes come with the answer to the call, in a report later (a messaging service and the carriers answer only then) and
# on Twilio's list of messages: all three are read here.
_ADDRESS = {
    21211: "not a valid number",
    21214: "number cannot be reached",
    21217: "number seems not to be valid",
    21265: "number cannot be a short code",
    21408: "country not enabled for SMS",
    21610: "recipient replied STOP",
    21612: "no route from our sender to this number",
    21614: "not a mobile number",
    21635: "number is a landline",
    30003: "handset unreachable",
    30004: "blocked by the recipient",
    30005: "unknown number",
    30006: "landline or carrier out of reach",
}
_NO_SUCH_NUMBER = frozenset({21211, 21217, 21265, 21614, 21635, 30005, 30006})
"""Codes of numbers that no SMS will ever reach; a handset that is switched off is not among them."""
_OPTED_OUT = frozenset({21610})
"""Codes of recipients on Twilio's own list of people who replied STOP."""
_BUSY = {
    14107: "rate limit",
    20429: "too many requests",
    21611: "sender's queue is full",
    30001: "queue overflow",
    30022: "rate limit of the messaging campaign",
    63038: "daily message limit reached",
}
_OURSELVES = {
    20003: "authentication failed",
    20005: "account not active",
    20404: "account or address of the API not found",
    21212: "sender number not valid",
    21603: "no sender number",
    21606: "sender number cannot send SMS",
    21659: "sender number is not ours",
    21660: "sender number belongs to another account",
    21703: "messaging service has no number",
    21705: "messaging service not valid",
    30002: "account suspended",
    30032: "toll-free number not verified",
    30034: "sender number not registered",
}
_FAR_LATER = frozenset({63038})


def outcome_of(status: int, told: object) -> SendResult:
    """Read a refusal. Unknown codes go by status: 4xx is a definite no, 5xx says nothing certain.

    Twilio calls 5xx safe to retry, but also reports messages that went out although the answer was a 5xx.
    """
    code = number_of(told)
    if status >= 500 or status == 408 or status < 300:
        return Uncertain(f"Twilio answered {status}")
    if code in _BUSY or status == 429:
        after = 6 * 3600 if code in _FAR_LATER else 60
        return TryLater(f"Twilio {code}: {_BUSY.get(code, 'too many requests')}", after_seconds=after)
    if code in _OURSELVES or (code not in _ADDRESS and status != 400):
        return Misconfigured(f"Twilio {code} (HTTP {status}): {_OURSELVES.get(code, 'request refused')}")
    return _undeliverable(code)


def failure_of(code: object) -> Failure | None:
    """Read a report's error code; None where it says nothing about the address or about us."""
    number = number_of(code)
    if number in _OURSELVES:
        return Misconfigured(f"Twilio {number}: {_OURSELVES[number]}")
    return _undeliverable(number) if number in _ADDRESS else None


def _undeliverable(code: int) -> Undeliverable:
    return Undeliverable(
        f"Twilio {code}: {_ADDRESS.get(code, 'message refused')}",
        no_such_address=code in _NO_SUCH_NUMBER,
        opted_out=code in _OPTED_OUT,
    )


def number_of(code: object) -> int:
    try:
        return int(str(code))
    except ValueError:
        return 0
