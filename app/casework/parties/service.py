"""Verbs of third parties: row and event in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.customers.people import read_email, read_telephone
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.documents.service import get_document
from app.casework.parties.events import ThirdPartyAdded, ThirdPartyContacted, ThirdPartyEnded
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind, check_authority
from app.core.actor import Actor
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_reason, clean_text
from app.core.timeline.service import record
from app.core.vocabulary import Channel


@dataclass(frozen=True, slots=True)
class NewParty:
    """A third party as it was told."""

    kind: PartyKind
    name: str
    may_be_told: MayBeTold = MayBeTold.NOTHING
    organisation: str = ""
    reference: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    authority_from: date | None = None
    authority_until: date | None = None
    document_id: int | None = None
    note: str = ""


def start_party(
    session: Session, case: CollectionsCase, new: NewParty, *, by: Actor, now: datetime
) -> ThirdParty:
    """Put a third party on file. Invalid names the wrong field. The caller holds the customer's lock."""
    customer = session.get_one(Customer, case.customer_id)
    note = clean_text(new.note, "note", at_most=300, one_line=True, required=False)
    check_authority(new.kind, new.may_be_told, new.authority_from, new.authority_until, note)
    if new.document_id is not None and get_document(session, case, new.document_id).withdrawn_at:
        raise Invalid("This document was withdrawn. Choose another.", "document_id")
    party = ThirdParty(
        customer_id=case.customer_id,
        kind=new.kind,
        name=_line(new.name, "name", 200, "Write the name of the person or the firm."),
        organisation=_line(new.organisation, "organisation", 200),
        reference=_line(new.reference, "reference", 60),
        phone=_phone(new.phone, customer.country),
        email=_email(new.email),
        address=clean_text(new.address, "address", at_most=400, required=False),
        may_be_told=new.may_be_told,
        authority_from=new.authority_from,
        authority_until=new.authority_until,
        document_id=new.document_id,
        note=note,
        created_at=now,
        by=by,
    )
    session.add(party)
    session.flush()
    told = ThirdPartyAdded(
        id_of(party), party.kind, party.full_name, party.may_be_told, party.authority_from,
        party.authority_until, party.document_id, note,
    )  # fmt: skip
    record(session, about_case(case, told), by=by, now=now)
    return party


def close_party(
    session: Session, case: CollectionsCase, party: ThirdParty, reason: str, *, by: Actor, now: datetime
) -> None:
    """Take a third party off: they may be told nothing from now on. Conflict where it has ended."""
    reason = clean_reason(reason)
    if party.ended_at is not None:
        raise Conflict(f"{party.full_name} was taken off file before.")
    party.ended_at, party.ended_by, party.end_reason = now, by, reason
    ended = ThirdPartyEnded(id_of(party), party.kind, party.full_name, reason)
    record(session, about_case(case, ended), by=by, now=now)


def record_contact(
    session: Session,
    case: CollectionsCase,
    party: ThirdParty,
    channel: Channel,
    note: str,
    *,
    inbound: bool,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Record a call, message or letter with a third party. Invalid without a note."""
    note = clean_text(note, "note", empty="Say what was said, or that nobody answered.")
    event = ThirdPartyContacted(
        id_of(party), party.kind, party.full_name, channel, inbound, party.knows_on(today), note
    )
    record(session, about_case(case, event, channel=channel), by=by, now=now)


def _line(text: str, field: str, at_most: int, empty: str = "") -> str:
    return clean_text(text, field, at_most=at_most, one_line=True, required=bool(empty), empty=empty)


def _phone(text: str, country: str) -> str:
    read = read_telephone(text.strip(), country)
    if read.value is None:
        raise Invalid(f"The number {read.word}. Write it with its country code, or leave it empty.", "phone")
    return read.value


def _email(text: str) -> str:
    read = read_email(text.strip())
    if read.value is None:
        raise Invalid(f"The e-mail address {read.word}. Leave it empty if there is none.", "email")
    return read.value
