"""Answers about one view of the worklist, shared between readers until the next event is recorded.

Every change writes an event in its own transaction, so the last event's number tells whether an answer still holds.
What only time changes (a callback becomes due, an hour closes) shows after a minute at the latest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import TypeVar, cast

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.engine import table_of
from app.core.timeline.models import Event

T = TypeVar("T")
Key = tuple[object, ...]
KEPT = 500


class Memory:
    """The latest answers of one process; each holds until the next event."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, object] = OrderedDict()
        self._lock = Lock()

    def get(self, session: Session, question: Key, now: datetime, answer: Callable[[], T]) -> T:
        """The answer to `question` at this moment; `answer` reads it where an event or a minute came between."""
        key = (
            str(session.get_bind().engine.url),
            question,
            now.replace(second=0, microsecond=0),
            _last_event(session),
        )
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(T, self._kept[key])
        found = answer()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


def _last_event(session: Session) -> Key:
    """The number of the last event. PostgreSQL gives numbers before a commit, so its snapshot counts too."""
    seen: Key | None = session.info.get("last_event")
    if seen is None:
        last = sa.select(sa.func.max(table_of(Event).c.id))
        if session.get_bind().dialect.name == "postgresql":
            last = last.add_columns(sa.cast(sa.func.pg_current_snapshot(), sa.Text))
        seen = session.info["last_event"] = tuple(session.execute(last).one())
    return seen


MEMORY = Memory()
