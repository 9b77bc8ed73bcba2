"""Features by which the risk of an instalment is judged. Pure.

Only money, dates and earlier agreements: never age, sex, nationality, language, postcode or name. The training and the
desk use these same functions, so a stored model means the same figures in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log

from app.casework.plans.rules import Instalment, PlanKind

MONTH = 30
"""Days."""
RECENT_DAYS = 90
"""Days before the agreement whose payments are counted."""
MOST_COUNTED = 3
"""Earlier agreements of one outcome beyond which more say nothing new."""

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer on the day of an agreement."""

    days_past_due: int = 0
    broken_before: int = 0
    """Agreements of this customer that were broken before."""
    kept_before: int = 0
    paid_recently_minor: int = 0
    """Payments of the `RECENT_DAYS` before."""


@dataclass(frozen=True, slots=True)
class Promised:
    """The features of an agreement."""

    kind: PlanKind
    agreed_on: date
    parts: Sequence[Instalment]
    concession: bool = False
    """A lower rate, or fees waived."""


def features_of(standing: Standing, promised: Promised) -> list[Features]:
    """The features of each instalment, in their order. All are about 0 to 5, so that weights can be compared."""
    shared = _of_agreement(standing, promised)
    found: list[Features] = []
    before = promised.agreed_on
    for position, part in enumerate(promised.parts, start=1):
        found.append(
            {
                **shared,
                "instalment_number": log(position),
                "days_to_wait": log(1 + max(0, (part.due_on - before).days)),
                "burden": _burden(part.amount, standing, promised),
            }
        )
        before = part.due_on
    return found


FEATURE_LABELS: Mapping[str, str] = {
    "instalment_number": "Number of the instalment",
    "days_to_wait": "Days since the payment before it",
    "burden": "Monthly payment beside what was paid lately",
    "days_past_due": "Days past due when it was agreed",
    "broken_before": "Agreements broken before",
    "kept_before": "Agreements kept before",
    "paid_nothing": "Paid nothing in the 90 days before",
    "length": "Number of payments",
    "down_payment": "Share that is paid first",
    "promise": "Is a promise of one payment",
    "settlement": "Is a settlement",
    "concession": "Rate lowered, or fees waived",
}


def _of_agreement(standing: Standing, promised: Promised) -> dict[str, float]:
    parts, total = promised.parts, sum(part.amount for part in promised.parts)
    return {
        "days_past_due": log(1 + standing.days_past_due / MONTH),
        "broken_before": float(min(MOST_COUNTED, standing.broken_before)),
        "kept_before": float(min(MOST_COUNTED, standing.kept_before)),
        "paid_nothing": float(standing.paid_recently_minor <= 0),
        "length": log(len(parts)) if parts else 0.0,
        "down_payment": parts[0].amount / total if total else 0.0,
        "promise": float(promised.kind is PlanKind.PROMISE),
        "settlement": float(promised.kind is PlanKind.SETTLEMENT),
        "concession": float(promised.concession),
    }


def _burden(amount: int, standing: Standing, promised: Promised) -> float:
    """The payment a month as log of its ratio to the payments a month before; bounded, 0 = as much as before."""
    parts = promised.parts
    months = max(1.0, (parts[-1].due_on - promised.agreed_on).days / MONTH)
    monthly = max(amount, 1) if len(parts) == 1 else sum(part.amount for part in parts) / months
    before = standing.paid_recently_minor * MONTH / RECENT_DAYS
    if before <= 0:
        return 0.0  # `paid_nothing` says it
    return max(-3.0, min(3.0, log(max(monthly, 1.0) / before)))
