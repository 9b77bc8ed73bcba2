"""Life of an offer: shown, countered, refused, accepted, expired, or not offered at all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from app.casework.negotiation.facts import Option
from app.core.errors import Conflict

OFFER_DAYS = 7
"""Days for which the price of an offer holds, where its first payment is not due earlier."""


class OfferStatus(StrEnum):
    SHOWN = "shown"
    COUNTERED = "countered"
    """The customer's own figures, and they are feasible."""
    REFUSED = "refused"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    NOT_OFFERED = "not_offered"
    """Not feasible: the reason says why."""


STANDING = frozenset({OfferStatus.SHOWN, OfferStatus.COUNTERED})
"""An offer that can be taken."""

STATUS_WORDS: Mapping[OfferStatus, str] = {
    OfferStatus.REFUSED: "was refused",
    OfferStatus.ACCEPTED: "was accepted already",
    OfferStatus.EXPIRED: "has expired",
    OfferStatus.NOT_OFFERED: "was not offered",
}


def expires_on(option: Option, today: date) -> date:
    """The last day on which its price holds: never after the day of its first payment."""
    return min(today + timedelta(days=OFFER_DAYS), option.parts[0].due_on)


def require_standing(status: OfferStatus, last_day: date | None, today: date) -> None:
    """Conflict, with what to do, where an offer can no longer be taken or refused."""
    if status not in STANDING:
        raise Conflict(f"This offer {STATUS_WORDS[status]}. Negotiate again for new offers.")
    if last_day is not None and last_day < today:
        raise Conflict(f"This offer held until {last_day.isoformat()}. Negotiate again for new offers.")
