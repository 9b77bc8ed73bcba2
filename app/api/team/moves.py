"""Moves of many cases: prepared, confirmed with a reason, taken back."""

from __future__ import annotations

from app.actions.staffing.choice import CaseChoice
from app.actions.staffing.moves import confirm_move, get_move, prepare_move, undo_move
from app.api.deps import ApiManager, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, RowId
from app.api.team.move_shapes import MoveReason, MoveShape, MoveSummaryShape, NewMove
from app.casework.assignment.move_list import list_moves
from app.core.ids import id_of
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor

router = api_router("/case-moves", tags=["team"])


@router.get("", summary="List moves of cases")
def list_case_moves(
    _caller: ApiManager, session: ReadSession, cursor: Cursor = None, limit: Limit = 50
) -> Page[MoveSummaryShape]:
    """Those that were confirmed, the newest first."""
    seen = decode_cursor(cursor, 1, int)
    found = list_moves(session, before=int(seen[0]) if seen else None, limit=limit + 1)
    last = found[limit - 1].move if len(found) > limit else None
    return Page(
        items=[MoveSummaryShape.of(each) for each in found[:limit]],
        next_cursor=encode_cursor(id_of(last)) if last else None,
    )


@router.get("/{move_id}", summary="Get a move of cases")
def get_case_move(move_id: RowId, _caller: ApiManager, session: ReadSession) -> MoveShape:
    """With every case: a preview that was not confirmed yet, or what became of it."""
    return MoveShape.of(session, get_move(session, move_id))


@router.post("", status_code=201, summary="Prepare a move of cases")
def post_case_move(caller: ApiManager, session: OnceSession, now: Now, body: NewMove) -> MoveShape:
    """A preview: who would get which case, and why others would stay. No case moves before it is confirmed."""
    chosen = body.choice.model_dump()
    choice = CaseChoice(**{**chosen, "references": tuple(chosen["references"])})
    move = prepare_move(
        session, choice, body.receivers, returns=body.returns, overruled=body.overruled, by=caller.by, now=now
    )
    return MoveShape.of(session, move)


@router.post("/{move_id}/confirmation", summary="Confirm a move of cases")
def post_move_confirmation(
    move_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: MoveReason
) -> MoveShape:
    """Within an hour of the preview. A case that changed since does not move; its line says why."""
    return MoveShape.of(session, confirm_move(session, move_id, body.reason, by=caller.by, now=now))


@router.post("/{move_id}/undo", summary="Take a move of cases back")
def post_move_undo(move_id: RowId, caller: ApiManager, session: OnceSession, now: Now) -> MoveShape:
    """Within a day of the move. A case that moved on since stays."""
    return MoveShape.of(session, undo_move(session, move_id, by=caller.by, now=now))
