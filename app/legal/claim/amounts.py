"""Amounts of a claim by part. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.legal.claim.parts import PARTS


@dataclass(frozen=True, slots=True)
class Parts:
    """Amounts in minor units by part; a payment is negative."""

    principal: int = 0
    interest: int = 0
    penalty: int = 0
    fees: int = 0
    costs: int = 0

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.penalty + self.fees + self.costs

    def __add__(self, other: Parts) -> Parts:
        return Parts(*(getattr(self, part) + getattr(other, part) for part in PARTS))


NOTHING = Parts()


def total_of(found: Iterable[Parts]) -> Parts:
    return sum(found, NOTHING)
