"""The backlog of editors: searches that found no article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.knowledge.editing import dismiss_miss
from app.book.portfolios.models import Portfolio
from app.casework.knowledge.backlog import backlog
from app.casework.knowledge.models import KnowledgeMiss
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.forms import ReasonForm
from app.web.knowledge.browse import languages, portfolios_of
from app.web.rendering import Page, page, redirect

router = Router(prefix="/knowledge")


@dataclass(frozen=True, slots=True)
class BacklogPage(Page):
    template = "knowledge/backlog.html"
    rows: Sequence[KnowledgeMiss]
    portfolios: Mapping[int, Portfolio]
    languages: Mapping[str, str]
    errors: Mapping[str, str]
    of: int
    """The search whose dismissal was refused; 0 = none."""


@router.get("/backlog")
def show_backlog(request: Request, _staff: Manager, session: ReadSession) -> Response:
    """Searches that found nothing, the most frequent first."""
    return _page(request, session, {}, 0)


@router.post("/backlog/{miss_id}/dismiss")
def dismiss(
    request: Request,
    miss_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """Decide that a search gets no article."""
    try:
        dismiss_miss(session, miss_id, typed.reason, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _page(request, session, {"reason": sentence(refused.message)}, miss_id, refused.status)
    return redirect(request, "/knowledge/backlog", "It is out of the backlog, and stays out.")


def _page(
    request: Request, session: Session, errors: Mapping[str, str], of: int, status: int = 200
) -> Response:
    return page(
        request,
        BacklogPage(
            rows=backlog(session),
            portfolios={id_of(each): each for each in portfolios_of(session)},
            languages=dict(languages(request)),
            errors=errors,
            of=of,
        ),
        status,
    )
