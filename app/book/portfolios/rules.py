"""Kinds of portfolio, and the business day to which something belongs. Pure."""

from __future__ import annotations

from datetime import date
from enum import StrEnum


class CollectorKind(StrEnum):
    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"


class DelinquencySource(StrEnum):
    LEDGER = "ledger"
    REPORTED = "reported"


def posting_date(effective_on: date, open_on: date | None) -> date:
    """Return the business date to which an arriving entry belongs: its own, or the first open day (`open_on`) if its
    own has been closed.

    So what was known on a past day K is what was posted by K, also for history that was loaded before any day was
    closed.
    """
    return max(effective_on, open_on) if open_on else effective_on
