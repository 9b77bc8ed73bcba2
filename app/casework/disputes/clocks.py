"""Clocks of a dispute: by when its pack wants it acknowledged and answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.disputes.rules import ANSWER_DAYS, DisputeKind
from app.core.dates import add_months
from app.policy.kinds.duty import DutyEvent, DutyRule
from app.policy.pack import Pack
from app.policy.sections.disputes import DisputeClock

_ACKNOWLEDGED = frozenset({DutyEvent.BILLING_ERROR})


@dataclass(frozen=True, slots=True)
class Clocks:
    """The last days of a dispute."""

    acknowledge_by: date | None
    """None = no law asks for an acknowledgement."""
    answer_by: date
    by_law: bool
    """`answer_by` is the law's; otherwise it is our own aim."""
    citation: str = ""
    """Of the rule that names `answer_by`; '' = none does."""
    verified: bool = False
    """A person has read that rule at first hand."""


def events_of(kind: DisputeKind) -> frozenset[DutyEvent]:
    """The events that a dispute of this kind is, after which a pack may want a letter."""
    if kind is DisputeKind.BILLING_ERROR:
        return frozenset({DutyEvent.BILLING_ERROR, DutyEvent.BILLING_ERROR_ANSWER})
    return frozenset({DutyEvent.DISPUTE})


def clocks_of(
    kind: DisputeKind, pack: Pack, received_on: date, country: str, last_closing_on: date | None
) -> Clocks:
    """The earliest days that the duties and clocks of the pack name. `last_closing_on`: of the account's latest
    statement."""
    acknowledged: list[date] = []
    answered: list[tuple[date, str, bool]] = []
    for rule in pack.rules:
        if isinstance(rule, DutyRule) and rule.event in events_of(kind) and rule.in_force_on(received_on):
            due = rule.due_on(received_on, country, last_closing_on)
            if rule.event in _ACKNOWLEDGED:
                acknowledged.append(due)
            else:
                answered.append((due, rule.citation, rule.verified))
    for clock in _own(kind, pack):
        answered.append((clock.due_on(received_on, country), clock.citation, clock.verified))
    first = min(acknowledged, default=None)
    if answered:
        due, citation, verified = min(answered)
        return Clocks(first, due, True, citation, verified)
    return Clocks(first, received_on + timedelta(days=ANSWER_DAYS), False)


def told_by(kind: DisputeKind, pack: Pack, entered_on: date) -> date | None:
    """The last day on which the customer could tell it of an entry of `entered_on`, by the pack that leaves them the
    longest; None = no day ends it."""
    clocks = _own(kind, pack)
    if not clocks or any(clock.told_months is None for clock in clocks):
        return None
    return max(add_months(entered_on, clock.told_months or 0) for clock in clocks)


def _own(kind: DisputeKind, pack: Pack) -> list[DisputeClock]:
    clocks = pack.disputes.clocks if pack.disputes else ()
    everything = kind is not DisputeKind.BILLING_ERROR
    return [clock for clock in clocks if kind in clock.kinds or (everything and not clock.kinds)]
