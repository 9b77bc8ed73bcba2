"""Addresses of representatives to which nothing more is sent: mail came back, or a person says that it is wrong."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.database.engine import table_of
from app.core.errors import Conflict
from app.core.text import clean_text
from app.outreach.gate.third_parties.representation import spelled
from app.outreach.outbox.models import ClosedPartyAddress
from app.policy.facts import Suppression


def closed_address(session: Session, address: str) -> ClosedPartyAddress | None:
    """The closing of an address that stands; None = it is open."""
    query = select(ClosedPartyAddress).where(
        ClosedPartyAddress.address == spelled(address), col(ClosedPartyAddress.ended_at).is_(None)
    )
    return session.scalars(query).first()


def close_address(
    session: Session, address: str, reason: Suppression, detail: str = "", *, by: Actor, now: datetime
) -> bool:
    """Send representatives nothing more at this address. False if it was closed already. The customers' own list of
    suppressed addresses and their consents stay as they are."""
    row = {
        "address": spelled(address),
        "reason": reason,
        "detail": clean_text(detail, "detail", required=False, at_most=300),
        "since": now,
        "by": by,
        "ended_by": "",
        "ended_why": "",
    }
    insert = upsert(session, ClosedPartyAddress).values(**row)
    added = insert.on_conflict_do_nothing(
        index_elements=["address"], index_where=sa.text("ended_at IS NULL")
    ).returning(table_of(ClosedPartyAddress).c.id)
    return session.execute(added).first() is not None


def open_address(session: Session, address: str, why: str, *, by: Actor, now: datetime) -> None:
    """Use an address again. Conflict if it is open; Invalid without a reason."""
    why = clean_text(why, "why", at_most=300)
    row = closed_address(session, address)
    if row is None:
        raise Conflict(f"{address} is not closed.")
    row.ended_at, row.ended_by, row.ended_why = now, by, why
