"""Moves of many cases in sets: the preview, what moved, what was taken back. Row and events in the caller's
transaction; people go through `app.actions.staffing.moves`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.assignment.events import CaseMoved, CaseMoveUndone
from app.casework.assignment.models import CaseMove, CaseMoveLine
from app.casework.assignment.moving import MoveTerms, PlannedMove
from app.casework.assignment.stays import MoveState, MoveStatus, StayReason, spell
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import Heads, about_customer, record_many

Verdicts = Mapping[int, tuple[StayReason, ...]]
"""Case -> why it does not move; () = it moves."""


def store_preview(
    session: Session,
    choice: Mapping[str, object],
    receivers: Sequence[str],
    terms: MoveTerms,
    planned: Sequence[PlannedMove],
    *,
    by: Actor,
    now: datetime,
) -> CaseMove:
    """Keep what a move would do. No case is touched, so nothing is on record of any."""
    move = CaseMove(
        choice=orjson.dumps(choice).decode(),
        receivers=orjson.dumps(sorted(receivers)).decode(),
        returns=terms.returns,
        overruled=spell(sorted(terms.overruled)),
        prepared_at=now,
        prepared_by=by,
    )
    session.add(move)
    session.flush()
    session.add_all(
        CaseMoveLine(
            move_id=id_of(move),
            case_id=each.case.case_id,
            n=n,
            from_owner=each.case.owner,
            from_covered_for=each.case.covered_for,
            to_owner=each.to,
            state=MoveState.PLANNED if each.to else MoveState.STAYS,
            why=spell(each.why),
            past_due_minor=each.case.past_due_minor,
            balance_minor=each.case.balance_minor,
        )
        for n, each in enumerate(planned, 1)
    )
    session.flush()
    return move


def lines_of(session: Session, move_id: int, *states: MoveState) -> Sequence[CaseMoveLine]:
    """The cases of a move in the order of its preview; of these states, or of all."""
    query = select(CaseMoveLine).where(CaseMoveLine.move_id == move_id).order_by(col(CaseMoveLine.n))
    return session.scalars(query.where(col(CaseMoveLine.state).in_(states)) if states else query).all()


def forget_previews(session: Session, before: datetime) -> None:
    """Delete the previews that nobody confirmed."""
    move, line = table_of(CaseMove), table_of(CaseMoveLine)
    old = sa.select(move.c.id).where(move.c.status == MoveStatus.PREPARED, move.c.prepared_at < before)
    ids = list(session.scalars(old))
    if ids:
        session.connection().execute(sa.delete(line).where(among(session, line.c.move_id, ids)))
        session.connection().execute(sa.delete(move).where(among(session, move.c.id, ids)))


def carry_out(
    session: Session,
    move: CaseMove,
    lines: Sequence[CaseMoveLine],
    verdicts: Verdicts,
    customers: Mapping[int, int],
    reason: str,
    heads: Heads,
    *,
    by: Actor,
    now: datetime,
) -> int:
    """Move the lines that their verdicts let go, and mark the others as changed. Returns how many moved. The caller
    holds the customers' locks (`heads`); `customers`: case -> customer."""
    move.status, move.reason, move.moved_at, move.moved_by = MoveStatus.DONE, reason, now, by
    told: list[tuple[CaseMoveLine, str, str, Payload]] = []
    for line in lines:
        if why := verdicts[line.case_id]:
            line.state, line.why = MoveState.CHANGED, spell(why)
            continue
        line.state = MoveState.MOVED
        whose = covered_by(move, line)
        said = CaseMoved(line.to_owner, line.from_owner, whose, reason, id_of(move))
        told.append((line, line.to_owner, whose, said))
    _store(session, told, customers, heads, by=by, now=now)
    return len(told)


def take_back(
    session: Session,
    move: CaseMove,
    lines: Sequence[CaseMoveLine],
    verdicts: Verdicts,
    customers: Mapping[int, int],
    heads: Heads,
    *,
    by: Actor,
    now: datetime,
) -> int:
    """Give the lines back to who had them, but for those that their verdicts keep. Returns how many went back."""
    move.status, move.undone_at, move.undone_by = MoveStatus.UNDONE, now, by
    told: list[tuple[CaseMoveLine, str, str, Payload]] = []
    for line in lines:
        if why := verdicts[line.case_id]:
            line.state, line.why = MoveState.KEPT, spell(why)
            continue
        line.state = MoveState.RESTORED
        said = CaseMoveUndone(line.from_owner, line.to_owner, line.from_covered_for, id_of(move))
        told.append((line, line.from_owner, line.from_covered_for, said))
    _store(session, told, customers, heads, by=by, now=now)
    return len(told)


def covered_by(move: CaseMove, line: CaseMoveLine) -> str:
    """Whose case it stays while the receiver works it; '' = it is the receiver's own."""
    return (line.from_covered_for or line.from_owner) if move.returns else ""


def _store(
    session: Session,
    told: Sequence[tuple[CaseMoveLine, str, str, Payload]],
    customers: Mapping[int, int],
    heads: Heads,
    *,
    by: Actor,
    now: datetime,
) -> None:
    session.flush()
    if not told:
        return
    case = table_of(CollectionsCase)
    update = (
        sa.update(case)
        .where(case.c.id == sa.bindparam("b_id"))
        .values(owner=sa.bindparam("b_owner"), covered_for=sa.bindparam("b_for"))
    )
    rows = [{"b_id": line.case_id, "b_owner": owner, "b_for": whose} for line, owner, whose, _ in told]
    session.connection().execute(update, rows)
    events = [
        about_customer(customers[line.case_id], said, case_id=line.case_id) for line, _, _, said in told
    ]
    record_many(session, events, by=by, now=now, locked=heads)
