"""When an agreement runs, is in its grace days, is kept or is broken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.plans.rules import Instalment, PlanKind


@dataclass(frozen=True, slots=True)
class Running:
    """Nothing fell due unpaid. `next_due_on` is the next date that matters."""

    next_due_on: date


@dataclass(frozen=True, slots=True)
class InGrace:
    """An instalment fell due and is short, but the grace days are not over."""

    n: int
    short: int
    until: date


NOTHING_OWED = "nothing is owed any more"


@dataclass(frozen=True, slots=True)
class Kept:
    on: date
    why: str = ""
    """'' = all of it was paid."""


@dataclass(frozen=True, slots=True)
class Pointless:
    """No payment came and nothing is left to pay: a correction, a re-age or a sale took the debt away."""

    on: date


@dataclass(frozen=True, slots=True)
class Broken:
    n: int
    due_on: date
    short: int
    """Minor units missing when the grace days ended."""

    @property
    def why(self) -> str:
        return f"instalment {self.n}, due {self.due_on.isoformat()}, was not received in full within the grace period"


@dataclass(frozen=True, slots=True)
class ComesToNothing:
    """A kept plan that a reversed payment leaves short, with no time left to pay: it is broken."""

    n: int
    short: int


Assessment = Running | InGrace | Kept | Pointless | Broken


def after_reversal(
    kind: PlanKind,
    instalments: Sequence[Instalment],
    payments: Sequence[tuple[date, int]],
    *,
    kept_on: date,
    today: date,
    grace_days: int,
) -> Assessment | ComesToNothing:
    """Assess a plan that was kept on `kept_on`, now that one of its payments came back.

    It stays kept where the other payments cover it, and runs on where nothing that fell due is short. A settlement does
    not run on: by the agreement one payment ends the debt, and it did not.
    """
    if isinstance(assess(instalments, payments, today=kept_on, grace_days=grace_days), Kept):
        return Kept(kept_on)
    stands = assess(instalments, payments, today=today, grace_days=grace_days)
    if kind is not PlanKind.SETTLEMENT and isinstance(stands, Running | InGrace | Kept):
        return stands
    paid, owed = sum(amount for on, amount in payments if on <= today), 0
    for part in instalments:
        owed += part.amount
        if owed > paid:
            return ComesToNothing(part.n, owed - paid)
    # The rest was paid, but too late.
    return ComesToNothing(instalments[-1].n, 0)


def assess(
    instalments: Sequence[Instalment],
    payments: Sequence[tuple[date, int]],
    *,
    today: date,
    grace_days: int,
    nothing_left: bool = False,
) -> Assessment:
    """Assess a plan at the end of `today`.

    `payments` are (effective date, positive amount) of money and credits since it was accepted. Paid is cumulative:
    paying early or in several parts is fine. An instalment that is short at the end of its due date + grace is broken,
    unless there is `nothing_left` to pay: then the plan is kept if anything came, and otherwise pointless.
    """
    if nothing_left and sum(amount for _, amount in payments) < sum(part.amount for part in instalments):
        return Kept(today, NOTHING_OWED) if payments else Pointless(today)
    owed = 0
    for part in instalments:
        owed += part.amount
        last_day = part.due_on + timedelta(days=grace_days)
        paid_by_then = sum(amount for on, amount in payments if on <= min(last_day, today))
        short = owed - paid_by_then
        if short <= 0:
            continue
        if today > last_day:
            return Broken(part.n, part.due_on, short)
        if today > part.due_on:
            return InGrace(part.n, short, last_day)
        return Running(part.due_on)
    return Kept(today)
