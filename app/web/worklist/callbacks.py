"""The bar of callbacks that are due: asked for again each minute by an open page, and made quiet for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.security import local_path
from app.http.transactions import ReadSession
from app.web.due_callbacks import look, snooze
from app.web.rendering import fragment, redirect

router = Router(prefix="/worklist/callbacks")
MINUTES = {"5": 5, "30": 30, "day": 720}
"""Choices of the bar; a callback stays on top of the worklist through each."""


@router.get("/bar")
def bar(request: Request, staff: CaseWorker, session: ReadSession, now: Now) -> Response:
    """The bar's content; empty while no callback is due."""
    return fragment(request, "worklist/_callback_bar.html", callback=look(request, session, staff, now))


@router.post("/{case_id}/snooze")
def quiet(
    request: Request,
    case_id: RowId,
    _staff: CaseWorker,
    now: Now,
    minutes: Annotated[str, Form()] = "5",
    back: Annotated[str, Form()] = "/worklist",
) -> Response:
    """Show the bar for this case again later, in this browser. `back`: the page from which it was sent."""
    response = redirect(request, local_path(back, "/worklist"))
    snooze(request, response, case_id, now + timedelta(minutes=MINUTES.get(minutes, 5)), now)
    return response
