"""Files of proposals: loaded, read, and decided one by one or together."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from app.actions.advisers.proposals import (
    accept_proposal,
    accept_simple,
    decline_proposal,
    load_proposals,
    weigh,
)
from app.api.advisers.advisers import AdviserCode, Ending
from app.api.advisers.shapes import BulkShape, FileShape, LeftShape, ProposalShape
from app.api.deps import ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import PortfolioCode, RowId
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.queries import (
    files_of,
    get_adviser,
    get_file,
    get_proposal,
    progress_of,
    proposals_of,
    rejects_of,
)
from app.casework.advisers.reading import LARGEST, MOST_LINES
from app.core.ids import id_of
from app.core.text import Line
from app.core.types import JsonObject
from app.http.context import Now, ports_of

router = api_router("/advisers/{adviser}", tags=["advisers"])
loading = api_router("/portfolios/{code}/advisers/{adviser}/files", tags=["advisers"])


class NewFile(Input):
    name: Annotated[
        Line, Field(min_length=1, max_length=200, description="The adviser's own name of the file.")
    ]
    plans: Annotated[
        list[JsonObject],
        Field(
            min_length=1,
            max_length=MOST_LINES,
            description="See docs/advisers.md.",
            examples=[
                [
                    {
                        "reference": "C-000012",
                        "offer": {"amount": "25.00", "frequency": "monthly", "first-on": "2026-04-01"},
                    }
                ]
            ],
        ),
    ]


@loading.post("", status_code=201, summary="Load a file of proposals", max_body_size=LARGEST)
def post_adviser_file(
    code: PortfolioCode,
    adviser: AdviserCode,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewFile,
) -> FileShape:
    """A wrong line does not stop the others; the same file again changes nothing."""
    portfolio, row = get_portfolio(session, code), get_adviser(session, adviser)
    content = json.dumps({"plans": body.plans}).encode()
    made = load_proposals(session, portfolio, row, body.name, content, by=caller.by, now=now)
    return FileShape.of(made.file, progress_of(session, made.file), made.rejects)


@router.get("/files", summary="List files of proposals")
def get_adviser_files(adviser: AdviserCode, _caller: ApiCaseWorker, session: ReadSession) -> list[FileShape]:
    """The latest fifty."""
    return [
        FileShape.of(row, progress_of(session, row), rejects_of(session, row))
        for row in files_of(session, get_adviser(session, adviser))
    ]


@router.get("/files/{file_id}/proposals", summary="List proposals of a file")
def get_adviser_proposals(
    adviser: AdviserCode, file_id: RowId, caller: ApiCaseWorker, session: ReadSession, now: Now
) -> list[ProposalShape]:
    """Each with what hinders it, as of now."""
    file = get_file(session, get_adviser(session, adviser), file_id)
    currency = session.get_one(Portfolio, file.portfolio_id).currency
    rows = proposals_of(session, file)
    return [ProposalShape.of(weigh(session, row, role=caller.role, now=now), currency) for row in rows]


@router.post("/files/{file_id}/acceptance", summary="Accept the simple proposals of a file")
def post_adviser_file_acceptance(
    adviser: AdviserCode,
    file_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    request: Request,
) -> BulkShape:
    """Accept those that are within the limits of this token's role and raise no doubt; the others stay."""
    row = get_adviser(session, adviser)
    file, letters = get_file(session, row, file_id), ports_of(request).catalog
    done = accept_simple(session, row, file, letters, by=caller.by, role=caller.role, now=now)
    left = [LeftShape(id=id_of(each), line=each.line, why=why) for each, why in done.left]
    return BulkShape(accepted=[plan.reference for plan in done.accepted], left=left)


@router.post("/proposals/{proposal_id}/acceptance", summary="Accept a proposal")
def post_proposal_acceptance(
    adviser: AdviserCode,
    proposal_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    request: Request,
) -> ProposalShape:
    """The plan runs from now on, agreed in writing with the adviser."""
    row = get_adviser(session, adviser)
    proposal, letters = get_proposal(session, row, proposal_id), ports_of(request).catalog
    accept_proposal(session, row, proposal, letters, by=caller.by, role=caller.role, now=now)
    currency = session.get_one(Portfolio, proposal.portfolio_id).currency
    return ProposalShape.of(weigh(session, proposal, role=caller.role, now=now), currency)


@router.post("/proposals/{proposal_id}/declining", summary="Decline a proposal")
def post_proposal_declining(
    adviser: AdviserCode,
    proposal_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: Ending,
) -> ProposalShape:
    """The adviser is told the reason outside the desk."""
    row = get_adviser(session, adviser)
    proposal = get_proposal(session, row, proposal_id)
    decline_proposal(session, row, proposal, body.reason, by=caller.by, now=now)
    currency = session.get_one(Portfolio, proposal.portfolio_id).currency
    return ProposalShape.of(weigh(session, proposal, role=caller.role, now=now), currency)
