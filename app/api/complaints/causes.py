"""Root causes of complaints: who removes them, and whether complaints fell."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlmodel import Session

from app.actions.complaints.causes import CauseText, save_cause
from app.api.complaints.shapes import CauseShape
from app.api.deps import ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Day, PortfolioCode, RowId
from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.complaints.causes import cause_rows
from app.casework.complaints.models import RootCause
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now

router = api_router("/portfolios", tags=["complaints"])


class NewCause(Input):
    name: Annotated[Line, Field(min_length=1, max_length=120)]
    owner: Annotated[Line, Field(min_length=1, max_length=64, description="User name of who removes it.")]
    action: Annotated[Paragraph, Field(max_length=1000)] = ""
    action_on: Annotated[Day | None, Field(description="The day from which the action works.")] = None

    def text(self) -> CauseText:
        return CauseText(self.name, self.owner, self.action, self.action_on)


@router.get("/{code}/root-causes", summary="List root causes of complaints")
def list_causes(code: PortfolioCode, _caller: ApiManager, session: ReadSession, now: Now) -> Page[CauseShape]:
    """Each with its complaints, and those before and after its action."""
    portfolio = get_portfolio(session, code)
    return Page(items=_shapes(session, portfolio, now))


@router.post("/{code}/root-causes", status_code=201, summary="Name a root cause")
def post_cause(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewCause
) -> CauseShape:
    """A cause that complaints can be given from now on, with who mends it and what is done."""
    portfolio = get_portfolio(session, code)
    made = save_cause(session, portfolio, body.text(), by=caller.by, now=now)
    return _shape(session, portfolio, made, now)


@router.post("/{code}/root-causes/{cause_id}/change", summary="Change a root cause")
def post_cause_change(
    code: PortfolioCode, cause_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewCause
) -> CauseShape:
    """Its name, owner and action as they are from now on."""
    portfolio = get_portfolio(session, code)
    made = save_cause(session, portfolio, body.text(), cause_id, by=caller.by, now=now)
    return _shape(session, portfolio, made, now)


def _shapes(session: Session, portfolio: Portfolio, now: Now) -> list[CauseShape]:
    today = local_today(session, id_of(portfolio), now)
    return [
        CauseShape.of(row.cause, row.complaints, row.before, row.after)
        for row in cause_rows(session, id_of(portfolio), today)
    ]


def _shape(session: Session, portfolio: Portfolio, made: RootCause, now: Now) -> CauseShape:
    return next(each for each in _shapes(session, portfolio, now) if each.id == id_of(made))
