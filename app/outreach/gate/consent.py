"""Consent and opt-out of a channel, as the customer last stated it. A consent holds for the number or address it was
given for; an opt-out is the person's, whatever their number is."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.bulk import among, chunked, upsert
from app.core.database.engine import table_of
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.settings import get_settings
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record
from app.core.vocabulary import Channel
from app.outreach.gate.events import ConsentChanged
from app.outreach.gate.models import Consent

CHUNK = 5000
NO_ADDRESS = "none"
"""A consent that was given while no number or address was on file is for this: no fingerprint."""


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What a consent says beside yes."""

    given_by: str = ""
    """Who gave it for the customer; '' = the customer."""
    until: date | None = None
    """The last day on which it holds; None = until it is withdrawn."""
    electronic_notices: bool = False
    """Notices that the law wants in writing may come by this channel instead of on paper (15 USC 7001(c))."""


PLAIN = ConsentTerms()


def _check(terms: ConsentTerms, channel: Channel, allowed: bool, today: date) -> None:
    if not allowed and terms != PLAIN:
        raise Invalid(
            "A refusal has no terms: it is the customer's and ends when they allow the channel.", "allowed"
        )
    if terms.until is not None and terms.until < today:
        raise Invalid("Give the last day on which it holds, today or later.", "until")
    if terms.electronic_notices and channel is not Channel.EMAIL:
        raise Invalid(
            "Notices that the law wants in writing come on paper or by e-mail.", "electronic_notices"
        )


def set_consent(
    session: Session,
    customer: Customer,
    channel: Channel,
    *,
    allowed: bool,
    source: str,
    terms: ConsentTerms = PLAIN,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Record that the customer allows a channel on these terms, or refuses it; the gate obeys from this moment. Invalid
    for terms of a refusal, an end that has passed, or notices by a channel that leaves no text to keep."""
    source = clean_text(source, "source", required=False, at_most=120)
    given_by = clean_text(terms.given_by, "given_by", required=False, at_most=120, one_line=True)
    _check(terms, channel, allowed, local_date(now, customer.timezone or "UTC"))
    customer_id, insert = id_of(customer), upsert(session, Consent)
    given_for = _given_for(customer, channel) if allowed else ""
    values = {
        "allowed": allowed, "source": source, "at": now, "given_for": given_for, "given_by": given_by,
        "until": terms.until, "electronic_notices": terms.electronic_notices,
    }  # fmt: skip
    session.execute(
        insert.values(customer_id=customer_id, channel=channel, **values).on_conflict_do_update(
            index_elements=["customer_id", "channel"], set_=values
        )
    )
    changed = ConsentChanged(allowed, source, given_by, terms.until, terms.electronic_notices)
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


def has_lapsed(
    given_for: str,
    until: date | None,
    customer: Addressee,
    channel: Channel,
    zones: Sequence[str],
    now: datetime,
) -> bool:
    """True if a consent does not hold: its last day is over somewhere where the customer may be, or it is for another
    number or address."""
    over = until is not None and any(local_date(now, zone) > until for zone in zones or ("UTC",))
    return over or is_for_another(given_for, customer, channel)


def lapsed(consent: Consent, customer: Customer, now: datetime) -> bool:
    """True if a consent on record does not hold now. A refusal always holds."""
    zones = [customer.timezone] if customer.timezone else []
    return consent.allowed and has_lapsed(
        consent.given_for, consent.until, customer, consent.channel, zones, now
    )


class Stated(NamedTuple):
    """What customers said of the channels, by customer. A consent that has lapsed is none."""

    allowed: dict[int, dict[Channel, bool]]
    opted_out_at: dict[int, dict[Channel, datetime]]
    electronic_notices: dict[int, frozenset[Channel]]


def stated_consents(
    session: Session,
    customers: Mapping[int, Addressee],
    zones: Mapping[int | None, Sequence[str]],
    now: datetime,
) -> Stated:
    """What each of these customers said of each channel. `zones`: where each may be."""
    consent = table_of(Consent)
    found = Stated({}, {}, {})
    for ids in chunked(list(customers), CHUNK):
        query = sa.select(
            consent.c.customer_id, consent.c.channel, consent.c.allowed, consent.c.at, consent.c.given_for,
            consent.c.until, consent.c.electronic_notices,
        ).where(among(session, consent.c.customer_id, ids))  # fmt: skip
        for i, channel, yes, at, given_for, until, notices in session.connection().execute(query):
            if yes and has_lapsed(given_for, until, customers[i], channel, zones[i], now):
                continue
            found.allowed.setdefault(i, {})[channel] = yes
            if not yes:
                found.opted_out_at.setdefault(i, {})[channel] = at
            elif notices:
                before = found.electronic_notices.get(i, frozenset())
                found.electronic_notices[i] = before | {channel}
    return found


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
