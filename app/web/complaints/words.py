"""Choices of the forms of complaints, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from app.casework.complaints.rules import (
    CATEGORY_LABELS,
    COMPLAINT_CHANNEL_LABELS,
    OMBUDSMAN_LABELS,
    OUTCOME_LABELS,
    SEVERITY_LABELS,
    AnswerKind,
    FinalForm,
)

E = TypeVar("E", bound=StrEnum)
Options = Sequence[tuple[str, str]]


def options(labels: Mapping[E, str], empty: str = "") -> Options:
    """Values with their words; `empty`: the words of no value, first."""
    found = [(value.value, words) for value, words in labels.items()]
    return [("", empty), *found] if empty else found


def texts(labels: Mapping[E, str]) -> Mapping[str, str]:
    """Words by the value as rows hold it."""
    return {value.value: words for value, words in labels.items()}


CATEGORIES = options(CATEGORY_LABELS, "Choose")
CHANNELS = options(COMPLAINT_CHANNEL_LABELS, "Choose")
SEVERITIES = options(SEVERITY_LABELS)
OUTCOMES = options(OUTCOME_LABELS, "Choose")
STAGES = options(OMBUDSMAN_LABELS)
KINDS = options(
    {
        AnswerKind.FINAL: "Final response",
        AnswerKind.SUMMARY: "Summary resolution: they accepted it",
        AnswerKind.WITHDRAWN: "They took the complaint back",
    }
)
FORMS = options(
    {
        FinalForm.ACCEPT: "Accepts the complaint",
        FinalForm.OFFER: "Does something for them without accepting",
        FinalForm.REJECT: "Rejects the complaint",
    },
    "No final response",
)
