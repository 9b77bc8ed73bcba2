"""Who changed what of a portfolio's digests and thresholds, in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.core.text import Say
from app.core.timeline.payload import Payload
from app.core.timeline.queries import events_of_portfolio
from app.http.interface import marked
from app.operations.digests.rules import CADENCE_LABELS, DigestCadence

MOST = 50
_SAID = {
    "digest.recipient_added": marked("{recipient}: added, {cadence}"),
    "digest.secret_replaced": marked("{recipient}: a new secret; the old one signs until {until}"),
    "digest.recipient_ended": marked("{recipient}: taken off the list"),
    "digest.given_up": marked("{recipient}: the digest of {business_date} was given up, {reason}"),
    "threshold.set": marked("{figure}: set to {limit}"),
    "threshold.changed": marked("{figure}: {was}, now {now}"),
    "threshold.ended": marked("{figure}: ended, was {limit}"),
}


@dataclass(frozen=True, slots=True)
class SaidChange:
    """One change of the list or of a limit."""

    at: datetime
    by: str
    words: str


def changes_of(
    session: Session, portfolio_id: int, say: Say, *payloads: type[Payload]
) -> Sequence[SaidChange]:
    """The latest changes, newest first, in the reader's language."""
    events = events_of_portfolio(session, portfolio_id, [each.KIND for each in payloads], MOST)
    return [SaidChange(each.at, each.by, _words(each.kind, json.loads(each.data), say)) for each in events]


_CHANGED = marked("{name} {was}, now {now}")
_NO_OLD_SECRET = marked("{recipient}: a new secret; the old one signs nothing more")


def _words(kind: str, data: dict[str, object], say: Say) -> str:
    if kind == "digest.recipient_changed":
        was, now = data["was"], data["now"]
        assert isinstance(was, dict)
        assert isinstance(now, dict)
        parts = (
            say(_CHANGED).format(name=say(name), was=_plain(was[name], say), now=_plain(now[name], say))
            for name in now
        )
        return f"{data['recipient']}: {'; '.join(parts)}"
    said = _SAID[kind] if data.get("until") != "" else _NO_OLD_SECRET
    return say(said).format(**{name: _plain(value, say) for name, value in data.items()})


def _plain(value: object, say: Say) -> str:
    text = str(value)
    return say(CADENCE_LABELS[DigestCadence(text)]).lower() if text in set(DigestCadence) else text
