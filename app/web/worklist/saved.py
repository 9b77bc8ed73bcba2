"""Save and delete views of the worklist."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.views import delete_view, save_view
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.rendering import redirect
from app.web.worklist.asked import asked_of

router = Router(prefix="/worklist/views")


@router.post("")
def save(
    request: Request,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    name: Annotated[str, Form()] = "",
    query: Annotated[str, Form()] = "",
    is_default: Annotated[str, Form()] = "",
) -> Response:
    """Keep the view that is shown, from its first page on."""
    given = {key: value for key, value in parse_qsl(query[:1000]) if key != "cursor"}
    asked = asked_of(given, staff)
    view = save_view(session, name, asked.query, is_default=bool(is_default), by=staff.by, now=now)
    return redirect(request, f"/worklist?{view.query}", f"View “{view.name}” saved.")


@router.post("/{view_id}/delete")
def delete(request: Request, view_id: RowId, staff: CaseWorker, session: WriteSession) -> Response:
    delete_view(session, view_id, by=staff.by)
    return redirect(request, f"/worklist?{asked_of({}, staff).query}", "View deleted.")
