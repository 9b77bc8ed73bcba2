"""Channel stops: the kill switch of each destination."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlmodel import Session, col

from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.timeline.service import NewEvent, record
from app.outreach.outbox.events import ChannelStarted, ChannelStopped
from app.outreach.outbox.models import ChannelStop
from app.outreach.outbox.rules import Destination

log = structlog.get_logger("desk.delivery")


def is_stopped(session: Session, destination: Destination) -> bool:
    query = sa.select(sa.literal(1)).where(
        col(ChannelStop.destination) == destination, col(ChannelStop.ended_at).is_(None)
    )
    return session.connection().execute(query).first() is not None


def stop_channel(
    session: Session, destination: Destination, reason: str, *, by: Actor, now: datetime
) -> None:
    """Send nothing more to this destination until a person starts it again; queued messages stay queued. The first
    reason that stopped it stays the reason."""
    if is_stopped(session, destination):
        return
    values = {"destination": destination, "reason": reason[:500], "at": now, "by": by, "ended_by": ""}
    session.execute(upsert(session, ChannelStop).values(**values).on_conflict_do_nothing())
    record(session, NewEvent("outbox", ChannelStopped(destination, reason)), by=by, now=now)
    log.error("channel_stopped", destination=destination.value, by=by)


def start_channel(session: Session, destination: Destination, *, by: Actor, now: datetime) -> None:
    """Send to this destination again."""
    stopped = (col(ChannelStop.destination) == destination, col(ChannelStop.ended_at).is_(None))
    session.execute(sa.update(ChannelStop).where(*stopped).values(ended_at=now, ended_by=by))
    record(session, NewEvent("outbox", ChannelStarted(destination)), by=by, now=now)
