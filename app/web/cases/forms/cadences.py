"""Cadences of income and payments: choices of forms."""

from __future__ import annotations

from collections.abc import Sequence

from app.casework.plans.rules import REGULAR
from app.core.labels import CADENCE_LABELS

PAID_EVERY: Sequence[tuple[str, str]] = [
    (each.value, CADENCE_LABELS[each.value]) for each in reversed(REGULAR)
]
