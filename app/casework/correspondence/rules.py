"""Origin and possible meanings of a customer's message, and the decisions about it. Pure."""

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
    COMPLAINT = "complaint"
    """May be dissatisfied; a person is asked."""
    SUPPORT_NEED = "support_need"
    """May need us to do something in another way: larger print, no calls, a helper."""
    PROMISE = "promise"
    """Says when they will pay."""
    QUESTION = "question"
    MAYBE_DISPUTE = "maybe_dispute"
    """The intent model reads a dispute that no phrase names."""
    AUTO_REPLY = "auto_reply"
    """Their telephone or mailbox has answered, not they."""


class ReviewOutcome(StrEnum):
    """A person's decision about a message; `automatic` = none was needed."""

    AUTOMATIC = "automatic"
    STOPPED = "stopped"
    """They want no more SMS."""
    STANDS = "stands"
    """The reading is right: its holds and opt-outs stay."""
    LIFTED = "lifted"
    """The reading is wrong: its holds and opt-outs are undone."""
    DONE = "done"
    """Answered, or nothing to do."""
