"""Rows of the worklist and saved views as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.staff.models import SavedView
from app.core.vocabulary import Channel
from app.worklist.rows import Row


class LastContactShape(Shape):
    at: datetime
    channel: Channel | None
    result: str = Field(description="Result code of a call; empty for a message.")
    right_party: bool = Field(description="Whether the cardholder was spoken to.")
    calls: int = Field(description="Calls ever made to this customer.")


class CallableShape(Shape):
    verdict: str = Field(description="`yes`, `wait` or `no`.")
    until: datetime | None = Field(description="yes: until when; wait: from when.")
    review_on: date | None
    why: str = Field(description="The weightiest reason; empty for yes.")
    timezone: str = Field(description="The customer's.")


class WorkShape(Shape):
    """A case in the worklist. Amounts are of this moment."""

    case: str = Field(examples=["C-000012"])
    section: str = Field(
        description="Why it stands in the worklist.", examples=["callback_due", "call", "on_hold"]
    )
    at: datetime | None = Field(description="Instant of the callback or reply; of a call, not before when.")
    on: date | None = Field(description="Due date of the payment, call, task or review; end of a hold.")
    words: str = Field(
        description="Beginning of the reply, text of the task, the customer's wish, or how the agreement was broken."
    )
    portfolio: str
    customer_ref: str
    customer: str
    card_endings: list[str]
    owner: str
    currency: str
    past_due: Money
    balance: Money
    days_past_due: int
    bucket: str
    last_contact: LastContactShape | None
    callable: CallableShape

    @classmethod
    def of(cls, row: Row) -> Self:
        contact, answer = row.contact, row.callable
        return cls(
            case=row.reference,
            section=row.item.section.name.lower(),
            at=row.item.at,
            on=row.item.on,
            words=row.broken_plan.why if row.broken_plan else row.words,
            portfolio=row.book.code,
            customer_ref=row.customer_reference,
            customer=row.name,
            card_endings=list(row.endings),
            owner=row.owner,
            currency=row.book.currency,
            past_due=to_decimal_string(row.past_due, row.book.currency),
            balance=to_decimal_string(row.balance, row.book.currency),
            days_past_due=row.days,
            bucket=row.bucket,
            last_contact=contact
            and LastContactShape(
                at=contact.at,
                channel=contact.channel,
                result=contact.result,
                right_party=contact.reached,
                calls=contact.calls,
            ),
            callable=CallableShape(
                verdict=answer.verdict,
                until=answer.until,
                review_on=answer.review_on,
                why=answer.why,
                timezone=answer.timezone,
            ),
        )


class CountShape(Shape):
    section: str
    cases: int
    first_at: datetime | None
    first_on: date | None


class NextShape(Shape):
    case: str | None = Field(description="None: no other case of the view can be worked now.")


class SavedViewShape(Shape):
    id: int
    name: str
    query: str = Field(description="Parameters of the worklist's address.")
    is_default: bool

    @classmethod
    def of(cls, view: SavedView) -> Self:
        return cls(id=id_of(view), name=view.name, query=view.query, is_default=view.is_default)
