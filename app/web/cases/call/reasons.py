"""Reasons against the lines of the contact panel, each told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.policy.answers import Reason
from app.web.cases.gate_answers import GateRow, weightiest_first


@dataclass(frozen=True, slots=True)
class GateReason:
    """A reason that stands against some of the lines."""

    reason: Reason
    lines: str
    """The channels it is against, in words; '' = all."""


def told_once(rows: Sequence[GateRow]) -> list[GateReason]:
    """The reasons against these lines, the weightiest first, each with the channels it is against."""
    reasons: dict[str, Reason] = {}
    against: dict[str, dict[str, None]] = {}
    for row in rows:
        for reason in row.reasons:
            reasons.setdefault(reason.detail, reason)
            against.setdefault(reason.detail, {})[row.label] = None
    every = len({row.label for row in rows})
    return [
        GateReason(reason, "" if len(against[reason.detail]) == every else ", ".join(against[reason.detail]))
        for reason in weightiest_first(list(reasons.values()))
    ]
