"""From case to case: the next one of the reader's view, and back to the row from which a case was opened."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.http.context import Now
from app.http.cursors import RowQuery
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.rendering import redirect
from app.web.worklist.asked import asked_of, remembered, view_of
from app.worklist.books import books_at
from app.worklist.next import next_case
from app.worklist.view import order_of

router = Router(prefix="/worklist")


@router.get("/next")
def next_one(
    request: Request, staff: CaseWorker, session: ReadSession, now: Now, after: RowQuery = 0
) -> Response:
    """Open the next case of the view that the reader saw last (or of the view in the address): one that nobody else has
    open and that can be worked now. Without one, back to the list."""
    given = dict(request.query_params)
    given.pop("after", None)
    asked = asked_of(given or remembered(request), staff)
    view = view_of(asked, staff, books_at(session, now))
    items = order_of(session, view, now)
    sections = {item.case_id: item.section for item in items} if view.is_queue else {}
    order = [item.case_id for item in items]
    found = next_case(session, order, sections, after=after or None, username=staff.username, now=now)
    if found is not None:
        return redirect(request, f"/cases/{found}")
    return redirect(
        request, f"/worklist?{asked.query}", "No other case of this list can be worked now.", "info"
    )


@router.get("/back")
def back(request: Request, staff: CaseWorker, case: RowQuery = 0) -> Response:
    """The list as the reader left it: filter, page and row."""
    given = remembered(request)
    query = urlencode(given) if given else asked_of({}, staff).query
    return redirect(request, f"/worklist?{query}" + (f"#case-{case}" if case else ""))
