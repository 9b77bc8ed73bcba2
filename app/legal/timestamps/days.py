"""The daily digest of the timeline: of each stream that grew, its last event.

    before <SHA-256 of the text of the day before, or 64 zeros>
    customer:17 212 <hash of event 212 of this stream>
    ...

Lines in the order of the streams' names (by code point), each ended by a line feed. An event's hash builds on all
before it in its stream, so one line fixes the whole story of one customer up to there; the first line fixes all days
before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.database.bulk import upsert
from app.core.timeline.models import Event
from app.core.timeline.rules import GENESIS
from app.legal.timestamps.models import TimelineDay


def make_day(session: Session, *, now: datetime) -> TimelineDay | None:
    """The day of `now` (UTC), not kept yet; None = it is there. A day on which the worker stood still is part of the
    next. It reads all that was recorded since: in a session that only reads, nobody waits for it."""
    today = now.date()
    before = last_day(session)
    if before is not None and before.day >= today:
        return None
    seen = session.scalar(select(sa.func.coalesce(sa.func.max(col(Event.id)), 0))) or 0
    made = TimelineDay(
        day=today,
        after_id=before.to_id if before else 0,
        to_id=before.seen_id if before else 0,
        seen_id=seen,
        streams=0,
        sha256="",
        made_at=now,
    )
    digest = hashlib.sha256()
    for line in text_of(session, made):
        digest.update(line)
        made.streams += 1
    made.streams -= 1  # the line of the day before
    made.sha256 = digest.hexdigest()
    return made


def keep_day(session: Session, made: TimelineDay) -> None:
    """Keep a day, unless another worker was quicker."""
    session.execute(upsert(session, TimelineDay).values(**made.model_dump()).on_conflict_do_nothing())


def last_day(session: Session, *, before: date | None = None) -> TimelineDay | None:
    query = select(TimelineDay).order_by(col(TimelineDay.day).desc()).limit(1)
    return session.scalar(query if before is None else query.where(col(TimelineDay.day) < before))


def text_of(session: Session, day: TimelineDay) -> Iterator[bytes]:
    """The lines of a day's text, made from the events again."""
    before = last_day(session, before=day.day)
    yield f"before {before.sha256 if before else GENESIS}\n".encode()
    last = (
        select(col(Event.stream), sa.func.max(col(Event.seq)).label("seq"))
        .where(col(Event.id) > day.after_id, col(Event.id) <= day.to_id)
        .group_by(col(Event.stream))
        .subquery()
    )
    found = (
        select(col(Event.stream), col(Event.seq), col(Event.hash))
        .join(last, sa.and_(col(Event.stream) == last.c.stream, col(Event.seq) == last.c.seq))
        .execution_options(yield_per=10_000)
    )
    for stream, seq, digest in sorted(tuple(row) for row in session.execute(found)):
        yield f"{stream} {seq} {digest}\n".encode()


def holds(session: Session, day: TimelineDay) -> bool:
    """Whether the events still make the text that was digested then."""
    return is_text_of(day, b"".join(text_of(session, day)))


def is_text_of(day: TimelineDay, text: bytes) -> bool:
    return hashlib.sha256(text).hexdigest() == day.sha256
