"""Workouts, settlements, complaints and costs counted by hand, from plain rows. Pure.

A count is a figure, a dimension with its member (both empty for the whole portfolio), numerator and denominator.
Nothing here is shared with the statements that the night runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.complaints.rules import AnswerKind
from app.casework.plans.rules import PlanKind, PlanStatus
from app.outreach.outbox.rules import Destination
from app.reporting.kpis.rules import Dimension

Pairs = dict[tuple[str, str, str], tuple[int, int]]
"""Numerator and denominator by figure, dimension and member."""
Counted = tuple[str, str, str, int, int]

DAYS_30, DAYS_365 = timedelta(days=29), timedelta(days=364)
"""From the first day of a window to its last."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    kind: PlanKind
    status: PlanStatus
    by: str
    accepted_on: date | None
    ended_on: date | None
    cash: int = 0
    """Of a settlement: payments on its accounts from the offer to the end that stand."""
    waived: int = 0
    """Of a settlement: what was taken off the book as settled on the day of its end, and stands."""


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A complaint by its days where the portfolio is."""

    made_on: date
    ends: tuple[ComplaintEnd, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintEnd:
    """How a complaint was closed, and the day by which its answer was owed."""

    kind: AnswerKind
    on: date
    until: date
    by: str
    lost_on: date | None = None
    """Day on which it was known that its letter never arrived; None = it did, or may have."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """The portfolio's costs in minor units; `call` is what one call costs."""

    messages: Mapping[Destination, int]
    call: int
    legal_case: int
    is_known: bool
    """The portfolio has a tariff at all."""


def count_plans(plans: Iterable[PlanRow], on: date) -> Iterator[Counted]:
    """Workouts of thirty days, and settlements of a year."""
    for plan in plans:
        if plan.kind is PlanKind.SETTLEMENT:
            if _kept(plan, on) and plan.ended_on is not None and plan.ended_on >= on - DAYS_365:
                yield from _by_agent("settlement_yield", plan.by, plan.cash, plan.cash + plan.waived)
        elif plan.kind in (PlanKind.INSTALMENTS, PlanKind.HARDSHIP):
            yield from _workout(plan, on)


def _workout(plan: PlanRow, on: date) -> Iterator[Counted]:
    first_on = on - DAYS_30
    if plan.accepted_on is None or plan.accepted_on > on:
        return
    if plan.ended_on is not None and plan.ended_on < first_on:
        return
    ended = plan.ended_on is not None and plan.ended_on <= on
    broken = ended and plan.status is PlanStatus.BROKEN
    for kpi, counts, out_of in (
        ("workout_entry_rate", plan.accepted_on >= first_on, True),
        ("workout_exit_rate", ended, True),
        ("workout_success_rate", _kept(plan, on), ended),
        ("workout_failure_rate", broken, ended),
    ):
        yield from _by_agent(kpi, plan.by, int(counts), int(out_of))


def _kept(plan: PlanRow, on: date) -> bool:
    return plan.status is PlanStatus.KEPT and plan.ended_on is not None and plan.ended_on <= on


def count_complaints(complaints: Sequence[ComplaintRow], accounts: int, on: date) -> Iterator[Counted]:
    """Complaints of thirty days; without one no account is counted."""
    first_on = on - DAYS_30
    made = sum(first_on <= each.made_on <= on for each in complaints)
    if made:
        yield "complaints_per_1000", "", "", made, accounts
    ended = [
        end
        for each in complaints
        for end in each.ends
        if first_on <= end.on <= on and end.kind is not AnswerKind.WITHDRAWN
    ]
    in_time = [
        end
        for end in ended
        if end.on <= end.until
        and (end.kind is not AnswerKind.HOLD or end.by.startswith("user:"))
        and (end.lost_on is None or end.lost_on > on)
    ]
    yield "complaints_on_time", "", "", len(in_time), len(ended)


def count_costs(
    tariff: Tariff,
    *,
    messages: Iterable[Destination],
    callers: Iterable[str],
    legal_cases: int,
    cash: int,
) -> Iterator[Counted]:
    """Costs of thirty days, each over the cash of them."""
    if not tariff.is_known:
        return
    sent = dict.fromkeys(tariff.messages, 0)
    for destination in messages:
        sent[destination] += tariff.messages[destination]
    talked: dict[str, int] = {}
    for by in callers:
        talked[_name(by)] = talked.get(_name(by), 0) + tariff.call
    parts = {
        "cost_of_messages": sum(sent.values()),
        "cost_of_agents": sum(talked.values()),
        "cost_of_legal": legal_cases * tariff.legal_case,
    }
    for kpi, minor in {**parts, "cost_to_collect": sum(parts.values())}.items():
        yield kpi, "", "", minor, cash
    yield "cost_of_messages", Dimension.CHANNEL, "", 0, cash
    yield "cost_of_agents", Dimension.AGENT, "", 0, cash
    for destination, minor in sent.items():
        yield "cost_of_messages", Dimension.CHANNEL, destination.value, minor, 0
    for agent, minor in talked.items():
        yield "cost_of_agents", Dimension.AGENT, agent, minor, 0


def _by_agent(kpi: str, author: str, numerator: int, denominator: int) -> Iterator[Counted]:
    yield kpi, "", "", numerator, denominator
    yield kpi, Dimension.AGENT, _name(author), numerator, denominator


def _name(author: str) -> str:
    """The username of an author; '' for anybody else."""
    return author.removeprefix("user:") if author.startswith("user:") else ""


CHECKED: Mapping[str, tuple[str, ...]] = {
    **{
        kpi: ("", Dimension.AGENT)
        for kpi in (
            "workout_entry_rate",
            "workout_exit_rate",
            "workout_success_rate",
            "workout_failure_rate",
            "settlement_yield",
        )
    },
    "complaints_per_1000": ("",),
    "complaints_on_time": ("",),
    "cost_to_collect": ("",),
    "cost_of_messages": ("", Dimension.CHANNEL),
    "cost_of_agents": ("", Dimension.AGENT),
    "cost_of_legal": ("",),
}
"""Figures that are counted here, each with the dimensions of which every member is compared; '' = the
whole portfolio."""


def summed_pairs(counted: Iterable[Counted]) -> Pairs:
    """Counts added up; 0 of 0 for a whole in which nothing is counted."""
    sums: Pairs = {(kpi, "", ""): (0, 0) for kpi in CHECKED}
    for kpi, dimension, member, numerator, denominator in counted:
        before = sums.get((kpi, str(dimension), member), (0, 0))
        sums[kpi, str(dimension), member] = (before[0] + numerator, before[1] + denominator)
    return sums
