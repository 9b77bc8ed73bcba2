"""Sections of the worklist in the order in which an agent works them, and the choice of the next case. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum


class Section(IntEnum):
    """The section of the worklist in which a case stands: the first that fits. Sections up to `TASK` are work."""

    CALLBACK_DUE = 1
    REPLY = 2
    CALLBACK_LATER = 3
    """A callback later today."""
    PROMISE_MISSED = 4
    """A payment of a live agreement is overdue, or the agreement was broken lately and nobody has called since."""
    PROMISE_DUE = 5
    CALL = 6
    TASK = 7
    """Another task, or a hold whose review date has come."""

    WITH_LEGAL = 11
    ON_HOLD = 12
    PROMISE_RUNNING = 13
    OPTED_OUT = 14
    """A call is asked for, and the customer has opted out of calls."""
    NOTHING_OWED = 15
    """A call is asked for, and nothing is past due any more."""
    COMES_BACK = 16
    """A call or callback of a later time."""
    NOTHING_PLANNED = 20
    """No task, no date: the strategy acts next, if anything does."""


WORK = tuple(section for section in Section if section <= Section.TASK)
RESTING = tuple(section for section in Section if section > Section.TASK)

CALLED_FOR = frozenset({Section.PROMISE_MISSED, Section.PROMISE_DUE, Section.CALL})
"""Sections whose work is a call of ours: a row that the gate does not clear for a call now goes to the bottom."""

STATES: Mapping[str, tuple[Section, ...]] = {
    "callback": (Section.CALLBACK_DUE, Section.CALLBACK_LATER),
    "reply": (Section.REPLY,),
    "missed": (Section.PROMISE_MISSED,),
    "today": (Section.PROMISE_DUE,),
    "call": (Section.CALL,),
    "task": (Section.TASK,),
    "legal": (Section.WITH_LEGAL,),
    "hold": (Section.ON_HOLD,),
    "plan": (Section.PROMISE_RUNNING,),
    "optout": (Section.OPTED_OUT,),
    "paid": (Section.NOTHING_OWED,),
    "later": (Section.COMES_BACK,),
    "rest": (Section.NOTHING_PLANNED,),
}
"""Names of sections in addresses and in the API; '' is all work."""

BROKEN_DAYS = 7
"""Days for which a broken agreement stays in the worklist while nobody has called."""


def sections_of(state: str) -> tuple[Section, ...] | None:
    """Sections that a state names, all work for ''; None for a state that is no section."""
    return STATES.get(state) if state else WORK


@dataclass(frozen=True, slots=True)
class Item:
    """A case in the worklist, and why it stands there."""

    case_id: int
    section: Section
    at: datetime | None = None
    """Instant of the callback or the reply."""
    on: date | None = None
    """Due date of the payment, the call, the task or the review; the date until which a case rests."""


@dataclass(frozen=True, slots=True)
class SectionCount:
    """Cases of a section, and when the first of them comes back (callbacks, holds, later calls)."""

    cases: int
    first_at: datetime | None = None
    first_on: date | None = None


def in_turn(order: Sequence[int], after: int | None) -> Iterator[int]:
    """Cases in the order in which they are offered: from the one behind `after`, then from the top. A case that has
    left the list (its work is done) begins at the top."""
    start = order.index(after) + 1 if after in order else 0
    yield from (case_id for case_id in (*order[start:], *order[:start]) if case_id != after)


def is_offered(section: Section | None, verdict: str) -> bool:
    """`Next` may open a case: a callback once it is due, a call if the gate clears one now (`yes`). A case of a
    list without sections needs a cleared call too."""
    if section is Section.CALLBACK_LATER:
        return False
    if section is None or section in CALLED_FOR:
        return verdict == "yes"
    return True
