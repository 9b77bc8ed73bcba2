"""Answers about a household as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.casework.negotiation.facts import Affordability, Basis
from app.casework.negotiation.household.warnings import StatementWarning, WarningKind
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import Payday
from app.core.money import to_decimal_string
from app.core.types import JsonObject


class PaydayShape(Shape):
    next_on: date
    cadence: Cadence
    days_after: int = Field(description="Working days from the payday to the due date.")

    @classmethod
    def of(cls, payday: Payday) -> Self:
        return cls(next_on=payday.next_on, cadence=payday.cadence, days_after=payday.days_after)


class AffordabilityShape(Shape):
    """The amount the customer can pay each month, and its source."""

    basis: Basis
    monthly: Money = Field(description="Our share; 0 where nothing is known.")
    disposable: Money = Field(description="What is left for all non-priority debts; 0 without a statement.")
    share_percent: int = Field(description="Our debt's share of the non-priority debts.")
    once: Money = Field(description="What can be paid at once.")
    currency: str
    payday: PaydayShape | None
    statement_id: int | None
    as_of: date | None
    review_on: date | None

    @classmethod
    def of(cls, affords: Affordability, currency: str) -> Self:
        return cls(
            basis=affords.basis,
            monthly=to_decimal_string(affords.monthly_minor, currency),
            disposable=to_decimal_string(affords.disposable_minor, currency),
            share_percent=affords.share_percent,
            once=to_decimal_string(affords.once_minor, currency),
            currency=currency,
            payday=PaydayShape.of(affords.payday) if affords.payday else None,
            statement_id=affords.statement_id,
            as_of=affords.as_of,
            review_on=affords.review_on,
        )


class WarningShape(Shape):
    """A doubt about a statement."""

    kind: WarningKind
    text: str
    field: str

    @classmethod
    def of(cls, warning: StatementWarning) -> Self:
        return cls(kind=warning.kind, text=warning.text, field=warning.field)


class StatementLine(Shape):
    """A statement on file."""

    id: int
    taken_on: date
    review_on: date
    by: str
    at: datetime


class StatementShape(Shape):
    """A statement, and what is doubtful about it."""

    id: int | None = Field(description="null = it is not recorded.")
    statement: JsonObject = Field(description="See docs/household.md.")
    warnings: list[WarningShape]
    guideline: str | None = Field(description="Source of the guideline figures it was compared with.")
    guideline_on: date | None


class HouseholdShape(Shape):
    affordability: AffordabilityShape
    newest: StatementShape | None
    statements: list[StatementLine]
