"""The register of disputes of a portfolio."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from app.api.cases.disputes.shapes import DisputeShape, dispute_shapes
from app.api.deps import ApiCaseWorker, Page, ReadSession, api_router
from app.api.fields import Cursor, Day, Limit, PortfolioCode
from app.api.shapes import covered
from app.book.portfolios.days import local_today
from app.book.portfolios.service import get_portfolio
from app.casework.disputes.register import RegisterFilter, RegisterState, after_row, register_query
from app.casework.disputes.rules import DisputeKind
from app.casework.support_needs.sight import sight_over
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor

router = api_router("/portfolios/{code}/disputes", tags=["disputes"])


@router.get("", summary="List the register of disputes")
def list_register(
    code: PortfolioCode,
    caller: ApiCaseWorker,
    session: ReadSession,
    now: Now,
    state: Annotated[RegisterState, Query()] = RegisterState.OPEN,
    kind: Annotated[DisputeKind | None, Query()] = None,
    owner: Annotated[Line | None, Query(max_length=64, description="Empty = without an owner.")] = None,
    received_from: Annotated[Day | None, Query()] = None,
    received_to: Annotated[Day | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DisputeShape]:
    """The one whose answer is owed first is first. `correction`: the creditor has to post what was conceded."""
    portfolio = get_portfolio(session, code)
    wanted = RegisterFilter(state, kind, owner, received_from, received_to)
    query = register_query(id_of(portfolio), wanted, local_today(session, id_of(portfolio), now))
    seen = decode_cursor(cursor or "", 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    rows = [row for row, _ in session.execute(query.limit(limit + 1))]
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    sight = sight_over(session, {row.customer_id for row in shown}, caller.role, caller.by)
    return Page(
        items=[covered(each, sight) for each in dispute_shapes(session, shown, portfolio.currency)],
        next_cursor=encode_cursor(last.answer_by.isoformat(), id_of(last)) if last else None,
    )
