"""Promises, plans and settlements as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, Field

from app.api.cases.answer_shapes import AnswerShape
from app.api.shapes import Money
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import Instalment, PlanKind, PlanStatus
from app.core.money import to_decimal_string
from app.core.vocabulary import Channel
from app.policy.answers import Answer


class InstalmentShape(BaseModel):
    n: int = Field(description="0 is the down payment.")
    due_on: date
    amount: Money

    @classmethod
    def of(cls, portfolio: Portfolio, part: Instalment) -> Self:
        return cls(n=part.n, due_on=part.due_on, amount=to_decimal_string(part.amount, portfolio.currency))


class PlanShape(BaseModel):
    """A promise to pay, a repayment plan or a settlement."""

    reference: str = Field(examples=["P-000003"])
    kind: PlanKind
    status: PlanStatus
    total: Money
    currency: str
    offered_at: datetime
    offered_by: str
    accepted_on: date | None
    ended_on: date | None
    broken_instalment: int | None
    why: str = Field(description="Why it ended, where there is something to say.")
    instalments: list[InstalmentShape]

    @classmethod
    def of(cls, portfolio: Portfolio, plan: Plan, parts: Sequence[Instalment]) -> Self:
        return cls(
            reference=plan.reference,
            kind=plan.kind,
            status=plan.status,
            total=to_decimal_string(plan.total_minor, portfolio.currency),
            currency=portfolio.currency,
            offered_at=plan.offered_at,
            offered_by=plan.offered_by,
            accepted_on=plan.accepted_on,
            ended_on=plan.ended_on,
            broken_instalment=plan.broken_instalment,
            why=plan.why,
            instalments=[InstalmentShape.of(portfolio, part) for part in parts],
        )


class AgreementShape(PlanShape):
    """An agreement that is active, with the status of its confirmation."""

    confirmations: dict[Channel, AnswerShape] = Field(
        description="The gate's answer for each channel; where it is `clear`, a confirmation is queued."
    )

    @classmethod
    def with_answers(cls, plan: PlanShape, answers: Mapping[Channel, Answer]) -> Self:
        shown = {channel: AnswerShape.of(answer) for channel, answer in answers.items()}
        return cls(**dict(plan), confirmations=shown)


class OfferShape(PlanShape):
    """An offer, with the status of its letter."""

    in_writing: AnswerShape | None = Field(
        description="The gate's answer to the letter; where it is `clear`, the letter is queued."
    )

    @classmethod
    def with_answer(cls, plan: PlanShape, answer: Answer | None) -> Self:
        return cls(**dict(plan), in_writing=AnswerShape.of(answer) if answer is not None else None)
