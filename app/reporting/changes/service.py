"""Keeping the mark of a look."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.reporting.changes.models import FigureLook


def note_look(session: Session, username: str, portfolio_id: int, on: date, *, now: datetime) -> None:
    """Note that the person saw the figures of `on`, the last closed day. Idempotent; an earlier day changes nothing."""
    mark = session.get(FigureLook, (username, portfolio_id))
    if mark is None:
        session.add(FigureLook(username=username, portfolio_id=portfolio_id, seen_on=on, seen_at=now))
    elif mark.seen_on < on:
        mark.before_on, mark.before_at = mark.seen_on, mark.seen_at
        mark.seen_on, mark.seen_at = on, now
