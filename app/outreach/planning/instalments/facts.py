"""Instalments of agreements as they stand now: what a message says of one, and whether it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan, PlanChange
from app.casework.plans.rules import InstalmentChange, PlanKind
from app.casework.plans.tracking.payments import progress_by_plan
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.rules import ended_since
from app.outreach.gate.contact_cases import ContactCase

REMINDERS = (DeskStep.INSTALMENT_AHEAD, DeskStep.INSTALMENT_TODAY, DeskStep.INSTALMENT_GRACE)
UNPAID = (InstalmentState.TO_COME, InstalmentState.IN_GRACE)


@dataclass(frozen=True, slots=True)
class InstalmentFacts:
    """Agreements whose instalments messages speak of, by plan id."""

    plans: Mapping[int, Plan] = field(default_factory=dict)
    progress: Mapping[int, PlanProgress] = field(default_factory=dict)
    moves: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """How often the date of (plan id, n) was moved."""

    def line(self, plan_id: int, n: int) -> InstalmentProgress:
        return next(each for each in self.progress[plan_id].instalments if each.n == n)

    def occurrence(self, plan_id: int, n: int) -> int:
        """Of the steps of an instalment: each new date has its own reminders."""
        return 1 + self.moves.get((plan_id, n), 0)


def read_instalments(session: Session, plan_ids: Collection[int], today: date) -> InstalmentFacts:
    """The agreements as they stand with everything posted until now, `today` included."""
    if not plan_ids:
        return InstalmentFacts()
    plans: dict[int, Plan] = {}
    moves: Counter[tuple[int, int]] = Counter()
    change = table_of(PlanChange)
    for ids in chunked(sorted(plan_ids), 5000):
        plans.update(
            (id_of(plan), plan) for plan in session.scalars(select(Plan).where(col(Plan.id).in_(ids)))
        )
        moved = sa.select(change.c.plan_id, change.c.n).where(
            among(session, change.c.plan_id, ids), change.c.change == InstalmentChange.MOVED
        )
        moves.update((plan_id, n) for plan_id, n in session.connection().execute(moved))
    return InstalmentFacts(plans, progress_by_plan(session, list(plans.values()), today), moves)


def changed_at(session: Session, plan_ids: Collection[int | None]) -> dict[int, datetime]:
    """The last move or skip of an instalment of these agreements; an agreement without one is left out."""
    wanted = sorted(plan_id for plan_id in plan_ids if plan_id is not None)
    if not wanted:
        return {}
    change = table_of(PlanChange)
    last = sa.select(change.c.plan_id, sa.func.max(change.c.at)).group_by(change.c.plan_id)
    rows = session.connection().execute(last.where(among(session, change.c.plan_id, wanted)))
    return {plan_id: at for plan_id, at in rows}


def no_longer_so(
    facts: InstalmentFacts,
    step: CaseStep,
    contact_case: ContactCase,
    missing_minor: int | None,
    today: date,
    *,
    others: Mapping[int, int],
) -> str:
    """The reason that a message about an instalment is false or unwelcome by now; '' = it holds. `missing_minor` is
    what a reminder says is missing; `others`: the same of each further instalment that it names."""
    if step.plan_id is None or step.instalment is None:
        return ""
    plan, line = facts.plans[step.plan_id], facts.line(step.plan_id, step.instalment)
    changed = ended_since(step.step, plan.status) or changed_since(facts, step)
    if changed or step.step not in REMINDERS:
        return changed
    if any(facts.line(step.plan_id, n).short != minor for n, minor in others.items()):
        return "what is missing of another instalment that it names has changed since it was written"
    return _not_due(plan, line, step, contact_case, missing_minor, today)


def changed_since(facts: InstalmentFacts, step: CaseStep) -> str:
    """The reason that a later change of its instalment makes a message false; '' = none does."""
    assert step.plan_id is not None
    assert step.instalment is not None
    line = facts.line(step.plan_id, step.instalment)
    if step.occurrence != facts.occurrence(step.plan_id, step.instalment):
        return "the date of the instalment was moved since it was written"
    if step.step == DeskStep.SKIPPED_INSTALMENT:
        return "" if line.state is InstalmentState.SKIPPED else "the instalment is not skipped"
    return "the instalment was skipped since it was written" if line.state is InstalmentState.SKIPPED else ""


def last_change(session: Session, plan_id: int, n: int, change: InstalmentChange) -> PlanChange:
    """The last move, or the skip, of an instalment that was moved or skipped."""
    query = select(PlanChange).where(
        PlanChange.plan_id == plan_id, PlanChange.n == n, PlanChange.change == change
    )
    return session.scalars(query.order_by(col(PlanChange.id).desc()).limit(1)).one()


def is_unpaid(plan: Plan, line: InstalmentProgress) -> bool:
    """True if money is wanted for it: it is short by more than the tolerance, within which it counts as paid on its
    day. One of which nothing came is asked for, however small it is."""
    return line.state in UNPAID and line.short > (plan.tolerance_minor if line.paid else 0)


def others_text(missing: Mapping[int, int]) -> str:
    """What is missing of further instalments, as a message keeps it: `2:2500,3:1500`."""
    return ",".join(f"{n}:{minor}" for n, minor in missing.items())


def read_others(text: str) -> dict[int, int]:
    """What `others_text` wrote."""
    return {int(n): int(minor) for n, _, minor in (each.partition(":") for each in text.split(",") if each)}


def _not_due(
    plan: Plan,
    line: InstalmentProgress,
    step: CaseStep,
    contact_case: ContactCase,
    missing_minor: int | None,
    today: date,
) -> str:
    if not is_unpaid(plan, line):
        return "the instalment was paid since it was written"
    if missing_minor is not None and line.short != missing_minor:
        return "what is missing of the instalment has changed since it was written"
    if _nothing_owed(plan, contact_case):
        return "nothing is owed that it could ask for"
    stands = {
        DeskStep.INSTALMENT_AHEAD: today < line.due_on,
        DeskStep.INSTALMENT_TODAY: today == line.due_on,
        DeskStep.INSTALMENT_GRACE: line.due_on < today <= line.grace_until,
    }
    return "" if stands[DeskStep(step.step)] else "the day for which it was written is over"


def _nothing_owed(plan: Plan, contact_case: ContactCase) -> bool:
    if plan.kind is PlanKind.PROMISE:
        return contact_case.to_ask <= 0
    return sum(max(0, account.balance_minor) for account in contact_case.accounts) == 0
