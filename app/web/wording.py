"""Labels of customers' messages and preferences, shared by several pages."""

from __future__ import annotations

from collections.abc import Mapping

from app.casework.correspondence.rules import Intent
from app.core.labels import CHANNEL_LABELS, INTENT_LABELS, in_sentence
from app.core.timeline.presenting import Tone
from app.outreach.gate.models import ContactPreference
from app.policy.facts import PreferenceKind

INTENT_TONES: Mapping[Intent, Tone] = {
    Intent.STOP: "warn",
    Intent.STOP_CALLS: "warn",
    Intent.STOP_EMAIL: "warn",
    Intent.CEASE: "bad",
    Intent.MAYBE_STOP: "warn",
    Intent.START: "info",
    Intent.HELP: "info",
    Intent.WRONG_NUMBER: "bad",
    Intent.DISPUTE: "bad",
    Intent.ATTORNEY: "bad",
    Intent.BANKRUPTCY: "bad",
    Intent.DECEASED: "bad",
    Intent.HARDSHIP: "info",
    Intent.CALL_ME: "info",
    Intent.REACTION: "neutral",
    Intent.PAID: "good",
}
MEANING_WORDS = {intent: (INTENT_LABELS[intent], tone) for intent, tone in INTENT_TONES.items()}
"""Labels and tones of the meanings of a message."""


def preference_words(told: ContactPreference) -> str:
    """A customer's preference as the page shows it."""
    by = f" by {in_sentence(CHANNEL_LABELS[told.channel])}" if told.channel else ""
    until = f", until {told.until}" if told.until else ""
    match told.kind:
        case PreferenceKind.TIME:
            days = {"0,1,2,3,4": " Monday to Friday", "5,6": " on weekends"}.get(told.weekdays, "")
            span = f"{_minute(told.start_minute)} to {_minute(told.end_minute)}"
            return f"not from {span}{days}{by}{until}"
        case PreferenceKind.TIMEZONE:
            return f"they live in {told.timezone}"
        case PreferenceKind.WORKPLACE:
            return f"not at work{by}{until}"
    return f"not at this number or address{by}{until}"


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
