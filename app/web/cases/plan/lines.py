"""The payments of an agreement as a page lists them: each with its state in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.casework.plans.tracking.references import in_groups, reference_of
from app.web.rendering import Tone

STATE_WORDS: Mapping[InstalmentState, tuple[str, Tone]] = {
    InstalmentState.TO_COME: ("To come", "neutral"),
    InstalmentState.PAID: ("Paid", "good"),
    InstalmentState.NEARLY_PAID: ("Paid, a little short", "good"),
    InstalmentState.SKIPPED: ("Skipped", "neutral"),
    InstalmentState.COVERED: ("Covered", "good"),
    InstalmentState.IN_GRACE: ("Late", "warn"),
    InstalmentState.MISSED: ("Missed", "bad"),
}
EXPECTED = (InstalmentState.TO_COME, InstalmentState.IN_GRACE)
"""States of an instalment that money is still wanted for, and that may be moved or skipped."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment, with the words for its state."""

    part: InstalmentProgress
    words: str
    tone: Tone
    reference: str
    """What the payment is marked with, so that it is found by itself."""

    @property
    def name(self) -> str:
        return "Down payment" if self.part.n == 0 else str(self.part.n)

    @property
    def was_moved(self) -> bool:
        return self.part.agreed_on != self.part.due_on

    @property
    def is_late(self) -> bool:
        return self.part.state is InstalmentState.IN_GRACE

    @property
    def is_expected(self) -> bool:
        return self.part.state in EXPECTED


def lines_of(progress: PlanProgress, plan_id: int, *, runs: bool) -> list[Line]:
    """The payments in the order in which they fall due. `runs`: the agreement is offered or live, so that money is
    still expected."""
    parts = sorted(progress.instalments, key=lambda part: (part.due_on, part.n))
    return [
        Line(part, *_words(part, progress.on, runs=runs), in_groups(reference_of(plan_id, part.n)))
        for part in parts
    ]


def _words(part: InstalmentProgress, on: date, *, runs: bool) -> tuple[str, Tone]:
    if part.state is InstalmentState.TO_COME:
        if not runs:
            return "No longer due", "neutral"
        if part.due_on == on:
            return "Due today", "warn"
        if part.paid:
            return "Paid in part", "info"
    return STATE_WORDS[part.state]


def next_line(lines: Sequence[Line]) -> Line | None:
    """The payment that is expected next; the one that was missed where the night has not found it yet."""
    late = (*EXPECTED, InstalmentState.MISSED)
    return next((line for line in lines if line.part.state in late and line.part.short > 0), None)
