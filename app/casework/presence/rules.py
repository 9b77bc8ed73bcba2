"""The time for which a page counts as open and a person as on the telephone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BEAT_SECONDS = 20
"""An open page tells the server this often; its script reads it from `data-beat`."""
SEEN_WITHIN = timedelta(seconds=60)
"""Without a beat for this long, a case is no longer open there."""
CALLING_WITHIN = timedelta(minutes=5)
"""The same for a call: a browser on a telephone may sleep, and without a script there is one beat a page."""
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A colleague who has a case open."""

    username: str
    calling_since: datetime | None = None
    """None = looking, not on the telephone."""


def viewer_of(
    username: str, seen_at: datetime, calling_since: datetime | None, now: datetime
) -> Viewer | None:
    """The viewer whom a row of presence shows at `now`; None once it is too old."""
    age = now - seen_at
    if calling_since is not None and age <= CALLING_WITHIN:
        return Viewer(username, calling_since)
    return Viewer(username) if age <= SEEN_WITHIN else None
