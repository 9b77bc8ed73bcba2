"""Negotiations and their offers as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.cases.agreement_shapes import AgreementShape
from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.casework.negotiation.facts import NotOffered, Option, OptionKind, Solution
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.replay import Replay
from app.casework.negotiation.record.rules import OfferStatus
from app.casework.plans.rules import Cadence, PlanKind
from app.core.ids import id_of
from app.core.money import to_decimal_string


class PartShape(Shape):
    n: int = Field(description="0 is the down payment.")
    due_on: date
    amount: Money
    interest: Money = Field(description="The part of the amount that is interest to come.")


class OptionShape(Shape):
    """An offer that is feasible: for the household, the law, the limits and somebody's authority."""

    kind: OptionKind
    plan_kind: PlanKind
    cadence: Cadence
    payments: int = Field(description="Without the down payment.")
    down_payment: Money
    instalments: list[PartShape]
    total_cost: Money
    waived: Money
    waived_fees: Money
    apr: str | None = Field(description="Yearly rate in per cent while it is kept; null = the accounts' own.")
    re_age: bool
    reduced_payments: int = Field(description="How many payments at the beginning are reduced; 0 = none.")
    token: bool = Field(
        description="Small payments while the household recovers; the rest is agreed on later."
    )
    ends_on: date
    share_of_disposable: int | None = Field(description="Per cent of a month's disposable income.")
    chance_kept: float
    expected_kept: Money = Field(description="Each instalment times the chance that the plan still runs.")
    may_grant: str = Field(description="`agent`, `manager` or `two` managers.")

    @classmethod
    def of(cls, option: Option, currency: str) -> Self:
        terms = option.terms
        return cls(
            kind=option.kind,
            plan_kind=option.plan_kind,
            cadence=terms.cadence,
            payments=terms.count,
            down_payment=to_decimal_string(terms.down_payment_minor, currency),
            instalments=[
                PartShape(
                    n=part.n,
                    due_on=part.due_on,
                    amount=to_decimal_string(part.amount, currency),
                    interest=to_decimal_string(part.interest, currency),
                )
                for part in option.parts
            ],
            total_cost=to_decimal_string(option.total_cost_minor, currency),
            waived=to_decimal_string(option.waived_minor, currency),
            waived_fees=to_decimal_string(terms.waived_fees_minor, currency),
            apr=None if terms.apr_millionths is None else f"{terms.apr_millionths / 10_000:g}",
            re_age=terms.re_age,
            reduced_payments=terms.reduced.payments if terms.reduced else 0,
            token=terms.is_token,
            ends_on=option.ends_on,
            share_of_disposable=option.share_of_disposable,
            chance_kept=option.chance_kept,
            expected_kept=to_decimal_string(option.expected_kept_minor, currency),
            may_grant=option.may_grant,
        )


class NotOfferedShape(Shape):
    kind: OptionKind
    why: str
    rule: str
    citation: str

    @classmethod
    def of(cls, reason: NotOffered) -> Self:
        return cls(kind=reason.kind, why=reason.why, rule=reason.rule, citation=reason.citation)


class SolutionShape(Shape):
    """The solver's answer: the best offers first, and a reason for each kind without one."""

    currency: str
    floor: Money = Field(description="The most that a month may take of the household; 0 = not known.")
    options: list[OptionShape]
    not_offered: list[NotOfferedShape]

    @classmethod
    def of(cls, solution: Solution, currency: str) -> Self:
        return cls(
            currency=currency,
            floor=to_decimal_string(solution.floor_minor, currency),
            options=[OptionShape.of(option, currency) for option in solution.options],
            not_offered=[NotOfferedShape.of(reason) for reason in solution.not_offered],
        )


class NegotiationOfferShape(Shape):
    """An offer on record. Until `expires_on` its price holds."""

    id: int
    reference: str = Field(examples=["O-000012"])
    negotiation_id: int
    kind: OptionKind
    status: OfferStatus
    rank: int = Field(description="From 1, the best first; 0 = the customer's own figures, or not offered.")
    countered: bool = Field(description="The customer's own figures.")
    option: OptionShape | None
    reason: str = Field(description="Why it is not offered, was refused, or ended.")
    rule: str
    citation: str
    expires_on: date | None
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    ended_by: str
    plan: str | None = Field(description="Reference of the plan that it became.", examples=["P-000003"])
    request_id: int | None = Field(description="The request to a manager, where it needs approval.")

    @classmethod
    def of(cls, row: NegotiationOffer, currency: str) -> Self:
        return cls(
            id=id_of(row),
            reference=row.reference,
            negotiation_id=row.negotiation_id,
            kind=row.kind,
            status=row.status,
            rank=row.rank,
            countered=row.countered,
            option=OptionShape.of(row.option, currency) if row.option else None,
            reason=row.reason,
            rule=row.rule,
            citation=row.citation,
            expires_on=row.expires_on,
            made_at=row.made_at,
            made_by=row.made_by,
            ended_at=row.ended_at,
            ended_by=row.ended_by,
            plan=None if row.plan_id is None else f"P-{row.plan_id:06d}",
            request_id=row.request_id,
        )


class NegotiationShape(Shape):
    id: int
    at: datetime
    by: str
    role: str
    currency: str
    solver_version: str
    chance_version: str
    digest: str = Field(description="SHA-256 of the answer; a replay gives the same.")
    offers: list[NegotiationOfferShape]

    @classmethod
    def of(cls, row: Negotiation, offers: Sequence[NegotiationOffer], portfolio: Portfolio) -> Self:
        return cls(
            id=id_of(row),
            at=row.at,
            by=row.by,
            role=row.role,
            currency=portfolio.currency,
            solver_version=row.solver_version,
            chance_version=row.chance_version,
            digest=row.digest,
            offers=[NegotiationOfferShape.of(offer, portfolio.currency) for offer in offers],
        )


class ReplayShape(Shape):
    """The stored facts, solved again."""

    negotiation_id: int
    is_same: bool
    words: str
    solution: SolutionShape

    @classmethod
    def of(cls, found: Replay, currency: str) -> Self:
        return cls(
            negotiation_id=id_of(found.negotiation),
            is_same=found.is_same,
            words=found.words,
            solution=SolutionShape.of(found.solution, currency),
        )


class TakenShape(Shape):
    """An offer that was taken: the agreement, or the request that waits for a manager."""

    offer: NegotiationOfferShape
    agreement: AgreementShape | None
    request_id: int | None
