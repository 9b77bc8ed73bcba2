"""States of a move and of its cases, and the reasons for which a case stays. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class MoveStatus(StrEnum):
    PREPARED = "prepared"
    DONE = "done"
    UNDONE = "undone"


class MoveState(StrEnum):
    """What becomes of one case of a move."""

    PLANNED = "planned"
    STAYS = "stays"
    """By the preview."""
    MOVED = "moved"
    CHANGED = "changed"
    """Planned, and not true any more as the move was confirmed."""
    RESTORED = "restored"
    KEPT = "kept"
    """The move was undone, and this case had moved on since."""


class StayReason(StrEnum):
    CLOSED = "closed"
    CALL = "call"
    SAME = "same"
    NOT_ABSENT = "not_absent"
    HOLD = "hold"
    RELATION = "relation"
    COVERED = "covered"
    LANGUAGE = "language"
    FULL = "full"
    OWNER = "owner"
    RECEIVER = "receiver"


OVERRULED = (StayReason.HOLD, StayReason.RELATION, StayReason.COVERED, StayReason.LANGUAGE, StayReason.FULL)
"""Reasons that a manager may overrule for a whole move."""
STAY_LABELS: Mapping[StayReason, str] = {
    StayReason.CLOSED: "The case is closed",
    StayReason.CALL: "A colleague is on the telephone about it",
    StayReason.SAME: "It is with the receiver already",
    StayReason.NOT_ABSENT: "The person whose case it is is not absent",
    StayReason.HOLD: "A hold is open",
    StayReason.RELATION: "The customer knows the owner: a callback, an agreement or a talk of late",
    StayReason.COVERED: "It is covered for an absent colleague",
    StayReason.LANGUAGE: "No receiver with room speaks the language",
    StayReason.FULL: "No receiver has room",
    StayReason.OWNER: "It was given to somebody else meanwhile",
    StayReason.RECEIVER: "The receiver is absent now, or works no cases any more",
}
OVERRULE_LABELS: Mapping[StayReason, str] = {
    StayReason.HOLD: "Cases on hold",
    StayReason.RELATION: "Customers who know the owner",
    StayReason.COVERED: "Cases that are covered for an absent colleague",
    StayReason.LANGUAGE: "Cases whose language no receiver speaks",
    StayReason.FULL: "Beyond the capacity of the receivers",
}


def spell(why: Collection[StayReason]) -> str:
    """Reasons as a row stores them."""
    return ",".join(why)


def read(text: str) -> tuple[StayReason, ...]:
    return tuple(StayReason(each) for each in text.split(",") if each)
