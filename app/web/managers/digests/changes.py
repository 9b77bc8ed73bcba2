"""Who changed what of a portfolio's digests and thresholds, in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.core.timeline.payload import Payload
from app.core.timeline.queries import events_of_portfolio
from app.operations.digests.rules import CADENCE_LABELS, DigestCadence

MOST = 50
_SAID = {
    "digest.recipient_added": "{recipient}: added, {cadence}",
    "digest.secret_replaced": "{recipient}: a new secret; the old one signs until {until}",
    "digest.recipient_ended": "{recipient}: taken off the list",
    "digest.given_up": "{recipient}: the digest of {business_date} was given up, {reason}",
    "threshold.set": "{figure}: set to {limit}",
    "threshold.changed": "{figure}: {was}, now {now}",
    "threshold.ended": "{figure}: ended, was {limit}",
}


@dataclass(frozen=True, slots=True)
class SaidChange:
    """One change of the list or of a limit."""

    at: datetime
    by: str
    words: str


def changes_of(session: Session, portfolio_id: int, *payloads: type[Payload]) -> Sequence[SaidChange]:
    """The latest changes, newest first."""
    events = events_of_portfolio(session, portfolio_id, [each.KIND for each in payloads], MOST)
    return [SaidChange(each.at, each.by, _words(each.kind, json.loads(each.data))) for each in events]


def _words(kind: str, data: dict[str, object]) -> str:
    if kind == "digest.recipient_changed":
        was, now = data["was"], data["now"]
        assert isinstance(was, dict)
        assert isinstance(now, dict)
        parts = (f"{name} {_plain(was[name])}, now {_plain(now[name])}" for name in now)
        return f"{data['recipient']}: {'; '.join(parts)}"
    if kind == "digest.secret_replaced" and not data["until"]:
        return f"{data['recipient']}: a new secret; the old one signs nothing more"
    return _SAID[kind].format(**{name: _plain(value) for name, value in data.items()})


def _plain(value: object) -> str:
    text = str(value)
    return CADENCE_LABELS[DigestCadence(text)].lower() if text in set(DigestCadence) else text
