"""Counts of the worklist, shared between readers until something is put on record.

Every change writes an event in its own transaction, so the last event's number tells whether a count still holds. What
only time changes (a callback becomes due) shows after a minute at the latest; the rows themselves are never kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.engine import table_of
from app.core.timeline.models import Event
from app.worklist.rules import Section, SectionCount

Counts = Mapping[Section, SectionCount]
Key = tuple[object, ...]
KEPT = 300


class CountMemory:
    """The latest counts of each view, of one database."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Counts] = OrderedDict()
        self._lock = Lock()

    def get(self, session: Session, view: Key, now: datetime, count: Callable[[], Counts]) -> Counts:
        """Counts of `view` at this moment, counted only if something happened since."""
        key = (id(session.get_bind()), view, now.replace(second=0, microsecond=0), _last_event(session))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        counts = count()
        with self._lock:
            self._kept[key] = counts
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return counts


def _last_event(session: Session) -> tuple[object, ...]:
    """The number of the last event. PostgreSQL gives numbers before a commit, so its snapshot counts too."""
    event = table_of(Event)
    last = sa.select(sa.func.max(event.c.id))
    if session.get_bind().dialect.name == "postgresql":
        last = last.add_columns(sa.cast(sa.func.pg_current_snapshot(), sa.Text))
    return tuple(session.execute(last).one())


MEMORY = CountMemory()
