"""Definitions of the key figures. A definition's version changes whenever its meaning does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    MONEY = "money"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    title: str
    unit: Unit
    formula: str
    version: str = "1"


OVERDUE_DAYS = (1, 30, 60, 90)

DEFINITIONS: dict[str, Definition] = {
    d.name: d
    for d in (
        Definition(
            "recovery_rate",
            "Recovery rate, month to date",
            Unit.MONEY,
            "payments that went to unpaid dues this month / "
            "past due at the start of the month + what fell past due in it",
        ),
        Definition(
            "recovery_rate_30d",
            "Recovery rate, 30 days",
            Unit.MONEY,
            "payments that went to unpaid dues in the last 30 days / "
            "past due at their start + what fell past due in them",
        ),
        *(
            Definition(
                f"overdue_rate_balance_{n}",
                f"Overdue rate by balance, {n}+ days",
                Unit.MONEY,
                f"positive balance of accounts {n} or more days past due / "
                "positive balance of all accounts not charged off",
            )
            for n in OVERDUE_DAYS
        ),
        *(
            Definition(
                f"overdue_rate_accounts_{n}",
                f"Overdue rate by accounts, {n}+ days",
                Unit.ACCOUNTS,
                f"accounts {n} or more days past due / all accounts not charged off",
            )
            for n in OVERDUE_DAYS
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure of one day; money in minor units."""

    kpi: str
    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """None when there is nothing to divide by."""
        return self.numerator / self.denominator if self.denominator else None
