"""Fields of a call result that have a few values, and the words for each. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.casework.results.rules import CallField
from app.core.labels import CHANNEL_LABELS

CHOICES: Mapping[CallField, Mapping[str, str]] = {
    CallField.METHOD: {
        "bank": "Bank transfer", "direct_debit": "Direct debit", "card": "Debit card", "cash": "Cash",
        "online": "App or website", "phone": "By telephone", "other": "Other",
    },
    CallField.CATEGORY: {
        "fees": "Fees or interest", "contact": "How or how often we contact them", "staff": "Conduct of staff",
        "payment": "Payment not posted", "data": "Personal data", "product": "Card or account", "other": "Other",
    },
    CallField.SUPPORT_TYPE: {
        "no_evening_calls": "No evening calls", "no_morning_calls": "No morning calls", "no_calls": "No calls",
        "letters_only": "Letters only", "large_print": "Large print", "read_aloud": "Letters explained by telephone",
        "interpreter": "Interpreter", "carer_present": "Call only with their carer present", "extra_time": "Extra time",
        "text_relay": "Calls by text relay", "bereavement": "Time after a death in the family",
    },
    CallField.CONSENT: {"yes": "Yes, they agree", "no": "No, they do not"},
    CallField.RELATION: {
        "family": "Family", "partner": "Partner", "housemate": "Lives there too", "colleague": "Colleague",
        "executor": "Executor", "other": "Other", "unknown": "Did not say",
    },
    CallField.CHANNEL: {name: CHANNEL_LABELS[name] for name in ("call", "sms", "email", "post")},
}  # fmt: skip
"""Fields with a few values, and the words for each. Support needs are codes of their list, those that need nothing
beside the code (`app/casework/support_needs/shipped.toml`)."""


FIELD_LABELS: Mapping[CallField, str] = {
    CallField.AMOUNT: "Promised",
    CallField.DUE_ON: "Pays by",
    CallField.CALLBACK_AT: "Call back at",
    CallField.NUMBER: "Number",
    CallField.RELATION: "Relation to the cardholder",
    CallField.PAID_ON: "Paid on",
    CallField.PAID_AMOUNT: "Paid",
    CallField.METHOD: "How",
    CallField.CATEGORY: "Complaint about",
    CallField.WORDS: "In their words",
    CallField.TRANSACTIONS: "Which transactions",
    CallField.DISPUTED_AMOUNT: "In dispute",
    CallField.PERSON: "Whom to contact instead",
    CallField.SUPPORT_TYPE: "Support need",
    CallField.CONSENT: "Agrees that it is recorded",
    CallField.CHANNEL: "Channel they do not want",
    CallField.REQUEST: "What should a manager decide?",
}
"""Fields as the form of a call names them."""


def field_words(name: str, value: str) -> str:
    """Word a field of a call as it was filled in: `Method: Bank transfer`."""
    asked = CallField(name) if name in set(CallField) else None
    label = FIELD_LABELS[asked] if asked else name.replace("_", " ").capitalize()
    known = CHOICES.get(asked, {}) if asked else {}
    return f"{label}: {known.get(value, value)}"
