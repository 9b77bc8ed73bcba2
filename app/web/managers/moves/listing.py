"""The list of moves that were confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.casework.assignment.move_list import MoveSummary, list_moves
from app.core.ids import id_of
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/moves")
PAGE = 50
LIST_COLUMNS = [
    Column("Moved"), Column("Reason"), Column("By"), Column("Cases", numeric=True),
    Column("Did not move", numeric=True), Column("State"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MovesPage(Page):
    template = "managers/moves/list.html"
    moves: Sequence[MoveSummary]
    names: Mapping[str, str]
    columns: Sequence[Column]
    next_cursor: str | None


@router.get("")
def moves(request: Request, _staff: Manager, session: ReadSession, cursor: str = "") -> Response:
    seen = decode_cursor(cursor, 1, int)
    found = list_moves(session, before=int(seen[0]) if seen else None, limit=PAGE + 1)
    last = found[PAGE - 1].move if len(found) > PAGE else None
    return page(
        request,
        MovesPage(
            moves=found[:PAGE],
            names=staff_names(session),
            columns=LIST_COLUMNS,
            next_cursor=encode_cursor(id_of(last)) if last else None,
        ),
    )
