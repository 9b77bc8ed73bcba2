"""The payments of an agreement as a page lists them: what fell due, what came for it, and how it stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from app.casework.plans.models import PlanInstalment
from app.web.rendering import Tone


class LineState(StrEnum):
    PAID = "Paid"
    SKIPPED = "Skipped"
    MISSED = "Missed"
    IN_GRACE = "Late"
    DUE_TODAY = "Due today"
    IN_PART = "Paid in part"
    TO_COME = "To come"
    DROPPED = "Not asked any more"


STATE_TONES: dict[LineState, Tone] = {
    LineState.PAID: "good",
    LineState.SKIPPED: "neutral",
    LineState.MISSED: "bad",
    LineState.IN_GRACE: "warn",
    LineState.DUE_TODAY: "warn",
    LineState.IN_PART: "info",
    LineState.TO_COME: "neutral",
    LineState.DROPPED: "neutral",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One payment of an agreement, in minor units."""

    n: int
    due_on: date
    amount: int
    came: Sequence[tuple[date, int]]
    """What came for it: day and amount."""
    state: LineState
    agreed_on: date | None = None
    """The due date as first agreed, where it was moved."""
    interest: int = 0
    grace_until: date | None = None
    reference: str = ""

    @property
    def name(self) -> str:
        return "Down payment" if self.n == 0 else str(self.n)

    @property
    def paid(self) -> int:
        return sum(amount for _, amount in self.came)

    @property
    def short(self) -> int:
        return max(0, self.amount - self.paid)

    @property
    def tone(self) -> Tone:
        return STATE_TONES[self.state]

    @property
    def is_open(self) -> bool:
        """Money is still expected for it."""
        return self.state not in (LineState.PAID, LineState.SKIPPED, LineState.DROPPED)


@dataclass(slots=True)
class _Purse:
    """Money that came, spent on one payment after the other."""

    payments: Sequence[tuple[date, int]]
    at: int = 0
    left: int = 0
    spent: list[tuple[date, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = self.payments[0][1] if self.payments else 0

    def take(self, amount: int) -> list[tuple[date, int]]:
        found: list[tuple[date, int]] = []
        while amount > 0 and self.at < len(self.payments):
            part = min(amount, self.left)
            if part > 0:
                found.append((self.payments[self.at][0], part))
            amount, self.left = amount - part, self.left - part
            if self.left <= 0:
                self.at += 1
                self.left += self.payments[self.at][1] if self.at < len(self.payments) else 0
        return found


def lines_of(
    parts: Sequence[PlanInstalment],
    payments: Sequence[tuple[date, int]],
    *,
    today: date,
    grace_days: int,
    runs: bool,
) -> list[Line]:
    """The payments in the order in which they fall due, the money spent on the oldest first. `runs`: the agreement is
    offered or live, so that money is still expected."""
    purse = _Purse(sorted(payments))
    lines: list[Line] = []
    for part in sorted(parts, key=lambda each: (each.due_on, each.n)):
        came = [] if part.is_skipped else purse.take(part.amount_minor)
        until = part.due_on + timedelta(days=grace_days)
        short = part.amount_minor - sum(amount for _, amount in came)
        state = LineState.SKIPPED if part.is_skipped else _state(short, bool(came), part.due_on, until, today)
        if not runs and short > 0 and part.due_on > today and not part.is_skipped:
            state = LineState.DROPPED
        late = state is LineState.IN_GRACE
        lines.append(
            Line(
                part.n, part.due_on, part.amount_minor, came, state,
                part.agreed_on, part.interest_minor, until if late else None,
            )
        )  # fmt: skip
    return lines


def _state(short: int, has_paid: bool, due_on: date, until: date, today: date) -> LineState:
    if short <= 0:
        return LineState.PAID
    if today > until:
        return LineState.MISSED
    if today > due_on:
        return LineState.IN_GRACE
    if today == due_on:
        return LineState.DUE_TODAY
    return LineState.IN_PART if has_paid else LineState.TO_COME
