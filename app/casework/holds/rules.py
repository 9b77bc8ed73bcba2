"""End of a hold, and the people who may end it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from app.core.vocabulary import HoldKind, holds_with

FOR_GOOD = holds_with(lambda traits: traits.for_good)
"""Holds that no date ends: only a named person ends them, with a reason (a dispute: once its answer was sent). Their
date is a review date, which raises work and opens nothing. 15 USC 1692c(c), 1692g(b); 12 CFR 1006.6(b)(2),
1006.38(d)(2); 11 USC 362(a)(6). All others end on their date: breathing space and service have an end in law, the
rest is ours to say.
"""


RESTING = holds_with(lambda traits: traits.rests_agreements)
"""Holds during which a running agreement rests."""


class EndsBy(StrEnum):
    """How a hold that no date ends comes to its end."""

    DECISION = "decision"
    """A named person decided it."""
    VERIFICATION = "verification"
    """A dispute: the verification of the debt was sent (12 CFR 1006.38(d)(2))."""
    SILENCE = "silence"
    """An attorney did not answer us in a reasonable time (12 CFR 1006.6(b)(2)(ii))."""


ENDING_EVENTS: Mapping[HoldKind, EndsBy] = {
    HoldKind.DISPUTE: EndsBy.VERIFICATION,
    HoldKind.ATTORNEY: EndsBy.SILENCE,
}
"""The event that ends a hold without anybody's decision; it must be on record."""

SILENCE_DAYS = 30
"""An attorney who has not answered for so many days is silent. The law says "a reasonable period"; this figure is our
choice."""

REVIEW_DAYS = 30
"""A hold placed by a message or a call comes up for review after this many days."""
REVIEW_AGAIN_DAYS = 15
"""A review that nobody did is raised again after so many days, and again."""
CLAIM_DAYS = 10
"""Reminders rest this many days while a person looks for a payment that the cardholder says was made."""
VERIFICATION_LETTERS = frozenset({"debt_verification"})
"""Letters with which the verification of a disputed debt is sent."""
LONGEST_DAYS = 3660
"""The end or review date of a hold lies at most ten years ahead."""


def is_asked_again(until: date, raised_on: date | None, today: date) -> bool:
    """True if work is raised on `today` for a hold to be reviewed by `until`: on that day, and each time that so many
    days have passed with no review."""
    if until > today:
        return False
    return raised_on is None or raised_on < until or today - raised_on >= timedelta(days=REVIEW_AGAIN_DAYS)


def end_words(kind: HoldKind, until: str) -> str:
    """When a hold ends, as a sentence says it; `until`: its day as the reader writes it."""
    if kind is HoldKind.COMPLAINT:
        return f"until it is answered, by {until}"  # what rests meanwhile is the portfolio's choice
    return f"do not contact; review by {until}" if kind in FOR_GOOD else f"until {until}"


def hold_name(kind: HoldKind) -> str:
    """The hold as a sentence says it: `cease contact hold`."""
    return f"{kind.value.replace('_', ' ')} hold"
