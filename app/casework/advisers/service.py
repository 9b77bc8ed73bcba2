"""Verbs of debt advisers: row and event in the caller's transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from app.book.customers.people import read_email, read_telephone
from app.casework.advisers.events import AdviserAdded, AdviserEnded
from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason, clean_text
from app.core.timeline.service import NewEvent, lock_streams, record

STREAM = "advisers"
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,19}")


@dataclass(frozen=True, slots=True)
class NewAdviser:
    """An adviser organisation as it was told."""

    code: str
    name: str
    authorisation: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    country: str = ""
    """ISO country, in which a telephone number without a country code is read."""


def store_adviser(session: Session, new: NewAdviser, *, by: Actor, now: datetime) -> Adviser:
    """Add an adviser. Invalid names the wrong field, Conflict where the code is in use."""
    code = new.code.strip().upper()
    if not _CODE.fullmatch(code):
        raise Invalid("A code has 2 to 20 capital letters, digits or hyphens.", "code")
    lock_streams(session, [STREAM])  # two people may choose one code at the same moment
    if session.scalars(select(Adviser).where(Adviser.code == code)).first() is not None:
        raise Conflict(f"There is an adviser {code} already.", "code")
    phone, email = read_telephone(new.phone.strip(), new.country), read_email(new.email.strip())
    if phone.value is None:
        raise Invalid(f"The number {phone.word}. Write it with its country code, or leave it empty.", "phone")
    if email.value is None:
        raise Invalid(f"The e-mail address {email.word}. Leave it empty if there is none.", "email")
    row = Adviser(
        code=code,
        name=clean_text(
            new.name, "name", at_most=200, one_line=True, empty="Write the name of the organisation."
        ),
        authorisation=clean_text(
            new.authorisation, "authorisation", at_most=120, one_line=True, required=False
        ),
        phone=phone.value,
        email=email.value,
        address=clean_text(new.address, "address", at_most=400, required=False),
        created_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    record(session, NewEvent(STREAM, AdviserAdded(id_of(row), row.code, row.name)), by=by, now=now)
    return row


def close_adviser(session: Session, adviser: Adviser, reason: str, *, by: Actor, now: datetime) -> None:
    """Take nothing from an adviser any more. The authorities on customers' files stay until they are ended there."""
    reason = clean_reason(reason)
    require_active(adviser)
    adviser.ended_at = now
    record(session, NewEvent(STREAM, AdviserEnded(id_of(adviser), adviser.code, reason)), by=by, now=now)


def require_active(adviser: Adviser) -> None:
    """Conflict where nothing is taken from an adviser any more."""
    if adviser.ended_at is not None:
        raise Conflict(f"{adviser.name} was ended on {adviser.ended_at.date().isoformat()}.")


def tie_client(session: Session, adviser: Adviser, party: ThirdParty, reference: str) -> AdviserClient:
    """Say that a third party of a customer is this adviser. The event is that of the third party."""
    client = AdviserClient(
        party_id=id_of(party), adviser_id=id_of(adviser), customer_id=party.customer_id, reference=reference
    )
    session.add(client)
    session.flush()
    return client
