"""Replies of customers, and the decisions about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field
from sqlmodel import Session, select

from app.api.deps import ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import PortfolioCode, RowId
from app.api.shapes import Shape
from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import case_reference
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import ReviewOutcome
from app.casework.support_needs.sight import sight_over
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import Caller
from app.core.text import Line
from app.core.timeline.sight import Sight
from app.http.context import Now, ports_of
from app.inbound import queries
from app.inbound.messages import reading_of
from app.inbound.queries import Listed
from app.inbound.reception import attach
from app.inbound.review import review
from app.inbound.rules import InboundSource

router = api_router("/replies", tags=["replies"])


class ReplyShape(Shape):
    """A message, and the cases of the customers whose number it came from."""

    id: int
    source: InboundSource
    body: str
    received_at: datetime
    may_mean: list[str]
    cases: list[str] = Field(examples=[["C-000012"]])
    reviewed_at: datetime | None

    @classmethod
    def of(cls, row: Listed, sight: Sight) -> Self:
        message = row.message
        return cls(
            id=id_of(message),
            source=message.source,
            body=sight.cover(message.body),
            received_at=message.received_at,
            may_mean=[str(intent.value) for intent in reading_of(message).intents],
            cases=[case_reference(sender.case_id) for sender in row.senders if sender.case_id],
            reviewed_at=message.reviewed_at,
        )


@router.get("", summary="List replies that wait")
def list_replies(caller: ApiCaseWorker, session: ReadSession, unknown: bool = False) -> Page[ReplyShape]:
    """Replies that no person has decided about, the oldest first, at most 500: of customers, or with `unknown=true` of
    numbers that no customer has."""
    rows = queries.waiting(session, unknown=unknown, limit=500)
    sight = _sight(session, rows, caller)
    return Page(items=[ReplyShape.of(row, sight) for row in rows])


class NewReview(Input):
    outcome: Annotated[ReviewOutcome, Field(strict=False)]


@router.post("/{message_id}/review", summary="Decide what a reply means")
def post_review(
    message_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewReview
) -> ReplyShape:
    """Decide it. The effects of the decision follow at once."""
    message = _message(session, message_id)
    review(session, message, body.outcome, by=caller.by, now=now)
    return _shown(session, message, caller)


class NewSender(Input):
    portfolio: PortfolioCode
    customer_ref: Annotated[Line, Field(min_length=1, max_length=60)]


@router.post("/{message_id}/sender", summary="Say whose reply it is")
def post_sender(
    request: Request, message_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewSender
) -> ReplyShape:  # fmt: skip
    """A reply from a number that no customer has is this customer's."""
    message = _message(session, message_id)
    try:
        portfolio = get_portfolio(session, body.portfolio)
    except NotFound as missing:
        raise Invalid(missing.message, "portfolio") from None
    customer = session.scalar(
        select(Customer).where(Customer.portfolio_id == portfolio.id, Customer.reference == body.customer_ref)
    )
    if customer is None:
        why = f"Portfolio {portfolio.code} has no customer of this reference. Correct it."
        raise Invalid(why, "customer_ref")
    attach(session, message, customer, ports_of(request).catalog, by=caller.by, now=now)
    return _shown(session, message, caller)


def _message(session: Session, message_id: int) -> InboundMessage:
    message = session.get(InboundMessage, message_id, with_for_update=True)
    if message is None:
        raise NotFound(f"There is no message {message_id}. Choose one from the list.")
    return message


def _shown(session: Session, message: InboundMessage, caller: Caller) -> ReplyShape:
    session.flush()
    row = Listed(message, queries.senders_of(session, [message.id]).get(id_of(message), []))
    return ReplyShape.of(row, _sight(session, [row], caller))


def _sight(session: Session, rows: Sequence[Listed], caller: Caller) -> Sight:
    return sight_over(
        session, [each.customer_id for row in rows for each in row.senders], caller.role, caller.by
    )
