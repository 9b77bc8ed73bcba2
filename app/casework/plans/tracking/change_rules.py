"""Rules for moving an instalment to another day, and for skipping one. Pure.

Neither breaks the plan: the customer said so in time. A moved date keeps its place between its neighbours. The amount
of a skipped instalment falls due with the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.plans.rules import payment_name
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.core.errors import Conflict, Invalid, NotFound
from app.core.text import counted

DONE = (InstalmentState.PAID, InstalmentState.NEARLY_PAID)


@dataclass(frozen=True, slots=True)
class MoveLimits:
    """Bounds of a portfolio, and what was moved in this calendar month."""

    days: int
    """Days by which a due date may lie before or after the day first agreed."""
    a_month: int
    moved_this_month: int


def check_move(standing: PlanProgress, n: int, to_on: date, limits: MoveLimits) -> InstalmentProgress:
    """Return the instalment, as it stands today, where it may be moved to that day. Otherwise NotFound, Conflict, or
    Invalid for the field `due_on`."""
    line = _open_instalment(standing, n, "moved")
    today = standing.on
    if limits.moved_this_month >= limits.a_month:
        times = "once" if limits.a_month == 1 else f"{limits.a_month} times"
        raise Conflict(
            "Due dates of this portfolio's plans are not moved."
            if not limits.a_month
            else f"A due date of a plan is moved {times} a month, and that was done. Ask for the payment on its day."
        )
    if to_on == line.due_on:
        raise Invalid(f"{_named(n)} is due on {to_on.isoformat()} already. Enter another day.", "due_on")
    if to_on < today:
        raise Invalid(f"The new day must not be before today, {today.isoformat()}.", "due_on")
    agreed_on = line.moved_from(limits.days)
    first, last = agreed_on - timedelta(days=limits.days), agreed_on + timedelta(days=limits.days)
    if not first <= to_on <= last:
        raise Invalid(
            f"{_named(n)} can be moved by at most {counted(limits.days, 'day')} from {agreed_on.isoformat()}: "
            f"from {max(first, today).isoformat()} to {last.isoformat()}.",
            "due_on",
        )
    before, after = _neighbours(standing, line)
    if before is not None and to_on <= before.due_on:
        raise Invalid(
            f"The new day must be after {payment_name(before.n)}, due on {before.due_on.isoformat()}.",
            "due_on",
        )
    if after is not None and to_on >= after.due_on:
        raise Invalid(
            f"The new day must be before {payment_name(after.n)}, due on {after.due_on.isoformat()}.",
            "due_on",
        )
    return line


def check_skip(standing: PlanProgress, n: int, allowed: int) -> tuple[InstalmentProgress, InstalmentProgress]:
    """Return the instalment where it may be skipped, and the last one, with which it falls due. Otherwise NotFound or
    Conflict."""
    line = _open_instalment(standing, n, "skipped")
    skipped = [each.n for each in standing.instalments if each.state is InstalmentState.SKIPPED]
    if len(skipped) >= allowed:
        raise Conflict(
            f"The agreement lets {allowed} of its instalments be skipped, and that was used."
            if allowed
            else "No instalment may be skipped: the agreement does not say so. Move its date, or renegotiate."
        )
    last = standing.last
    if line.n == last.n:
        raise Conflict(
            f"{_named(n)} is the last: skipped amounts fall due with it. Move its date, or renegotiate."
        )
    order = sorted(standing.instalments, key=lambda each: (each.due_on, each.n))
    at = order.index(line)
    for neighbour in order[max(0, at - 1) : at + 2]:
        if neighbour.n in skipped:
            raise Conflict(f"{_named(neighbour.n)} is skipped: two in a row cannot be.")
    return line, last


def _open_instalment(standing: PlanProgress, n: int, change: str) -> InstalmentProgress:
    line = next((each for each in standing.instalments if each.n == n), None)
    if line is None:
        name = f"instalment {n}" if n else "down payment"
        raise NotFound(f"The agreement has no {name}. Choose a payment of its schedule.")
    if line.state is InstalmentState.SKIPPED:
        raise Conflict(f"{_named(n)} is skipped. It cannot be {change}.")
    if line.state in DONE:
        raise Conflict(f"{_named(n)} is paid. It cannot be {change}.")
    if standing.on > line.grace_until:
        raise Conflict(
            f"{_named(n)} was due on {line.due_on.isoformat()}, and its grace days are over. It cannot be {change}."
        )
    return line


def _neighbours(
    standing: PlanProgress, line: InstalmentProgress
) -> tuple[InstalmentProgress | None, InstalmentProgress | None]:
    order = sorted(standing.instalments, key=lambda each: (each.due_on, each.n))
    at = order.index(line)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)


def _named(n: int) -> str:
    """The payment at the beginning of a sentence."""
    name = payment_name(n)
    return name[0].upper() + name[1:]
