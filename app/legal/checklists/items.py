"""Checklist items: met ones, gaps that a person may excuse, and gaps that no reason excuses. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import Conflict


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    id: str
    title: str
    ok: bool
    detail: str
    excused_by: str = ""
    """The named person who lets the file go without it; '' = none."""
    excuse: str = ""
    """The reason that this person gave."""

    @property
    def stops(self) -> bool:
        """It is not met, and no reason excuses it."""
        return not self.ok and self.id in NEVER_EXCUSED


NEVER_EXCUSED = frozenset(
    {"claim.owed", "ledger.claim", "dispute.none_open", "hold.none_stopping", "limitation", "notice.owed"}
)
"""Items without which no customer is taken to court, for any reason."""


IN_PART = "dispute.part"
"""The item of a claim without its disputed part: a reason that names no item is none for this choice."""


def stops(items: Sequence[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """Items that forbid approval, sealing and hand-over alike."""
    return tuple(item for item in items if item.stops)


def refuse_stopped(items: Sequence[ChecklistItem], act: str) -> None:
    """Conflict that names everything that stands in the way of `act` and cannot be excused."""
    if found := stops(items):
        named = "; ".join(f"{item.title}: {item.detail}" for item in found)
        raise Conflict(f"{act} is refused, and no reason excuses it: {named}.")


def gaps(items: Sequence[ChecklistItem]) -> tuple[ChecklistItem, ...]:
    """Missing items that may be excused."""
    return tuple(item for item in items if not item.ok and not item.stops)
