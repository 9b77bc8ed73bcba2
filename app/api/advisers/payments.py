"""Lump payments of advisers: split, read, taken back."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field
from sqlmodel import Session

from app.actions.advisers.lumps import SURE, NewLump, reverse_lump, split_lump
from app.api.advisers.advisers import AdviserCode, Ending
from app.api.advisers.shapes import LumpShape
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import Currency, Day, PortfolioCode, RowId
from app.api.shapes import Money
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.models import LumpPayment
from app.casework.advisers.queries import get_adviser, get_lump, lumps_of, parts_of
from app.casework.advisers.reading import MOST_LINES
from app.core.errors import Invalid
from app.core.money import BadAmount, to_minor
from app.core.text import Line
from app.http.context import Now
from app.http.security import MB

router = api_router("/advisers/{adviser}/lump-payments", tags=["advisers"])
splitting = api_router("/portfolios/{code}/advisers/{adviser}/lump-payments", tags=["advisers"])


class ScheduleLine(Input):
    reference: Annotated[
        Line,
        Field(
            max_length=60, description="Of an instalment, a plan, a case, an account, or the adviser's own."
        ),
    ]
    amount: Annotated[Line, Field(max_length=24, examples=["25.00"])]


class NewLumpBody(Input):
    """With `unmatched_payment` the reference, day and amount are the bank's."""

    reference: Annotated[Line, Field(max_length=60)] = ""
    paid_on: Day | None = None
    amount: Money | None = None
    currency: Currency
    unmatched_payment: Annotated[
        int | None, Field(description="A waiting payment of a bank file that is split.")
    ] = None
    schedule: Annotated[list[ScheduleLine], Field(min_length=1, max_length=MOST_LINES)]
    sure: Annotated[
        bool,
        Field(
            description="It is another payment than the one of the same amount that was split, or waits, within days."
        ),
    ] = False


@splitting.post("", status_code=201, summary="Split a lump payment", max_body_size=MB)
def post_lump_payment(
    code: PortfolioCode,
    adviser: AdviserCode,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewLumpBody,
) -> LumpShape:
    """Each line is posted once to its account; a line without a right account waits on the list of unmatched payments.
    The same payment with the same schedule again changes nothing. Where the same amount was split or waits under
    another reference it answers 409 and posts nothing, until `sure` says that this is another payment."""
    portfolio = get_portfolio(session, code)
    if body.currency != portfolio.currency:
        raise Invalid(f"The currency of this portfolio is {portfolio.currency}.", "currency")
    try:
        amount = to_minor(body.amount, portfolio.currency) if body.amount else 0
    except BadAmount as error:
        raise Invalid(str(error), "amount") from None
    sure = SURE if body.sure else ""
    new = NewLump(body.reference, body.paid_on, amount, body.unmatched_payment, sure)
    schedule = json.dumps([line.model_dump() for line in body.schedule]).encode()
    made = split_lump(
        session, portfolio, get_adviser(session, adviser), new, schedule,
        by=caller.by, role=caller.role, now=now,
    )  # fmt: skip
    return LumpShape.of(made.lump, made.parts, portfolio.currency)


@router.get("", summary="List lump payments")
def get_lump_payments(adviser: AdviserCode, _caller: ApiCaseWorker, session: ReadSession) -> list[LumpShape]:
    """The latest fifty."""
    return [_shape(session, lump) for lump in lumps_of(session, get_adviser(session, adviser))]


@router.get("/{lump_id}", summary="Read a lump payment")
def get_lump_payment(
    adviser: AdviserCode, lump_id: RowId, _caller: ApiCaseWorker, session: ReadSession
) -> LumpShape:
    """With each of its parts."""
    return _shape(session, get_lump(session, get_adviser(session, adviser), lump_id))


@router.post("/{lump_id}/reversal", summary="Take a lump payment back")
def post_lump_reversal(
    adviser: AdviserCode, lump_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: Ending
) -> LumpShape:
    """Every part is reversed, also one that a person matched since; waiting parts leave the list of unmatched
    payments."""
    lump = get_lump(session, get_adviser(session, adviser), lump_id, lock=True)
    reverse_lump(session, lump, body.reason, by=caller.by, now=now)
    return _shape(session, lump)


def _shape(session: Session, lump: LumpPayment) -> LumpShape:
    currency = session.get_one(Portfolio, lump.portfolio_id).currency
    return LumpShape.of(lump, parts_of(session, lump), currency)
