"""Agreements whose letters, reminders and printed form the tests look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Acceptance, Cadence, PlanKind, PlanStatus
from app.core.ids import id_of
from tests import builders


def agreement(
    session: Session,
    case: CollectionsCase,
    parts: Sequence[tuple[date, int]],
    *,
    accepted_on: date,
    kind: PlanKind = PlanKind.INSTALMENTS,
    status: PlanStatus = PlanStatus.ACTIVE,
    **changes: Any,
) -> Plan:
    """Add an agreement of the case in these parts (due date, amount), as it stands after its acceptance."""
    given: dict[str, Any] = {
        "portfolio_id": case.portfolio_id,
        "case_id": case.id,
        "customer_id": case.customer_id,
        "kind": kind,
        "status": status,
        "total_minor": sum(amount for _, amount in parts),
        "offered_at": builders.at(accepted_on),
        "offered_by": "user:ann",
        "accepted_on": accepted_on,
        "assess_on": parts[0][0],
        "cadence": Cadence.MONTHLY if len(parts) > 1 else Cadence.ONCE,
        "acceptance": Acceptance.PHONE,
        "acceptance_words": "He pays by bank transfer on the day; read back.",
        "grace_days": 3,
    }
    plan = Plan.model_validate({**given, **changes})
    session.add(plan)
    session.flush()
    rows = [
        PlanInstalment(plan_id=id_of(plan), n=n, due_on=on, amount_minor=amount)
        for n, (on, amount) in enumerate(parts, 1)
    ]
    session.add_all(rows)
    session.flush()
    return plan
