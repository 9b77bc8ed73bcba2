"""The payments for which a break was taken back: those that made the missed instalment whole, as is known now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.queries import posted_since
from app.casework.plans.restoration.rules import is_short
from app.casework.plans.tracking.assessing import assess
from app.casework.plans.tracking.payments import paid_toward
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class MadeWhole:
    """What came in time and was posted after the break."""

    minor: int
    last_on: date
    """The day of the last of these payments."""


def made_whole(session: Session, plan: Plan, made: PlanRestoration, on: date) -> MadeWhole | None:
    """The payments, in the order in which they were posted, that made the missed instalment whole, with all that is
    known at the end of `on`. None = it is not whole any more, or another payment made it so."""
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    part = next(each for each in parts if each.n == made.broken_instalment)
    last_day = part.due_on + timedelta(days=plan.grace_days)
    counted, late = paid_toward(session, plan, on), []
    for posted in posted_since(session, id_of(plan), made.broken_on):
        payment = (posted.on, posted.amount)
        if payment in counted:
            counted.remove(payment)
            late.append(payment)

    def is_whole() -> bool:
        stands = assess(
            parts,
            counted,
            today=min(on, max(made.broken_on, last_day + timedelta(days=1))),
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
        )
        return not is_short(stands, part)

    taken: list[tuple[date, int]] = []
    for payment in late:
        if payment[0] > last_day:
            continue
        counted.append(payment)
        taken.append(payment)
        if is_whole():
            return MadeWhole(sum(amount for _, amount in taken), max(day for day, _ in taken))
    return None
