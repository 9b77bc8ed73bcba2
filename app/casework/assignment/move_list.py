"""The list of moves that were confirmed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.assignment.models import CaseMove, CaseMoveLine
from app.casework.assignment.stays import MoveState, MoveStatus
from app.core.database.engine import table_of
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class MoveSummary:
    move: CaseMove
    cases: int
    """That moved."""
    left: int
    """That were planned and did not move, or were not taken back."""


def list_moves(session: Session, *, before: int | None = None, limit: int) -> list[MoveSummary]:
    """Moves that were confirmed, the newest first. `before`: the id behind which the page starts."""
    query = select(CaseMove).where(CaseMove.status != MoveStatus.PREPARED).order_by(col(CaseMove.id).desc())
    if before is not None:
        query = query.where(col(CaseMove.id) < before)
    found = session.scalars(query.limit(limit)).all()
    line = table_of(CaseMoveLine)
    counted = (
        sa.select(line.c.move_id, line.c.state, sa.func.count())
        .where(line.c.move_id.in_([id_of(move) for move in found]))
        .group_by(line.c.move_id, line.c.state)
    )
    counts = {(move_id, state): n for move_id, state, n in session.connection().execute(counted)}

    def count(move: CaseMove, *states: MoveState) -> int:
        return sum(counts.get((id_of(move), state), 0) for state in states)

    return [
        MoveSummary(
            move,
            count(move, MoveState.MOVED, MoveState.RESTORED, MoveState.KEPT),
            count(move, MoveState.CHANGED, MoveState.KEPT),
        )
        for move in found
    ]
