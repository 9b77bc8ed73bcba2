"""Rates of other banks, from public files, beside our own of the same definition."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.deps import ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import PortfolioCode
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.core.text import Line
from app.http.context import Now
from app.http.middleware.admission import ceiling
from app.reporting.peers.queries import PeerComparison, compare_with_peers
from app.reporting.peers.reading import MOST_BYTES
from app.reporting.peers.rules import PeerSource
from app.reporting.peers.service import LoadedPeers, load_peers

router = api_router("/peers", tags=["figures"])

MOST_MB = 3
TOO_LARGE = "The request is larger than {limit} MB; a file of peers' rates never is."


class NewPeerFile(Input):
    file_name: Annotated[Line, Field(min_length=1, max_length=200, examples=["DRCCLACBS.csv"])]
    file: Annotated[str, Field(min_length=1, max_length=MOST_BYTES, description="The CSV, as text.")]


class LoadedShape(Shape):
    """A file as it was loaded."""

    source: PeerSource
    name: str
    as_of: date = Field(description="The newest quarter in it.")
    loaded_at: datetime
    series: list[str]
    values: int
    left_out: int = Field(description="Columns of which no definition is known here.")

    @classmethod
    def of(cls, loaded: LoadedPeers) -> Self:
        content = loaded.content
        return cls(
            source=content.source,
            name=loaded.file.name,
            as_of=content.last_on,
            loaded_at=loaded.file.loaded_at,
            series=list(dict.fromkeys(point.series for point in content.points)),
            values=len(content.points),
            left_out=len(content.left_out),
        )


class QuarterShape(Shape):
    quarter_ends_on: date
    low: float
    high: float
    own: float | None = Field(description="Our figure of that day; null where it is not closed.")
    place: str


class ComparisonShape(Shape):
    kpi: str
    definitions: dict[str, str] = Field(description="Series -> its definition in words.")
    quarters: list[QuarterShape]

    @classmethod
    def of(cls, found: PeerComparison) -> Self:
        return cls(
            kpi=found.kpi,
            definitions={each.code: each.definition for each in found.series},
            quarters=[
                QuarterShape(
                    quarter_ends_on=each.peers.on,
                    low=each.peers.low,
                    high=each.peers.high,
                    own=each.own.value if each.own else None,
                    place=each.place,
                )
                for each in found.quarters
            ],
        )


@router.get("", summary="Compare with peers")
def get_peers(
    _caller: ApiManager, session: ReadSession, portfolio: Annotated[PortfolioCode, Query()]
) -> list[ComparisonShape]:
    """Key figures of which a public series of the same definition is loaded, over the last twenty quarters."""
    found = compare_with_peers(session, get_portfolio(session, portfolio))
    return [ComparisonShape.of(each) for each in found]


@router.post(
    "",
    status_code=201,
    summary="Load a file of peers' rates",
    dependencies=[ceiling(lambda _settings: MOST_MB, TOO_LARGE)],
)
def post_peers(caller: ApiManager, session: OnceSession, now: Now, body: NewPeerFile) -> LoadedShape:
    """All of it, or nothing: a refusal names line and column."""
    loaded = load_peers(session, body.file_name, body.file.encode(), by=caller.by, now=now)
    return LoadedShape.of(loaded)
