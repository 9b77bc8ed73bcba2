"""Consent and opt-out of a channel, as the customer last stated it. A consent holds for the number or address it was
given for; an opt-out is the person's, whatever their number is."""

from __future__ import annotations

import hmac
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.database.bulk import upsert
from app.core.ids import id_of
from app.core.settings import get_settings
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel
from app.outreach.gate.events import ConsentChanged
from app.outreach.gate.models import Consent

NO_ADDRESS = "none"
"""A consent that was given while no number or address was on file is for this: no fingerprint."""


def set_consent(
    session: Session,
    customer: Customer,
    channel: Channel,
    *,
    allowed: bool,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record that the customer allows or refuses a channel; the gate obeys from this moment."""
    source = clean_text(source, "source", required=False, at_most=120)
    customer_id, insert = id_of(customer), upsert(session, Consent)
    given_for = _given_for(customer, channel) if allowed else ""
    values = {"allowed": allowed, "source": source, "at": now, "given_for": given_for}
    session.execute(
        insert.values(customer_id=customer_id, channel=channel, **values).on_conflict_do_update(
            index_elements=["customer_id", "channel"], set_=values
        )
    )
    changed = ConsentChanged(allowed, source)
    event = about_customer(customer_id, changed, case_id=case_id, channel=channel)
    record(session, event, by=by, now=now)


class Addressee(Protocol):
    """The numbers and addresses of a customer that a consent can be given for."""

    @property
    def mobile(self) -> str: ...
    @property
    def email(self) -> str: ...


def fingerprint(customer: Addressee, channel: Channel) -> str:
    """Keyed hash of the number or address on file: it is known again, and whoever has the database without
    `DESK_SECRET_KEY` cannot find it by trying all numbers. '' where the customer has none, and for letters, whose
    address may be written in many ways."""
    address = {Channel.EMAIL: customer.email, Channel.POST: ""}.get(channel, customer.mobile)
    if not address:
        return ""
    key = _key(get_settings().secret_key.get_secret_value())
    return hmac.digest(key, address.lower().encode(), "sha256").hex()[:32]


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """The key of fingerprints, derived of the installation's secret for nothing else."""
    return hmac.digest(secret.encode(), b"arrears-desk consent", "sha256")


def _given_for(customer: Addressee, channel: Channel) -> str:
    """The number or address that a consent given now is for. Without one on file it is for none that comes later."""
    return "" if channel is Channel.POST else fingerprint(customer, channel) or NO_ADDRESS


def is_for_another(given_for: str, customer: Addressee, channel: Channel) -> bool:
    """True if a consent was given for a number or address that is not the customer's any more, or while none was on
    file (47 CFR 64.1200(a): the consent of the called party)."""
    return bool(given_for) and given_for != fingerprint(customer, channel)


def consent_of(session: Session, customer: Customer, channel: Channel) -> Consent | None:
    """The customer's last word on a channel; None = they never said anything about it."""
    query = select(Consent).where(Consent.customer_id == customer.id, Consent.channel == channel)
    return session.scalar(query)


def consents_of(session: Session, customer_id: int) -> list[Consent]:
    """The customer's consents, in the order of the channels; none for a channel about which they said nothing."""
    found = session.scalars(select(Consent).where(Consent.customer_id == customer_id))
    return sorted(found, key=lambda consent: list(Channel).index(consent.channel))


def opt_out_of_all(
    session: Session, customer: Customer, *, source: str, case_id: int | None = None, by: Actor, now: datetime
) -> None:
    """Opt the customer out of every channel: they want no contact at all, on whichever channel they said so."""
    for channel in Channel:
        set_consent(session, customer, channel, allowed=False, source=source, case_id=case_id, by=by, now=now)
