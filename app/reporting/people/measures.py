"""The figures of people, and what each is a share of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    COLLECTED = "collected"
    PROMISES_KEPT = "promises_kept"
    RIGHT_PARTY = "right_party"
    DAYS_TO_CLOSE = "days_to_close"
    COMPLAINTS = "complaints"


@dataclass(frozen=True, slots=True)
class MeasureWords:
    """A measure in words."""

    title: str
    formula: str
    more_is_better: bool
    is_share: bool = True
    """False for days, which are a mean."""


MEASURES: Mapping[Measure, MeasureWords] = {
    Measure.COLLECTED: MeasureWords(
        "Collected",
        "payments of the period / past due at its start, of the cases that a person works",
        True,
    ),
    Measure.PROMISES_KEPT: MeasureWords(
        "Promises kept",
        "promises, plans and settlements of a person that were kept / that ended kept or broken in the period",
        True,
    ),
    Measure.RIGHT_PARTY: MeasureWords(
        "Right-party contacts",
        "calls in which the cardholder spoke with a person / calls that the person made",
        True,
    ),
    Measure.DAYS_TO_CLOSE: MeasureWords(
        "Days to close",
        "days from opening to closing / cases of a person that closed in the period",
        False,
        is_share=False,
    ),
    Measure.COMPLAINTS: MeasureWords(
        "Complaints",
        "cases of a person with a complaint in the period / cases that the person works",
        False,
    ),
}
NOT_RECORDED = ("Handling time in minutes", "Quality checks")
"""Asked of a figure of people, and not recorded by the desk yet."""
