"""Moves of the next payment that the cardholder may make by themselves, and the days between which. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.plans.tracking.progress import InstalmentProgress, PlanProgress


@dataclass(frozen=True, slots=True)
class MoveRange:
    """The days to which a payment may be moved, both included."""

    first: date
    last: date


def move_range(
    progress: PlanProgress, part: InstalmentProgress, *, days: int, moves_left: int
) -> MoveRange | None:
    """None where the payment is moved no more. It keeps its place between its neighbours."""
    if moves_left < 1:
        return None
    others = [each.due_on for each in progress.instalments if each.n != part.n]
    before = max((day for day in others if day <= part.due_on), default=None)
    after = min((day for day in others if day > part.due_on), default=None)
    agreed_on = part.moved_from(days)
    first = max(progress.on, agreed_on - timedelta(days=days))
    last = agreed_on + timedelta(days=days)
    if before is not None:
        first = max(first, before + timedelta(days=1))
    if after is not None:
        last = min(last, after - timedelta(days=1))
    return MoveRange(first, last) if first < last else None
