"""Result codes of calls by programs: read, changed as a new version, returned to an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import Path
from pydantic import Field

from app.actions.results.codes import revert_codes, save_codes
from app.api.deps import ApiCaseReader, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import PortfolioCode
from app.api.shapes import Shape
from app.book.portfolios.service import get_portfolio
from app.casework.results.file import LONGEST_TEXT
from app.casework.results.models import ResultCodeVersion
from app.casework.results.queries import codes_of, text_of, versions_of
from app.casework.results.rules import CallField, ContactWay, Counts, Direction, ResultCode
from app.core.text import Paragraph
from app.http.context import Now
from app.http.security import MB

router = api_router("/portfolios/{code}/results", tags=["results"])

Reason = Annotated[Paragraph, Field(min_length=1, max_length=300, description="Why it is changed.")]

VersionNumber = Annotated[int, Path(ge=0, le=1_000_000, description="0 = as shipped.")]


class ResultCodeShape(Shape):
    """A result code: what it asks for, the person it counts as reached, and its effects by name."""

    code: str
    label: str
    key: str
    directions: Sequence[Direction]
    ways: Sequence[ContactWay]
    counts: Counts
    asks: Sequence[CallField]
    requires: Sequence[CallField]
    effects: Sequence[str]

    @classmethod
    def of(cls, code: ResultCode) -> Self:
        return cls(
            code=code.code,
            label=code.label,
            key=code.key,
            directions=sorted(code.directions),
            ways=sorted(code.ways),
            counts=code.counts,
            asks=code.asks,
            requires=sorted(code.requires),
            effects=[each.DO for each in code.effects],
        )


class ResultVersionShape(Shape):
    number: int = Field(description="0 = as shipped.")
    reason: str
    reverts_to: int | None
    saved_at: datetime
    saved_by: str

    @classmethod
    def of(cls, version: ResultCodeVersion) -> Self:
        return cls(
            number=version.number,
            reason=version.reason,
            reverts_to=version.reverts_to,
            saved_at=version.at,
            saved_by=version.by,
        )


class ResultText(Shape):
    number: int
    text: str = Field(description="TOML, as written.")


class NewCodes(Input):
    text: Annotated[Paragraph, Field(min_length=1, max_length=LONGEST_TEXT, description="TOML.")]
    reason: Reason
    based_on: Annotated[
        int | None, Field(ge=0, description="The version it changes; refused if it is not the latest.")
    ] = None


class CodesRevert(Input):
    reason: Reason


@router.get("", summary="List result codes")
def list_result_codes(
    code: PortfolioCode, _caller: ApiCaseReader, session: ReadSession
) -> Sequence[ResultCodeShape]:
    """The codes by which calls of this portfolio are logged now, in order."""
    return [ResultCodeShape.of(each) for each in codes_of(session, get_portfolio(session, code))]


@router.get("/versions", summary="List versions of the result codes")
def list_result_versions(
    code: PortfolioCode, _caller: ApiCaseReader, session: ReadSession
) -> Page[ResultVersionShape]:
    """Newest first; the first is in use. None while the portfolio goes by the shipped codes."""
    found = versions_of(session, get_portfolio(session, code))
    return Page(items=[ResultVersionShape.of(each) for each in found], next_cursor=None)


@router.get("/versions/{version}", summary="Export a version of the result codes")
def get_result_version(
    code: PortfolioCode, version: VersionNumber, _caller: ApiCaseReader, session: ReadSession
) -> ResultText:
    """The text of a version; 0 is the shipped one."""
    return ResultText(number=version, text=text_of(session, get_portfolio(session, code), version))


@router.post("", status_code=201, summary="Change the result codes", max_body_size=MB)
def post_result_codes(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewCodes
) -> ResultVersionShape:
    """Keep a text as the next version; calls are logged by it from now on. A text with faults is refused with every one
    of them, each with its line. No version counts a conversation as less, or drops the protection that a shipped code
    brings."""
    portfolio = get_portfolio(session, code)
    version = save_codes(
        session, portfolio, body.text, body.reason, based_on=body.based_on, by=caller.by, now=now
    )
    return ResultVersionShape.of(version)


@router.post("/versions/{version}/revert", status_code=201, summary="Return to a version of the result codes")
def post_result_revert(
    code: PortfolioCode,
    version: VersionNumber,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: CodesRevert,
) -> ResultVersionShape:
    """The text of an earlier version, or with 0 the shipped one, as a new version."""
    portfolio = get_portfolio(session, code)
    return ResultVersionShape.of(
        revert_codes(session, portfolio, version, body.reason, by=caller.by, now=now)
    )
