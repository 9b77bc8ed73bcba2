"""Requests that a manager decides, as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.cases.agreement_shapes import TermsShape
from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalKind, ApprovalStatus
from app.casework.cases.models import case_reference
from app.casework.disputes.models import dispute_reference
from app.casework.plans.terms import read_terms
from app.core.ids import id_of
from app.core.money import to_decimal_string


class ApprovalShape(Shape):
    """A request to a manager, with the figures of that moment, and the answer."""

    id: int
    case: str = Field(examples=["C-000012"])
    kind: ApprovalKind
    status: ApprovalStatus
    amount: Money = Field(
        description="What the customer would pay, or what is conceded or credited; 0 for a hand-over."
    )
    currency: str
    due_on: date | None = Field(description="The day of the first payment.")
    terms: TermsShape | None = Field(
        description="Of the agreement that was asked for; null for other requests."
    )
    instalment: int | None = Field(
        description="The instalment that is to be skipped; null = the request is about no skip."
    )
    dispute: str | None = Field(description="The dispute whose decision is asked for.", examples=["D-000004"])
    account: str | None = Field(description="Account that is to be credited as goodwill.")
    to: str = Field(description="User name of the colleague; empty but for a hand-over.")
    owed: Money = Field(description="Owed when it was asked.")
    past_due_amount: Money = Field(description="Past due when it was asked.")
    days_past_due: int
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str
    plan: str | None = Field(description="The offer that its approval made.", examples=["P-000003"])

    @classmethod
    def of(cls, portfolio: Portfolio, row: ApprovalRequest, account: str | None = None) -> Self:
        currency = portfolio.currency
        return cls(
            id=id_of(row),
            case=case_reference(row.case_id),
            kind=row.kind,
            status=row.status,
            amount=to_decimal_string(row.amount_minor, currency),
            currency=currency,
            due_on=row.due_on,
            terms=TermsShape.of(currency, read_terms(row.terms)) if row.terms else None,
            instalment=row.instalment,
            dispute=dispute_reference(row.dispute_id) if row.dispute_id is not None else None,
            account=account,
            to=row.to_username,
            owed=to_decimal_string(row.owed_minor, currency),
            past_due_amount=to_decimal_string(row.past_due_minor, currency),
            days_past_due=row.days_past_due,
            reason=row.reason,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            note=row.note,
            plan=f"P-{row.plan_id:06d}" if row.plan_id is not None else None,
        )
