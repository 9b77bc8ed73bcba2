"""Payments that a bank credited and no account could be found for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import match_payment, return_payment
from app.api.accounts.corrections import account_named
from app.api.accounts.shapes import EntryShape
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, RowId, after, naming, page_of
from app.api.shapes import Money, Shape
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.rules import UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.text import Line
from app.http.context import Now

router = api_router("/portfolios/{code}/unmatched-payments", tags=["accounts"])


class UnmatchedShape(Shape):
    """A payment that waits for a person. The payer's account shows its last four characters."""

    id: int
    reference: str
    paid_on: date
    amount: Money
    currency: str
    payer_name: str
    payer_account: str
    remittance: str
    why: str = Field(description="Why no account was found.")
    status: UnmatchedStatus
    decided_by: str
    decided_at: datetime | None
    note: str

    @classmethod
    def of(cls, portfolio: Portfolio, payment: UnmatchedPayment) -> Self:
        return cls(
            id=id_of(payment),
            reference=payment.reference,
            paid_on=payment.paid_on,
            amount=to_decimal_string(payment.amount_minor, portfolio.currency),
            currency=portfolio.currency,
            payer_name=payment.payer_name,
            payer_account=payment.payer_account,
            remittance=payment.remittance,
            why=payment.why,
            status=payment.status,
            decided_by=payment.decided_by,
            decided_at=payment.decided_at,
            note=payment.note,
        )


@router.get("", summary="List unmatched payments")
def list_unmatched_payments(
    code: PortfolioCode,
    _caller: ApiCaseWorker,
    session: ReadSession,
    status: Annotated[UnmatchedStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[UnmatchedShape]:
    """Payments in the order in which they were received."""
    portfolio = get_portfolio(session, code)
    key = col(UnmatchedPayment.id)
    query = select(UnmatchedPayment).where(UnmatchedPayment.portfolio_id == portfolio.id, key > after(cursor))
    if status is not None:
        query = query.where(UnmatchedPayment.status == status)
    shown, next_cursor = page_of(session.scalars(query.order_by(key).limit(limit + 1)).all(), limit, id_of)
    return Page(items=[UnmatchedShape.of(portfolio, row) for row in shown], next_cursor=next_cursor)


class NewMatch(Input):
    account_ref: Annotated[Line, Field(min_length=1, max_length=60, description="Reference of the account.")]


@router.post("/{payment_id}/match", status_code=201, summary="Match a payment to an account")
def post_match(
    code: PortfolioCode,
    payment_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewMatch,
) -> EntryShape:
    """Post the payment to this account, on the day on which it was paid."""
    portfolio = get_portfolio(session, code)
    payment = _payment(session, portfolio, payment_id)
    account = account_named(session, portfolio, body.account_ref)
    with naming(account="account_ref"):
        entry = match_payment(session, payment, account, by=caller.by, now=now)
    return EntryShape.of(portfolio, account, entry)


class NewReturn(Input):
    note: Annotated[Line, Field(min_length=1, max_length=300, description="Why it goes back.")]


@router.post("/{payment_id}/return", summary="Return a payment to its payer")
def post_return(
    code: PortfolioCode,
    payment_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewReturn,
) -> UnmatchedShape:
    """Put on record that it is for no account here. The money itself is sent outside the desk."""
    portfolio = get_portfolio(session, code)
    payment = _payment(session, portfolio, payment_id)
    return_payment(session, payment, body.note, by=caller.by, now=now)
    return UnmatchedShape.of(portfolio, payment)


def _payment(session: Session, portfolio: Portfolio, payment_id: int) -> UnmatchedPayment:
    payment = session.get(UnmatchedPayment, payment_id)
    if payment is None or payment.portfolio_id != portfolio.id:
        raise NotFound(
            f"Portfolio {portfolio.code} has no unmatched payment {payment_id}. Choose one from the list."
        )
    return payment
