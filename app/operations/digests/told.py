"""What a digest says, frozen when it is made. Figures, names of slices and counts; no customer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from app.reporting.changes.rules import Compare

VERSION = 1
"""Of the published shape (docs/digest.md): a member may be added, none changes its meaning."""
COMPARE_WORDS = {
    Compare.YESTERDAY: "the day before",
    Compare.WEEK: "a week before",
    Compare.MONTH: "the same day a month before",
}


@dataclass(frozen=True, slots=True)
class ToldReason:
    """A slice and what it added to a change, in the figure's unit."""

    dimension: str
    member: str
    amount: float


@dataclass(frozen=True, slots=True)
class ToldFigure:
    """A figure of the day, and its change against each compared day; None where that day has none."""

    figure: str
    title: str
    unit: str
    is_share: bool
    numerator: int
    denominator: int
    value: float | None
    tone: str
    changes: Mapping[str, float | None]
    why: tuple[ToldReason, ...]
    href: str
    per: int = 100
    """The value times this is read: 100 = a percentage, 1000 = per thousand, 1 = days, or a score."""
    scale: str = "percent"
    """`percent`, `per_1000`, `score` (of 5) or `days`."""


@dataclass(frozen=True, slots=True)
class ToldCount:
    """Work that waits, and the page with its list."""

    label: str
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class ToldThreshold:
    """A threshold that is crossed, since which day."""

    figure: str
    limit: str
    since: str
    href: str


@dataclass(frozen=True, slots=True)
class ToldFailure:
    """An open alert of a check or a night."""

    title: str
    detail: str
    since: str


@dataclass(frozen=True, slots=True)
class DigestContent:
    """A digest as it was made; frozen, so that every attempt says the same."""

    version: int
    portfolio: str
    creditor: str
    currency: str
    business_date: str
    cadence: str
    compared: Mapping[str, str]
    """Kind of comparison -> the day."""
    decisions: tuple[ToldCount, ...]
    thresholds: tuple[ToldThreshold, ...]
    failures: tuple[ToldFailure, ...]
    changed: tuple[ToldFigure, ...]
    href: str
    """The morning page of the day."""
    language: str = "en"
    """Of its words: a catalogue's name."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> DigestContent:
        data = json.loads(text)
        figures = [
            {**each, "why": tuple(ToldReason(**why) for why in each["why"])} for each in data["changed"]
        ]
        return cls(
            **{
                **data,
                "decisions": tuple(ToldCount(**each) for each in data["decisions"]),
                "thresholds": tuple(ToldThreshold(**each) for each in data["thresholds"]),
                "failures": tuple(ToldFailure(**each) for each in data["failures"]),
                "changed": tuple(ToldFigure(**each) for each in figures),
            }
        )
