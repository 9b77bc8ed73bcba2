"""Letters to representatives once more: those whose wait is over, and those that did not leave or could not arrive."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import PartyLetterStatus
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.representatives.facts import WITHIN
from app.outreach.planning.representatives.queueing import PartyWriting
from app.outreach.planning.representatives.statements import CaseLetter
from app.outreach.planning.representatives.writing import AdviserLetter
from app.policy.answers import Answer, Clearance


def letters_to_ask_about(session: Session, portfolio: Portfolio, now: datetime) -> list[int]:
    """Ids of the letters to representatives that may leave within a day by what the gate said last."""
    letter, case = table_of(PartyLetter), table_of(CollectionsCase)
    query = (
        sa.select(letter.c.id)
        .join(case, case.c.id == letter.c.case_id)
        .where(
            letter.c.until.is_not(None),
            letter.c.until < now + WITHIN,
            case.c.portfolio_id == id_of(portfolio),
        )
        .order_by(letter.c.id)
    )
    return list(session.scalars(query))


def ask_again(
    session: Session,
    portfolio: Portfolio,
    letter_id: int,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Ask the gate again about a letter whose wait is over, with everything as it is now. None where it is not written,
    or does not wait any more."""
    seen = session.get_one(PartyLetter, letter_id)
    lock_customers(session, [session.get_one(CollectionsCase, seen.case_id).customer_id])
    row = locked_row(session, PartyLetter, letter_id)
    if row is None or row.status is not PartyLetterStatus.WAITS:
        return None
    return _writing_of(session, portfolio, row, catalog, on, by, now).decide()


def write_again(
    session: Session,
    portfolio: Portfolio,
    message: OutboxMessage,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> bool:
    """Write a letter again that did not leave or could not arrive: to their new address or with the figures of now,
    where these have changed, otherwise by the other channel. True if it was queued; the timeline says why not. The
    caller holds the customer's lock."""
    letter = session.get_one(PartyLetter, message.party_letter_id)
    again = _writing_of(session, portfolio, letter, catalog, on, by, now)
    return isinstance(again.decide(), Clearance)


def _writing_of(
    session: Session,
    portfolio: Portfolio,
    row: PartyLetter,
    catalog: LetterCatalog,
    on: date,
    by: Actor,
    now: datetime,
) -> PartyWriting:
    party = session.get_one(ThirdParty, row.party_id) if row.party_id is not None else None
    if row.plan_id is None or party is None:
        return CaseLetter(session, portfolio, row, catalog, on, by, now, party)
    plan = session.get_one(Plan, row.plan_id)
    session.refresh(plan)
    return AdviserLetter(session, portfolio, row, catalog, on, by, now, party, plan)
