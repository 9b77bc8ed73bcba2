"""Assessment of an agreement: running, in its grace days, kept or broken. Pure.

Money counts cumulatively: an agreement is broken only where less came than had fallen due, whichever instalment a
payment named. `progress.py` tells which payment went to which instalment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from app.casework.plans.rules import Instalment, PlanKind, payment_name


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
    came: int = field(default=0, compare=False)
    """Minor units of the instalment that came by then."""
    came_on: date | None = field(default=None, compare=False)
    """Day of the last payment that came by then; None = nothing of it came."""

    @property
    def why(self) -> str:
        what = f"{payment_name(self.n)}, due {self.due_on.isoformat()},"
        return f"{what} was not received in full within the grace period"


@dataclass(frozen=True, slots=True)
class ComesToNothing:
    """A kept plan that a reversed payment leaves short, with no time left to pay: it is broken."""

    n: int
    short: int


Assessment = Running | InGrace | Kept | Pointless | Broken

Payments = Sequence[tuple[date, int]]
"""(effective date, positive amount) of money and credits since an agreement was accepted."""


def assess(
    instalments: Sequence[Instalment],
    payments: Payments,
    *,
    today: date,
    grace_days: int,
    tolerance: int = 0,
    nothing_left: bool = False,
) -> Assessment:
    """Assess a plan at the end of `today`.

    Paid is cumulative: paying early or in several parts is fine. An instalment that is short by more than `tolerance`
    at the end of its due date + grace is broken, unless there is `nothing_left` to pay: then the plan is kept if
    anything came, and otherwise pointless.
    """
    if nothing_left and sum(amount for _, amount in payments) < sum(part.amount for part in instalments):
        return Kept(today, NOTHING_OWED) if payments else Pointless(today)
    parts = as_owed(instalments, payments, today=today, grace_days=grace_days, tolerance=tolerance)
    owed = 0
    for part in parts:
        owed += part.amount
        last_day = part.due_on + timedelta(days=grace_days)
        short = owed - paid_by(payments, min(last_day, today))
        if short <= 0:
            continue
        if part is parts[-1] and short <= tolerance and today >= part.due_on:
            continue
        if today > last_day:
            return _broken(part, short, payments, last_day)
        if today > part.due_on:
            return InGrace(part.n, short, last_day)
        return Running(part.due_on)
    return Kept(today)


def as_due(instalments: Sequence[Instalment]) -> list[Instalment]:
    """The instalments that fall due, by date. The amount of a skipped one falls due with the last."""
    parts = sorted(
        (part for part in instalments if not part.is_skipped), key=lambda part: (part.due_on, part.n)
    )
    skipped = sum(part.amount for part in instalments if part.is_skipped)
    return _with_the_last(parts, skipped)


def as_owed(
    instalments: Sequence[Instalment], payments: Payments, *, today: date, grace_days: int, tolerance: int
) -> list[Instalment]:
    """`as_due`, where an instalment that is short by no more than the tolerance when its time is over counts as paid:
    the rest of it falls due with the last instalment, which the tolerance therefore covers once."""
    parts = as_due(instalments)
    if not tolerance:
        return parts
    owed = later = 0
    for at, part in enumerate(parts[:-1]):
        if today < part.due_on:
            break
        owed += part.amount
        short = owed - paid_by(payments, min(part.due_on + timedelta(days=grace_days), today))
        if 0 < short <= tolerance:
            short = min(short, part.amount)
            parts[at] = replace(part, amount=part.amount - short)
            owed, later = owed - short, later + short
    return _with_the_last(parts, later)


def _with_the_last(parts: list[Instalment], more: int) -> list[Instalment]:
    if more and parts:
        parts[-1] = replace(parts[-1], amount=parts[-1].amount + more)
    return parts


def paid_by(payments: Payments, day: date) -> int:
    return sum(amount for on, amount in payments if on <= day)


def _broken(part: Instalment, short: int, payments: Payments, last_day: date) -> Broken:
    came = max(0, part.amount - short)
    last = max((on for on, _ in payments if on <= last_day), default=None)
    return Broken(part.n, part.due_on, short, came, last if came else None)


def after_reversal(
    kind: PlanKind,
    instalments: Sequence[Instalment],
    payments: Payments,
    *,
    kept_on: date,
    today: date,
    grace_days: int,
    tolerance: int = 0,
) -> Assessment | ComesToNothing:
    """Assess a plan that was kept on `kept_on`, now that one of its payments came back.

    It stays kept where the other payments cover it, and runs on while there is time to pay again. A settlement that was
    paid, but too late, does not count as paid: by the agreement its payments end the debt, and they did not.
    """
    then = assess(instalments, payments, today=kept_on, grace_days=grace_days, tolerance=tolerance)
    if isinstance(then, Kept):
        return Kept(kept_on)
    stands = assess(instalments, payments, today=today, grace_days=grace_days, tolerance=tolerance)
    if isinstance(stands, Running | InGrace) or (
        kind is not PlanKind.SETTLEMENT and isinstance(stands, Kept)
    ):
        return stands
    paid, owed = paid_by(payments, today), 0
    for part in as_due(instalments):
        owed += part.amount
        if owed > paid:
            return ComesToNothing(part.n, owed - paid)
    # The rest was paid, but too late.
    return ComesToNothing(instalments[-1].n, 0)
