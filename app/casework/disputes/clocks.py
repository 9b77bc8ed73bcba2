"""Clocks of a dispute: by when its pack wants it acknowledged and answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.disputes.rules import ANSWER_DAYS, DisputeKind
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.pack import Pack

_ACKNOWLEDGED = frozenset({DutyEvent.BILLING_ERROR})


@dataclass(frozen=True, slots=True)
class Clocks:
    """The last days of a dispute."""

    acknowledge_by: date | None
    """None = no law asks for an acknowledgement."""
    answer_by: date
    by_law: bool
    """`answer_by` is the law's; otherwise it is our own aim."""


def events_of(kind: DisputeKind) -> frozenset[DutyEvent]:
    """The events that a dispute of this kind is, after which a pack may want a letter."""
    if kind is DisputeKind.BILLING_ERROR:
        return frozenset({DutyEvent.BILLING_ERROR, DutyEvent.BILLING_ERROR_ANSWER})
    return frozenset({DutyEvent.DISPUTE})


def clocks_of(
    kind: DisputeKind, pack: Pack, received_on: date, country: str, last_closing_on: date | None
) -> Clocks:
    """The earliest days that the duties of the pack name. `last_closing_on`: of the account's latest statement."""
    acknowledged: list[date] = []
    answered: list[date] = []
    for rule in pack.rules:
        if isinstance(rule, DutyRule) and rule.event in events_of(kind) and rule.in_force_on(received_on):
            due = rule.due_on(received_on, country, last_closing_on)
            (acknowledged if rule.event in _ACKNOWLEDGED else answered).append(due)
    if answered:
        return Clocks(min(acknowledged, default=None), min(answered), True)
    aim = received_on + timedelta(days=ANSWER_DAYS)
    return Clocks(min(acknowledged, default=None), aim, False)
