"""One move: its preview, or what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.staffing.moves import get_move
from app.casework.assignment.move_queries import MoveView, view_move
from app.casework.assignment.moving import PREVIEW_HOLDS, undo_until
from app.casework.assignment.stays import STAY_LABELS, MoveState, StayReason
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.managers.moves.choice_words import choice_words
from app.web.rendering import Page, page

router = Router(prefix="/moves")
CASE_COLUMNS = [
    Column("Case"), Column("Customer"), Column("From"), Column("To"), Column("Past due", numeric=True),
    Column("Balance", numeric=True),
]  # fmt: skip
STAY_COLUMNS = [Column("Case"), Column("Customer"), Column("With"), Column("Why")]
PEOPLE_COLUMNS = [
    Column("Person"), Column("Now", numeric=True), Column("Gets", numeric=True), Column("Then", numeric=True),
    Column("At most", numeric=True),
]  # fmt: skip
SHOWN = 200
"""Cases of each list on the page; the API gives all."""


@dataclass(frozen=True, slots=True)
class MovePage(Page):
    template = "managers/moves/move.html"
    view: MoveView
    names: Mapping[str, str]
    stay_words: Mapping[StayReason, str]
    stays: Sequence[tuple[StayReason, int]]
    """Reasons for which cases stay, with how many; the most frequent first."""
    chosen: Sequence[tuple[str, str]]
    undo_until: datetime | None
    holds_until: datetime
    now: datetime
    columns: Mapping[str, Sequence[Column]]
    reason: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    shown: int = SHOWN


@router.get("/{move_id}")
def move(request: Request, move_id: RowId, _staff: Manager, session: ReadSession, now: Now) -> Response:
    return show_move(request, session, move_id, now=now)


@router.get("/{move_id}/{form}")
def after_a_refusal(move_id: RowId, form: str, _staff: Manager) -> Response:  # noqa: ARG001
    """A refused form is shown at its own address; after a reload the move is found again."""
    return RedirectResponse(f"/moves/{move_id}", status_code=303)


def show_move(
    request: Request,
    session: Session,
    move_id: int,
    *,
    reason: str = "",
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    now: datetime,
) -> Response:
    view = view_move(session, get_move(session, move_id))
    counted: dict[StayReason, int] = {}
    for line in view.of(MoveState.STAYS):
        for why in line.why:
            counted[why] = counted.get(why, 0) + 1
    names = staff_names(session)
    return page(
        request,
        MovePage(
            view=view,
            names=names,
            stay_words=STAY_LABELS,
            stays=sorted(counted.items(), key=lambda each: (-each[1], each[0])),
            chosen=choice_words(view, names, request),
            undo_until=undo_until(view.move.moved_at) if view.move.moved_at else None,
            holds_until=view.move.prepared_at + PREVIEW_HOLDS,
            now=now,
            columns={"cases": CASE_COLUMNS, "stays": STAY_COLUMNS, "people": PEOPLE_COLUMNS},
            reason=reason,
            errors=errors or {},
        ),
        status,
    )
