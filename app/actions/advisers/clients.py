"""Add an adviser, and put it on the file of a customer with the authority that the customer gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.actions.people.parties import add_party
from app.book.portfolios.models import Portfolio
from app.casework.advisers import service
from app.casework.advisers.models import Adviser
from app.casework.advisers.queries import party_for
from app.casework.advisers.service import NewAdviser, tie_client
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict
from app.core.timeline.service import lock_customers
from app.outreach.planning.letterhead import LetterCatalog


def add_adviser(session: Session, new: NewAdviser, *, by: Actor, now: datetime) -> Adviser:
    """Add an adviser organisation. Invalid names the wrong field."""
    return service.store_adviser(session, new, by=by, now=now)


def end_adviser(session: Session, adviser: Adviser, reason: str, *, by: Actor, now: datetime) -> None:
    """Take no proposals and payments from an adviser any more."""
    service.close_adviser(session, adviser, reason, by=by, now=now)


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """The authority of an adviser for one customer."""

    begins: date
    ends: date | None = None
    reference: str = ""
    """The adviser's own number of the customer."""
    document_id: int | None = None


def add_client(
    session: Session,
    adviser: Adviser,
    case: CollectionsCase,
    authority: NewAuthority,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> ThirdParty:
    """Put an adviser on the file of a case's customer: while the authority stands, it is contacted instead of them.
    Conflict where it stands there already."""
    service.require_active(adviser)
    lock_customers(session, [case.customer_id])
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    if party_for(session, adviser, case.customer_id, today) is not None:
        raise Conflict(f"{adviser.name} acts for the customer of case {case.reference} already.")
    new = NewParty(
        PartyKind.ADVISER,
        adviser.name,
        MayBeTold.EVERYTHING,
        reference=authority.reference,
        phone=adviser.phone,
        email=adviser.email,
        address=adviser.address,
        authority_from=authority.begins,
        authority_until=authority.ends,
        document_id=authority.document_id,
    )
    party = add_party(session, case, new, letters, today=today, by=by, now=now).party
    tie_client(session, adviser, party, party.reference)
    return party
