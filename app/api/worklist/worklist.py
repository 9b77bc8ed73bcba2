"""The worklist in the order in which an agent works it, the next case, and saved views."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from app.actions.views import delete_view, save_view, views_of
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Cursor, Limit, RowId
from app.api.worklist.shapes import CountShape, NextShape, SavedViewShape, WorkShape
from app.casework.cases.models import case_reference
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.worklist.books import books_at
from app.worklist.next import next_case
from app.worklist.queries import section_counts
from app.worklist.rows import rows_of
from app.worklist.rules import STATES
from app.worklist.view import OTHER_STATES, View, is_state, order_of, page_of

router = api_router("/worklist", tags=["worklist"])

Owner = Annotated[
    Line | None, Query(max_length=60, description="Username; empty for cases without an owner.")
]
Portfolio = Annotated[Line, Query(max_length=40, description="Portfolio code.")]
State = Annotated[
    Line, Query(max_length=20, description=f"Empty for all work, or one of: {', '.join(STATES)}, all.")
]


def _view(session: Session, now: datetime, owner: str | None, portfolio: str, state: str) -> View:
    if not is_state(state):
        raise Invalid(
            f"The states are {', '.join(STATES)}, {', '.join(OTHER_STATES[:-1])} and {OTHER_STATES[-1]}.",
            "state",
        )
    books = tuple(book for book in books_at(session, now) if not portfolio or book.code == portfolio)
    return View(books=books, owner=owner, state=state)


@router.get("", summary="List work")
def list_work(
    _caller: ApiCaseWorker,
    session: ReadSession,
    now: Now,
    owner: Owner = None,
    portfolio: Portfolio = "",
    state: State = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WorkShape]:
    """Cases with work for today: callbacks due, replies, callbacks later today, promises missed, promises due today,
    calls by age and amount, other tasks. Figures and the answer to "may I call now?" are of this moment."""
    view = _view(session, now, owner, portfolio, state)
    items, position = page_of(
        session, view, after=decode_cursor(cursor, view.cursor_length), limit=limit, now=now
    )
    rows = rows_of(session, view.books, items, now, owner=view.owner)
    return Page(
        items=[WorkShape.of(row) for row in rows],
        next_cursor=encode_cursor(*position) if position else None,
    )


@router.get("/counts", summary="Count work")
def count_work(
    _caller: ApiCaseWorker, session: ReadSession, now: Now, owner: Owner = None, portfolio: Portfolio = ""
) -> list[CountShape]:
    """Open cases by section, with the time at which the first of a section comes back."""
    view = _view(session, now, owner, portfolio, "")
    counts = section_counts(session, view.books, owner, now)
    return [
        CountShape(
            section=section.name.lower(), cases=each.cases, first_at=each.first_at, first_on=each.first_on
        )
        for section, each in sorted(counts.items())
    ]


@router.get("/next", summary="Get the next case")
def get_next(
    caller: ApiCaseWorker,
    session: ReadSession,
    now: Now,
    owner: Owner = None,
    portfolio: Portfolio = "",
    state: State = "",
    after: Annotated[CaseRef | None, Query(description="The case that was worked last.")] = None,
) -> NextShape:
    """The next case that nobody has open and that can be worked now, as the button `Next` of the page opens it."""
    view = _view(session, now, owner, portfolio, state)
    items = order_of(session, view, now)
    sections = {item.case_id: item.section for item in items} if view.is_queue else {}
    worked = id_of(case_named(session, after)) if after else None
    found = next_case(
        session, [item.case_id for item in items], sections, after=worked, username=caller.name, now=now
    )
    return NextShape(case=case_reference(found) if found else None)


class NewView(Input):
    name: Annotated[Line, Field(min_length=1, max_length=60)]
    query: Annotated[Line, Field(max_length=700, description="Parameters such as `state=call&owner=all`.")]
    is_default: bool = False


@router.get("/views", summary="List saved views")
def list_views(caller: ApiCaseWorker, session: ReadSession) -> list[SavedViewShape]:
    """The views that this token saved."""
    return [SavedViewShape.of(view) for view in views_of(session, caller.by)]


@router.post("/views", status_code=201, summary="Save a view")
def post_view(caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewView) -> SavedViewShape:
    """Keep a filter under a name; a view of this name is replaced."""
    view = save_view(session, body.name, body.query, is_default=body.is_default, by=caller.by, now=now)
    return SavedViewShape.of(view)


@router.post("/views/{view_id}/deletion", summary="Delete a saved view")
def post_view_deletion(view_id: RowId, caller: ApiCaseWorker, session: OnceSession) -> list[SavedViewShape]:
    """Answers the views that are left."""
    delete_view(session, view_id, by=caller.by)
    session.flush()
    return [SavedViewShape.of(view) for view in views_of(session, caller.by)]
