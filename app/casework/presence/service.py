"""Note that a person has a case open, is on the telephone about it, or has left. Working data: no event."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from app.casework.presence.models import OpenPage
from app.casework.presence.rules import KEPT
from app.core.database.bulk import upsert


def note_view(
    session: Session, case_id: int, username: str, *, calling: bool | None = None, now: datetime
) -> None:
    """Note that this person has the case open now. `calling`: whether they are on the telephone about it; None = as
    before."""
    forget_old(session, username, now=now)
    started = now if calling else None
    insert = upsert(session, OpenPage).values(
        case_id=case_id, username=username, seen_at=now, calling_since=started
    )
    changed: dict[str, object] = {"seen_at": now}
    if calling is False:
        changed["calling_since"] = None
    elif calling:
        changed["calling_since"] = sa.func.coalesce(col(OpenPage.calling_since), now)
    session.execute(insert.on_conflict_do_update(index_elements=["case_id", "username"], set_=changed))


def leave(session: Session, case_id: int, username: str) -> None:
    """Note that this person closed the case's page."""
    session.execute(
        sa.delete(OpenPage).where(col(OpenPage.case_id) == case_id, col(OpenPage.username) == username)
    )


def end_call(session: Session, case_id: int, username: str) -> None:
    """Note that this person's call is over: it was logged."""
    theirs = sa.and_(col(OpenPage.case_id) == case_id, col(OpenPage.username) == username)
    session.execute(sa.update(OpenPage).where(theirs).values(calling_since=None))


def forget_old(session: Session, username: str, *, now: datetime) -> None:
    """Delete this person's rows older than `KEPT`."""
    old = sa.and_(col(OpenPage.username) == username, col(OpenPage.seen_at) < now - KEPT)
    session.execute(sa.delete(OpenPage).where(old))
