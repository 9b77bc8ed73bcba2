"""A third party as it was told, checked and brought into the form that is stored."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, datetime

from sqlmodel import Session

from app.book.customers.people import COUNTRIES, is_language, read_email, read_telephone, read_zone
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.documents.service import get_document
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind, check_authority, check_quiet
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.labels import DOCUMENT_LABELS, in_sentence
from app.core.text import clean_text
from app.core.types import JsonObject


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
    country: str = ""
    language: str = ""
    timezone: str = ""
    by_call: bool = True
    by_email: bool = True
    by_post: bool = True
    quiet_from: int | None = None
    quiet_until: int | None = None
    authority_from: date | None = None
    authority_until: date | None = None
    document_id: int | None = None
    note: str = ""


PARTY_FIELDS = tuple(each.name for each in fields(NewParty))


def vars_of(new: NewParty) -> JsonObject:
    return {name: getattr(new, name) for name in PARTY_FIELDS}


def checked_party(
    session: Session,
    case: CollectionsCase,
    new: NewParty,
    *,
    now: datetime,
    before: ThirdParty | None = None,
) -> NewParty:
    """The same as it is stored. `before`: what is on file; a day in the past that stood there already may stay."""
    customer = session.get_one(Customer, case.customer_id)
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    note = clean_text(new.note, "note", at_most=300, one_line=True, required=False)
    if before is not None and new.authority_until == before.authority_until:
        today = min(today, new.authority_until or today)
    check_authority(new.kind, new.may_be_told, new.authority_from, new.authority_until, note, today=today)
    check_quiet(new.quiet_from, new.quiet_until)
    if new.document_id is not None:
        _check_paper(session, case, new.document_id, before.document_id if before else None)
    country = _country(new.country)
    return replace(
        new,
        name=_line(new.name, "name", 200, "Write the name of the person or the firm."),
        organisation=_line(new.organisation, "organisation", 200),
        reference=_line(new.reference, "reference", 60),
        phone=_phone(new.phone, country or customer.country),
        email=_email(new.email),
        address=clean_text(new.address, "address", at_most=400, required=False),
        country=country,
        language=_language(new.language),
        timezone=_timezone(new.timezone),
        note=note,
    )


def spelled_field(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _check_paper(session: Session, case: CollectionsCase, document_id: int, on_file: int | None) -> None:
    """Refuse a paper that gives no authority; one that was chosen before documents of that kind were told apart may
    stay."""
    document = get_document(session, case, document_id)
    if document.withdrawn_at:
        raise Invalid("This document was withdrawn. Choose another.", "document_id")
    if document.kind is not DocumentKind.AUTHORITY and document_id != on_file:
        label = in_sentence(DOCUMENT_LABELS[document.kind])
        raise Invalid(
            f"This document is on file as {label}. Put the paper on file as authority of a representative.",
            "document_id",
        )


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


def _country(text: str) -> str:
    code = text.strip().upper()
    if code and code not in COUNTRIES:
        raise Invalid(
            f"{code[:8]!r} is not an ISO 3166 country code such as US or NL.",
            "country",
        )
    return code


def _language(text: str) -> str:
    code = text.strip().lower()
    if code and not is_language(code):
        raise Invalid("Write the language as a code such as en or nl.", "language")
    return code


def _timezone(text: str) -> str:
    read = read_zone(text.strip())
    if read.value is None:
        raise Invalid(
            f"The time zone {read.word}. Write one such as Europe/London, or leave it empty.", "timezone"
        )
    return read.value
