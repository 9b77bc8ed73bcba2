"""Cases, holds and events as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Self

from pydantic import Field
from sqlmodel import Session, col, select

from app.api.accounts.shapes import AccountShape, CustomerShape
from app.api.cases.agreement_shapes import PlanShape
from app.api.shapes import Money, Shape
from app.book.delinquency.days import bucket_of, days_past_due
from app.book.delinquency.service import edges_of
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import CustomerDebt
from app.casework.cases.models import (
    CollectionsCase,
    case_reference,
)
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.holds.models import CaseHold
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream
from app.core.timeline.sight import WITHHELD, Sight
from app.core.types import JsonObject
from app.core.vocabulary import Channel, HoldKind


class HoldShape(Shape):
    """Reason why the customer is left alone for now; it holds for all accounts of the customer."""

    id: int
    case: str = Field(description="The case in which it was placed.", examples=["C-000012"])
    kind: HoldKind
    reason: str
    started_at: datetime
    until: date = Field(
        description="On that day it ends by itself, or comes up for review where it is for good."
    )
    for_good: bool = Field(description="Whether only a person ends it, who says why.")
    by: str
    ended_at: datetime | None
    ended_by: str
    end_reason: str

    @classmethod
    def of(cls, hold: CaseHold) -> Self:
        return cls(
            id=id_of(hold),
            case=case_reference(hold.case_id),
            kind=hold.kind,
            reason=hold.reason,
            started_at=hold.started_at,
            until=hold.until,
            for_good=hold.for_good,
            by=hold.by,
            ended_at=hold.ended_at,
            ended_by=hold.ended_by,
            end_reason=hold.end_reason,
        )


class CaseShape(Shape):
    """A customer in one portfolio while anything past due is owed. The figures are of this moment."""

    reference: str = Field(examples=["C-000012"])
    portfolio: str
    customer: CustomerShape
    status: CaseStatus
    outcome: CaseOutcome | None
    owner: str = Field(description="Username of the agent who works it; empty without an owner.")
    opened_on: date
    closed_on: date | None
    as_of: date
    currency: str
    past_due_amount: Money = Field(
        description="Past due and owed: on each account never more than its balance. This may be asked for."
    )
    not_owed_amount: Money = Field(description="Unpaid minimums beyond the balances, which are not owed.")
    balance: Money
    oldest_due_on: date | None
    days_past_due: int
    bucket: str
    priority: int
    broken_promises: int
    callback_at: datetime | None
    next_contact_on: date | None

    @classmethod
    def of(
        cls, portfolio: Portfolio, customer: Customer, case: CollectionsCase, owes: CustomerDebt, as_of: date
    ) -> Self:
        late = days_past_due(owes.oldest, as_of)
        return cls(
            reference=case.reference,
            portfolio=portfolio.code,
            customer=CustomerShape.of(customer),
            status=case.status,
            outcome=case.outcome,
            owner=case.owner,
            opened_on=case.opened_on,
            closed_on=case.closed_on,
            as_of=as_of,
            currency=portfolio.currency,
            past_due_amount=to_decimal_string(owes.past_due, portfolio.currency),
            not_owed_amount=to_decimal_string(owes.not_owed, portfolio.currency),
            balance=to_decimal_string(owes.balance, portfolio.currency),
            oldest_due_on=owes.oldest,
            days_past_due=late,
            bucket=bucket_of(late, edges_of(portfolio)),
            priority=case.priority,
            broken_promises=case.broken_promises,
            callback_at=case.callback_at,
            next_contact_on=case.next_contact_on,
        )


class CaseDetail(CaseShape):
    accounts: list[AccountShape]
    plans: list[PlanShape] = Field(description="Promises and plans, the latest first.")
    holds: list[HoldShape] = Field(description="Of the customer, whichever case; open ones first.")


class EventShape(Shape):
    """One event of the customer's timeline with its link in the hash chain.

    `data` is the record itself, with amounts in minor units under names that end in `_minor`. Written as JSON with
    sorted keys, no spaces and unescaped UTF-8, it is the text that was hashed.
    """

    stream: str
    seq: int
    kind: str
    at: datetime
    by: str
    case: str | None = Field(examples=["C-000012"])
    channel: Channel | None
    data: JsonObject
    prev_hash: str
    hash: str

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(
            stream=event.stream,
            seq=event.seq,
            kind=event.kind,
            at=event.at,
            by=event.by,
            case=case_reference(event.case_id) if event.case_id else None,
            channel=event.channel,
            data=json.loads(event.data),
            prev_hash=event.prev_hash,
            hash=event.hash,
        )

    @classmethod
    def seen_with(cls, event: Event, sight: Sight) -> Self:
        """The event as a reader may see it: one that is not for them keeps its place in the chain."""
        shape = cls.of(event)
        return (
            shape if sight.sees(event.kind, event.data) else shape.model_copy(update={"data": dict(WITHHELD)})
        )


def last_event_of(session: Session, case: CollectionsCase, kind: str | None = None) -> EventShape:
    """The event just recorded: its writer holds the lock on the stream's head until the transaction ends."""
    query = select(Event).where(Event.stream == customer_stream(case.customer_id))
    query = query.where(Event.kind == kind) if kind else query
    return EventShape.of(session.scalars(query.order_by(col(Event.seq).desc()).limit(1)).one())
