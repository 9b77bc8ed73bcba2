"""Write to who stands in for the customer, and to the estate. Pages and the API call these."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.queries import get_party
from app.core.actor import Actor
from app.core.clock import local_date
from app.outreach.outbox.models import PartyLetter
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.statements import enquire_of_estate, write_statement


def write_to_party(
    session: Session,
    case: CollectionsCase,
    party_id: int,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> PartyLetter:
    """Queue the letter to who stands in for the customer: the executor, the attorney, or another who acts for them. The
    row says what became of it. Conflict where it was written today already."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    party = get_party(session, case.customer_id, party_id)
    on = local_date(now, portfolio.timezone)
    return write_statement(session, portfolio, case, party, letters, on=on, by=by, now=now)


def ask_the_estate(
    session: Session, case: CollectionsCase, letters: LetterCatalog, *, by: Actor, now: datetime
) -> PartyLetter:
    """Queue the letter to the last address of a customer who died that asks who administers the estate, once."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    on = local_date(now, portfolio.timezone)
    return enquire_of_estate(session, portfolio, case, letters, on=on, by=by, now=now)
