"""What a provider's no says about an address: in its answer to the call, in a report, or on its list."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.core.actor import SYSTEM
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.gate.models import Consent
from app.outreach.gate.service import set_consent
from app.outreach.gate.suppression import holders, suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Outcome, Undeliverable
from app.policy.facts import Suppression


def apply_refusal(session: Session, row: OutboxMessage, outcome: Outcome, *, now: datetime) -> None:
    """Close an address that does not exist, and keep an opt-out that only the provider knew of. Asked twice, it changes
    nothing."""
    if not isinstance(outcome, Undeliverable):
        return
    channel = Channel(row.destination.value)
    if outcome.no_such_address:
        detail = (row.error or outcome.reason)[:300]
        suppress(session, channel, row.address, Suppression.REFUSED, detail=detail, by=SYSTEM, now=now)
    if outcome.opted_out:
        _opt_out(session, channel, row, outcome.reason, now=now)


def _opt_out(session: Session, channel: Channel, row: OutboxMessage, reason: str, *, now: datetime) -> None:
    """The channel ends for everybody who has the address: nobody knows which of them said so. A yes that they gave
    after this message was handed over is newer than what the provider tells."""
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
