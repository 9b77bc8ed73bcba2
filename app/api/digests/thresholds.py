"""Thresholds of a portfolio's key figures."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field

from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import PortfolioCode, RowId
from app.api.shapes import Shape
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.operations.thresholds.models import Threshold
from app.operations.thresholds.rules import Measured, ThresholdTest
from app.operations.thresholds.service import (
    change_threshold,
    end_threshold,
    set_threshold,
    thresholds_of,
    words_of,
)

router = api_router("/portfolios/{code}/thresholds", tags=["digests"])

Limit = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=60,
        description="As people type it: `12.5 %`, `4.5`, `1000.00`.",
        examples=["12.5 %"],
    ),
]


class ThresholdShape(Shape):
    """A limit of one figure, of the whole portfolio or one slice."""

    id: int
    kpi: str
    dimension: str = Field(description="Empty for the whole portfolio.")
    member: str
    measured: Measured = Field(description="The figure itself, or what its numerator counts.")
    test: ThresholdTest
    limit: str = Field(description="In words.", examples=["above 12.5 %"])
    judged_on: date | None = Field(description="The last closed day that was held against it.")
    crossed_on: date | None = Field(description="Since which day it is crossed; null where it is not.")
    created_at: datetime
    by: str
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Threshold, portfolio: Portfolio) -> Self:
        return cls(
            id=id_of(row),
            kpi=row.kpi,
            dimension=row.dimension,
            member=row.member,
            measured=row.measured,
            test=row.test,
            limit=words_of(row, portfolio),
            judged_on=row.judged_on,
            crossed_on=row.crossed_on,
            created_at=row.created_at,
            by=row.by,
            ended_at=row.ended_at,
        )


@router.get("", summary="List thresholds")
def list_thresholds(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> Page[ThresholdShape]:
    """Open thresholds of the portfolio, by figure."""
    portfolio = get_portfolio(session, code)
    rows = thresholds_of(session, id_of(portfolio))
    return Page(items=[ThresholdShape.of(row, portfolio) for row in rows])


class NewThreshold(Input):
    kpi: Annotated[Line, Field(min_length=1, max_length=60, examples=["recovery_rate"])]
    dimension: Annotated[Line, Field(max_length=30, description="Left out = the whole portfolio.")] = ""
    member: Annotated[Line, Field(max_length=64)] = ""
    measured: Annotated[Measured, Field(strict=False)] = Measured.VALUE
    test: Annotated[ThresholdTest, Field(strict=False)]
    limit: Limit


@router.post("", status_code=201, summary="Set a threshold")
def post_threshold(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewThreshold
) -> ThresholdShape:
    """The next closed day is held against it."""
    portfolio = get_portfolio(session, code)
    row = set_threshold(
        session, portfolio, body.kpi, body.limit, test=body.test, measured=body.measured, dimension=body.dimension,
        member=body.member, by=caller.by, now=now,
    )  # fmt: skip
    return ThresholdShape.of(row, portfolio)


class ThresholdChange(Input):
    test: Annotated[ThresholdTest, Field(strict=False)]
    limit: Limit


@router.post("/{threshold_id}/change", summary="Change a threshold")
def post_threshold_change(
    code: PortfolioCode,
    threshold_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: ThresholdChange,
) -> ThresholdShape:
    """Give it another limit; its alert ends, and the next closed day is judged by the new one."""
    portfolio = get_portfolio(session, code)
    row = change_threshold(
        session, portfolio, threshold_id, body.limit, test=body.test, by=caller.by, now=now
    )
    return ThresholdShape.of(row, portfolio)


@router.post("/{threshold_id}/end", summary="End a threshold")
def post_threshold_end(
    code: PortfolioCode, threshold_id: RowId, caller: ApiManager, session: OnceSession, now: Now
) -> ThresholdShape:
    """It is judged no more; its alert ends."""
    portfolio = get_portfolio(session, code)
    row = end_threshold(session, portfolio, threshold_id, by=caller.by, now=now)
    return ThresholdShape.of(row, portfolio)
