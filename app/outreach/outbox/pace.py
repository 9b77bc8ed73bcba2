"""Pace: the rate at which each of our numbers and servers may hand over, shared by all workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel import Session

from app.core.database.bulk import upsert
from app.core.ids import id_of
from app.outreach.outbox.models import OutboxMessage, SendingPace
from app.outreach.outbox.rules import Pace


def admit(
    session: Session,
    pace: Pace | None,
    line_of: Callable[[OutboxMessage], str],
    rows: Sequence[OutboxMessage],
    *,
    now: datetime,
) -> set[int]:
    """Admit what each sending line may hand over now and count it against the line, for every worker; the ids."""
    if pace is None:
        return {id_of(row) for row in rows}
    by_line: dict[str, list[OutboxMessage]] = {}
    for row in rows:
        by_line.setdefault(f"{row.destination.value}:{line_of(row)}"[:160], []).append(row)
    admitted = set()
    for line, theirs in sorted(by_line.items()):
        fresh = upsert(session, SendingPace).values(line=line, caught_up_at=now)
        session.execute(fresh.on_conflict_do_nothing())
        kept = session.get_one(SendingPace, line, with_for_update=True)
        for row in theirs:
            caught_up_at = pace.admit(kept.caught_up_at, pace.units(row.text), now)
            if caught_up_at is None:
                break
            kept.caught_up_at = caught_up_at
            admitted.add(id_of(row))
    return admitted
