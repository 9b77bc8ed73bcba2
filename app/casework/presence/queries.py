"""Reads of presence: who has which case open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from app.casework.presence.models import OpenPage
from app.casework.presence.rules import CALLING_WITHIN, Viewer, viewer_of


def viewers_of(
    session: Session, case_ids: Sequence[int], now: datetime, *, but: str = ""
) -> dict[int, list[Viewer]]:
    """Case id -> the people who have it open now, those on the telephone first; `but` leaves one user out."""
    query = select(OpenPage).where(
        col(OpenPage.case_id).in_(case_ids),
        col(OpenPage.seen_at) >= now - CALLING_WITHIN,
        OpenPage.username != but,
    )
    found: dict[int, list[Viewer]] = {}
    for row in session.scalars(query.order_by(col(OpenPage.username))):
        viewer = viewer_of(row.username, row.seen_at, row.calling_since, now)
        if viewer is not None:
            found.setdefault(row.case_id, []).append(viewer)
    for viewers in found.values():
        viewers.sort(key=lambda viewer: viewer.calling_since is None)
    return found
