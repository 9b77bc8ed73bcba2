"""Put a number or an e-mail address on the suppression list by hand, and take it off again."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.core.actor import Actor
from app.core.errors import NotFound
from app.outreach.gate.models import SuppressedAddress
from app.outreach.gate.suppression import channel_of, on_list, restore, suppress
from app.policy.facts import Suppression


def suppress_address(session: Session, address: str, reason: str, *, by: Actor, now: datetime) -> bool:
    """Send nothing more to this address, whichever customer has it. False where it was on the list already; Invalid
    for a text that is neither a number nor an e-mail address."""
    channel = channel_of(address)
    return suppress(session, channel, address, Suppression.MANUAL, detail=reason, by=by, now=now)


def restore_address(
    session: Session, address: str, reason: str, *, by: Actor, now: datetime
) -> SuppressedAddress:
    """Take an address off the list; it may be used again where the law and the customer permit. NotFound where it is
    not on the list."""
    row = session.scalars(on_list(address)).first() if address.strip() else None
    if row is None:
        raise NotFound(f"{address} is not on the suppression list.")
    restore(session, row, reason, by=by, now=now)
    return row
