"""Labels of an account's statuses and pauses."""

from __future__ import annotations

from collections.abc import Mapping

from app.book.ledger.rules import AccountStatus
from app.web.rendering import Tone

STATUS_WORDS: Mapping[AccountStatus, tuple[str, Tone]] = {
    AccountStatus.ACTIVE: ("Active", "good"),
    AccountStatus.CHARGED_OFF: ("Charged off", "bad"),
    AccountStatus.SETTLED: ("Settled", "info"),
    AccountStatus.PAID: ("Paid", "good"),
    AccountStatus.CLOSED: ("Closed", "neutral"),
    AccountStatus.SOLD: ("Sold", "neutral"),
    AccountStatus.DORMANT: ("Dormant", "neutral"),
}
PAUSE_WORDS = {
    "hardship": "Hardship",
    "moratorium": "Moratorium",
    "dispute": "Dispute",
    "breathing_space": "Breathing space",
}
