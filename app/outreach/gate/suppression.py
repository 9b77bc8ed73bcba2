"""The suppression list: numbers and e-mail addresses to which nothing is sent, for any customer who has them.

A message to an address that keeps refusing mail reaches no reader, and mailbox providers judge a sender by how many of
those it sends. The gate reads the list (`Facts.suppressed_since`), so that every way out obeys it.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import SYSTEM, Actor
from app.core.database.bulk import upsert
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid
from app.core.text import clean_text
from app.core.timeline.payload import Payload
from app.core.timeline.service import about_customer, lock_customers, record_many
from app.core.vocabulary import Channel
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import AddressRestored, AddressSuppressed
from app.outreach.gate.models import Consent, SuppressedAddress
from app.outreach.outbox.dispatch import SendResult, Undeliverable
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import TO_CUSTOMERS
from app.policy.facts import Suppression


def normalised(address: str) -> str:
    """Spell an address as the list does: mailbox providers take Anna@ and anna@ for one; a number is E.164 already."""
    return address.strip().lower()


def channel_of(address: str) -> Channel:
    """The channel of an address as it was typed. Invalid if it is neither an e-mail address nor a number."""
    address = address.strip()
    if " " in address or ("@" not in address and not address.startswith("+")):
        raise Invalid("Give an e-mail address, or a number that begins with +.", "address")
    return Channel.EMAIL if "@" in address else Channel.SMS


def reaches(channel: Channel) -> sa.ColumnElement[bool]:
    """SQL of a customer whose number or e-mail address is on file, not suppressed, and not opted out of."""
    customer, closed, consent = table_of(Customer), table_of(SuppressedAddress), table_of(Consent)
    address = customer.c.email if channel is Channel.EMAIL else customer.c.mobile
    suppressed = sa.exists().where(
        closed.c.address == sa.func.lower(address), closed.c.channel == channel, closed.c.ended_at.is_(None)
    )
    opted_out = sa.exists().where(
        consent.c.customer_id == customer.c.id, consent.c.channel == channel, consent.c.allowed.is_(False)
    )
    return sa.and_(address != "", ~suppressed, ~opted_out)


def on_list(address: str = "", *, ended: bool = False) -> SelectOfScalar[SuppressedAddress]:
    """The list, latest first, or with `ended` the addresses taken off it; `address` = only this one."""
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
        raise Invalid("Only an SMS number or an e-mail address can be on the suppression list.", "address")
    customers = _lock_holders(session, channel, address)
    detail = clean_text(detail, "detail", required=False, at_most=300)
    row = {
        "channel": channel,
        "address": normalised(address),
        "spelt": address.strip(),
        "reason": reason,
        "detail": detail,
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
    _tell(session, customers, AddressSuppressed(address, reason, detail), channel, by=by, now=now)
    return True


def restore(session: Session, row: SuppressedAddress, why: str, *, by: Actor, now: datetime) -> None:
    """Take an address off the list. Conflict if it is off already; Invalid without a reason."""
    why = clean_text(why, "why", at_most=300)
    customers = _lock_holders(session, row.channel, row.spelt)
    session.refresh(row, with_for_update=True)
    if row.ended_at is not None:
        raise Conflict(f"{row.spelt} is not on the suppression list any more.")
    row.ended_at, row.ended_by, row.ended_why = now, by, why
    _tell(session, customers, AddressRestored(row.spelt, why), row.channel, by=by, now=now)


def holders(session: Session, channel: Channel, address: str) -> list[int]:
    """Customers of all portfolios who have this address on file, in id order."""
    spellings = {address.strip(), normalised(address)}
    here = col(Customer.mobile).in_(spellings)
    if channel is Channel.EMAIL:
        here = sa.func.lower(col(Customer.email)).in_({each.lower() for each in spellings})
    query = select(Customer.id).where(here).order_by(col(Customer.id))
    return [i for i in session.scalars(query) if i is not None]


def _lock_holders(session: Session, channel: Channel, address: str) -> list[int]:
    found = holders(session, channel, address)
    lock_customers(session, found)
    return found


def _tell(
    session: Session,
    customers: list[int],
    payload: Payload,
    channel: Channel,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Record it with every customer whose address it is, and with their open case."""
    query = sa.select(col(CollectionsCase.customer_id), col(CollectionsCase.id)).where(
        col(CollectionsCase.customer_id).in_(customers), col(CollectionsCase.status) == CaseStatus.OPEN
    )
    cases: dict[int, int] = {customer_id: case_id for customer_id, case_id in session.execute(query)}
    events = [
        about_customer(customer_id, payload, case_id=cases.get(customer_id), channel=channel)
        for customer_id in customers
    ]
    record_many(session, events, by=by, now=now)


# --- what providers refuse ---


def apply_refusal(session: Session, row: OutboxMessage, outcome: SendResult, *, now: datetime) -> None:
    """Suppress an address that does not exist, and record an opt-out that only the provider knew of. A second
    call changes nothing."""
    if not isinstance(outcome, Undeliverable) or row.destination not in TO_CUSTOMERS:
        return
    channel = Channel(row.destination.value)
    if outcome.no_such_address:
        detail = (row.error or outcome.reason)[:300]
        suppress(session, channel, row.address, Suppression.REFUSED, detail=detail, by=SYSTEM, now=now)
    if outcome.opted_out:
        _opt_out(session, channel, row, outcome.reason, now=now)


def _opt_out(session: Session, channel: Channel, row: OutboxMessage, reason: str, *, now: datetime) -> None:
    """Opt out every customer who has the address: the provider does not say which of them asked. A consent given after
    this message was handed over is newer than the provider's word."""
    whose = sorted({row.customer_id, *holders(session, channel, row.address)})
    lock_customers(session, whose)
    known = {
        consent.customer_id: consent
        for consent in session.scalars(
            select(Consent).where(Consent.customer_id.in_(whose), Consent.channel == channel)  # type: ignore[attr-defined]
        )
    }
    for customer_id in whose:
        said = known.get(customer_id)
        if said is not None and (not said.allowed or said.at > (row.attempted_at or row.sent_at or now)):
            continue
        customer = session.get_one(Customer, customer_id)
        case_id = row.case_id if customer_id == row.customer_id else None
        set_consent(
            session, customer, channel, allowed=False, source=f"told by the provider: {reason}"[:120],
            case_id=case_id, by=SYSTEM, now=now,
        )  # fmt: skip
