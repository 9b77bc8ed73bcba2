"""Buckets of a portfolio on any past day."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.accounts.shapes import AgingShape
from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import Day, PortfolioCode
from app.book.delinquency.queries import aging
from app.book.portfolios.service import get_portfolio

router = api_router("/portfolios/{code}/aging", tags=["figures"])


@router.get("", summary="Get the aging")
def get_aging(
    code: PortfolioCode,
    _caller: ApiManager,
    session: ReadSession,
    on: Annotated[Day, Query(alias="date", description="At the end of this day.")],
) -> AgingShape:
    """Accounts, balance and past-due amount by bucket, as `desk aging --json` prints them."""
    portfolio = get_portfolio(session, code)
    return AgingShape.of(portfolio, aging(session, portfolio, on))
