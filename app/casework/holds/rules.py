"""End of a hold, and the people who may end it. Pure."""

from __future__ import annotations

from app.core.vocabulary import HoldKind, holds_with

FOR_GOOD = holds_with(lambda traits: traits.for_good)
"""Holds that no date ends: only a named person ends them, with a reason (a dispute: once its answer was sent). Their
date is a review date, which raises work and opens nothing. 15 USC 1692c(c), 1692g(b); 12 CFR 1006.6(b)(2),
1006.38(d)(2); 11 USC 362(a)(6). All others end on their date: breathing space and service have an end in law, the
rest is ours to say.
"""

REVIEW_DAYS = 30
"""A hold placed by a message or a call comes up for review after this many days."""
CLAIM_DAYS = 10
"""Reminders rest this many days while a person looks for a payment that the cardholder says was made."""
LONGEST_DAYS = 3660
"""The end or review date of a hold lies at most ten years ahead."""


def hold_name(kind: HoldKind) -> str:
    """The hold as a sentence says it: `cease contact hold`."""
    return f"{kind.value.replace('_', ' ')} hold"
