"""The suppression list: numbers and e-mail addresses to which nothing is sent, whoever's they are.

A message to an address that keeps refusing mail reaches nobody, and mailbox providers judge a sender by how many of
those it sends. The gate reads the list (`Facts.suppressed_since`), so that every way out obeys it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import clean_text
from app.core.actor import Actor
from app.core.bulk import upsert
from app.core.db import table_of
from app.core.errors import Conflict, Invalid
from app.core.timeline.rules import Kind
from app.core.timeline.service import NewEvent, customer_stream, lock_customers, record_many
from app.core.vocabulary import Channel
from app.outreach.gate.models import SuppressedAddress
from app.policy.facts import Suppression


def normalised(address: str) -> str:
    """How the list spells it: mailbox providers take Anna@ and anna@ for one; a number is E.164 already."""
    return address.strip().lower()


def channel_of(address: str) -> Channel:
    """Of which channel an address that somebody typed is. Invalid if it is neither an e-mail address nor a number."""
    address = address.strip()
    if " " in address or ("@" not in address and not address.startswith("+")):
        raise Invalid("give an e-mail address, or a number that begins with +", "address")
    return Channel.EMAIL if "@" in address else Channel.SMS


def on_list(address: str = "", *, ended: bool = False) -> SelectOfScalar[SuppressedAddress]:
    """The list, the latest first, or what was taken off it; `address` = only this one."""
    off = col(SuppressedAddress.ended_at)
    query = select(SuppressedAddress).where(off.is_not(None) if ended else off.is_(None))
    if address.strip():
        query = query.where(SuppressedAddress.address == normalised(address))
    return query.order_by(col(SuppressedAddress.id).desc())


def suppress(
    session: Session,
    channel: Channel,
    address: str,
    reason: Suppression,
    *,
    detail: str = "",
    by: Actor,
    now: datetime,
) -> bool:
    """Send nothing more to this number or e-mail address. False if it was on the list already.

    Invalid where the channel has no such addresses (a printed letter, a call)."""
    if channel not in (Channel.SMS, Channel.EMAIL) or ("@" in address) != (channel is Channel.EMAIL):
        raise Invalid("only an SMS number or an e-mail address can be on the suppression list", "address")
    customers = _lock_holders(session, channel, address)
    row = {
        "channel": channel,
        "address": normalised(address),
        "spelt": address.strip(),
        "reason": reason,
        "detail": clean_text(detail, "detail", required=False, at_most=300),
        "since": now,
        "by": by,
        "ended_by": "",
        "ended_why": "",
    }
    insert = upsert(session, SuppressedAddress).values(**row)
    added = insert.on_conflict_do_nothing(
        index_elements=["address"], index_where=sa.text("ended_at IS NULL")
    ).returning(table_of(SuppressedAddress).c.id)
    if session.execute(added).first() is None:
        return False
    data = {"address": address, "reason": reason.value, "detail": row["detail"]}
    _tell(session, customers, Kind.ADDRESS_SUPPRESSED, channel, data, by=by, now=now)
    return True


def restore(session: Session, row: SuppressedAddress, why: str, *, by: Actor, now: datetime) -> None:
    """Take an address off the list. Conflict if somebody did so before; Invalid without a reason."""
    why = clean_text(why, "why", at_most=300)
    customers = _lock_holders(session, row.channel, row.spelt)
    session.refresh(row, with_for_update=True)
    if row.ended_at is not None:
        raise Conflict("this address is not on the list any more")
    row.ended_at, row.ended_by, row.ended_why = now, by, why
    data = {"address": row.spelt, "reason": why}
    _tell(session, customers, Kind.ADDRESS_RESTORED, row.channel, data, by=by, now=now)


def holders(session: Session, channel: Channel, address: str) -> list[int]:
    """Customers of all portfolios who have this address on file, in id order."""
    column = col(Customer.email if channel is Channel.EMAIL else Customer.mobile)
    # Both spellings, because the index knows those on file.
    spellings = {address.strip(), normalised(address)}
    query = select(Customer.id).where(column.in_(spellings)).order_by(col(Customer.id))
    return [i for i in session.scalars(query) if i is not None]


def _lock_holders(session: Session, channel: Channel, address: str) -> list[int]:
    found = holders(session, channel, address)
    lock_customers(session, found)
    return found


def _tell(
    session: Session,
    customers: list[int],
    kind: Kind,
    channel: Channel,
    data: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """On record with everybody whose address it is, and with their open case."""
    query = sa.select(col(CollectionsCase.customer_id), col(CollectionsCase.id)).where(
        col(CollectionsCase.customer_id).in_(customers), col(CollectionsCase.status) == CaseStatus.OPEN
    )
    cases: dict[int, int] = {customer_id: case_id for customer_id, case_id in session.execute(query)}
    events = [
        NewEvent(
            customer_stream(customer_id),
            kind,
            data,
            customer_id=customer_id,
            case_id=cases.get(customer_id),
            channel=channel,
        )
        for customer_id in customers
    ]
    record_many(session, events, by=by, now=now)
