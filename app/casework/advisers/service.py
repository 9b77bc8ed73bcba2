"""Verbs of debt advisers: row and event in the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, select

from app.book.customers.people import read_email, read_telephone
from app.casework.advisers.events import (
    AdviserAdded,
    AdviserAddressClosed,
    AdviserAddressOpened,
    AdviserCorrected,
    AdviserEnded,
)
from app.casework.advisers.models import Adviser, AdviserClient
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason, clean_text
from app.core.timeline.service import NewEvent, lock_streams, record

STREAM = "advisers"
MOST_LINES = 5
"""Lines of a postal address; name and country are the other two that a window shows."""
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
    by_post: bool = False
    """It wants letters, not e-mail."""
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
    phone = read_telephone(new.phone.strip(), new.country)
    if phone.value is None:
        raise Invalid(f"The number {phone.word}. Write it with its country code, or leave it empty.", "phone")
    email, address = _ways(new.email, new.address, new.by_post)
    row = Adviser(
        code=code,
        name=clean_text(
            new.name, "name", at_most=200, one_line=True, empty="Write the name of the organisation."
        ),
        authorisation=clean_text(
            new.authorisation, "authorisation", at_most=120, one_line=True, required=False
        ),
        phone=phone.value,
        email=email,
        address=address,
        by_post=new.by_post,
        created_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    record(session, NewEvent(STREAM, AdviserAdded(id_of(row), row.code, row.name)), by=by, now=now)
    return row


@dataclass(frozen=True, slots=True)
class AdviserContact:
    """How an adviser is reached."""

    email: str
    address: str
    by_post: bool


def correct_contact(
    session: Session, adviser: Adviser, contact: AdviserContact, *, by: Actor, now: datetime
) -> int:
    """Correct how an adviser is reached, also on the file of each customer where its old e-mail or postal address
    stands. Returns on how many files. Invalid names the wrong field."""
    require_active(adviser)
    email, address = _ways(contact.email, contact.address, contact.by_post)
    changed: set[int] = set()
    for column, old, new in (("email", adviser.email, email), ("address", adviser.address, address)):
        if old != new:
            changed.update(_correct_on_files(session, adviser, column, old, new))
    adviser.email, adviser.address, adviser.by_post = email, address, contact.by_post
    event = AdviserCorrected(id_of(adviser), adviser.code, email, address, contact.by_post, len(changed))
    record(session, NewEvent(STREAM, event), by=by, now=now)
    return len(changed)


def _correct_on_files(session: Session, adviser: Adviser, column: str, old: str, new: str) -> Sequence[int]:
    """Replace one address on the files of the customers of an adviser; ids of their third parties. An address that was
    written there by hand stays."""
    party, client = table_of(ThirdParty), table_of(AdviserClient)
    theirs = sa.select(client.c.party_id).where(client.c.adviser_id == id_of(adviser))
    replaced = (
        sa.update(party)
        .where(party.c.id.in_(theirs), party.c.ended_at.is_(None), party.c[column] == old)
        .values({column: new})
    )
    return session.scalars(replaced.returning(party.c.id)).all()


def note_address(
    session: Session, adviser: Adviser, address: str, reason: str, *, is_open: bool, by: Actor, now: datetime
) -> None:
    """Put on record that an address of an adviser is used again, or no longer."""
    kind = AdviserAddressOpened if is_open else AdviserAddressClosed
    record(session, NewEvent(STREAM, kind(id_of(adviser), adviser.code, address, reason)), by=by, now=now)


def _ways(email: str, address: str, by_post: bool) -> tuple[str, str]:
    """E-mail and postal address as they are kept. Invalid names the wrong field."""
    read = read_email(email.strip())
    if read.value is None:
        raise Invalid(f"The e-mail address {read.word}. Leave it empty if there is none.", "email")
    address = clean_text(address, "address", at_most=400, required=False)
    if len(address.splitlines()) > MOST_LINES:
        raise Invalid(
            f"Write the address on at most {MOST_LINES} lines: it is printed in a window.", "address"
        )
    if by_post and not address:
        raise Invalid("Letters need a postal address.", "address")
    return read.value, address


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
