"""Origin and possible meanings of a customer's message. Pure."""

from __future__ import annotations

from enum import StrEnum


class InboundSource(StrEnum):
    SMS = "sms"
    PAGE = "page"
    """The customer's own preferences page."""


class Intent(StrEnum):
    STOP = "stop"
    STOP_CALLS = "stop_calls"
    STOP_EMAIL = "stop_email"
    CEASE = "cease"
    """Wants no contact at all."""
    MAYBE_STOP = "maybe_stop"
    START = "start"
    HELP = "help"
    WRONG_NUMBER = "wrong_number"
    DISPUTE = "dispute"
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    HARDSHIP = "hardship"
    CALL_ME = "call_me"
    PAID = "paid"
    REACTION = "reaction"
    """A button that their telephone has, pressed on a message."""
