"""Delete what advisers sent once the record of the customers that it is about need not be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import UnmatchedStatus
from app.casework.advisers.models import (
    AdviserClient,
    AdviserFile,
    AdviserProposal,
    AdviserReject,
    LumpPart,
    LumpPayment,
)
from app.casework.parties.models import ThirdParty
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.timeline.models import Event

FILE, REJECT, PROPOSAL = table_of(AdviserFile), table_of(AdviserReject), table_of(AdviserProposal)
LUMP, PART, EVENT = table_of(LumpPayment), table_of(LumpPart), table_of(Event)
CLIENT = table_of(AdviserClient)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows that were deleted."""

    files: int
    proposals: int
    lumps: int
    clients: int

    @property
    def total(self) -> int:
        return self.files + self.proposals + self.lumps + self.clients


def forget_sent(session: Session, portfolio_id: int, since: datetime) -> Forgotten:
    """Delete what is older than `since`: proposals of customers to whom nothing has happened since, and that an adviser
    acted for them; faults of lines, files without a proposal left, and lump payments of whose customers that is true of
    all and no part waits any more. Plans and payments stay."""
    proposals = _ids(session, _old_proposals(portfolio_id, since))
    for some in chunked(proposals, 5000):
        session.execute(sa.delete(PROPOSAL).where(PROPOSAL.c.id.in_(some)))
    old = sa.select(FILE.c.id).where(FILE.c.portfolio_id == portfolio_id, FILE.c.loaded_at < since)
    session.execute(sa.delete(REJECT).where(REJECT.c.file_id.in_(old)))
    files = _ids(session, old.where(~sa.exists().where(PROPOSAL.c.file_id == FILE.c.id)))
    for some in chunked(files, 5000):
        session.execute(sa.delete(FILE).where(FILE.c.id.in_(some)))
    lumps = _ids(session, _old_lumps(portfolio_id, since))
    for some in chunked(lumps, 5000):
        session.execute(sa.delete(PART).where(PART.c.lump_id.in_(some)))
        session.execute(sa.delete(LUMP).where(LUMP.c.id.in_(some)))
    clients = _ids(session, _old_clients(portfolio_id, since))
    for some in chunked(clients, 5000):
        session.execute(sa.delete(CLIENT).where(CLIENT.c.party_id.in_(some)))
    return Forgotten(len(files), len(proposals), len(lumps), len(clients))


def _old_clients(portfolio_id: int, since: datetime) -> Query:
    """By the third party as which the adviser stood on file: it goes with the others once nothing needs it."""
    party, customer = table_of(ThirdParty), table_of(Customer)
    lately = sa.exists().where(EVENT.c.customer_id == CLIENT.c.customer_id, EVENT.c.at >= since)
    return (
        sa.select(CLIENT.c.party_id)
        .join(party, party.c.id == CLIENT.c.party_id)
        .join(customer, customer.c.id == CLIENT.c.customer_id)
        .where(customer.c.portfolio_id == portfolio_id, party.c.ended_at < since, ~lately)
    )


def _old_proposals(portfolio_id: int, since: datetime) -> Query:
    lately = sa.exists().where(EVENT.c.customer_id == PROPOSAL.c.customer_id, EVENT.c.at >= since)
    return (
        sa.select(PROPOSAL.c.id)
        .join(FILE, FILE.c.id == PROPOSAL.c.file_id)
        .where(PROPOSAL.c.portfolio_id == portfolio_id, FILE.c.loaded_at < since, ~lately)
    )


def _old_lumps(portfolio_id: int, since: datetime) -> Query:
    account, unmatched = table_of(Account), table_of(UnmatchedPayment)
    lately = (
        sa.exists()
        .where(PART.c.lump_id == LUMP.c.id, account.c.id == PART.c.account_id)
        .where(EVENT.c.customer_id == account.c.customer_id, EVENT.c.at >= since)
    )
    waits = sa.exists().where(
        PART.c.lump_id == LUMP.c.id,
        unmatched.c.id == PART.c.unmatched_id,
        unmatched.c.status == UnmatchedStatus.WAITING,
    )
    return sa.select(LUMP.c.id).where(
        LUMP.c.portfolio_id == portfolio_id,
        LUMP.c.posted_at < since,
        sa.or_(LUMP.c.reversed_at.is_(None), LUMP.c.reversed_at < since),
        ~lately,
        ~waits,
    )


def _ids(session: Session, query: Query) -> Sequence[int]:
    return session.connection().execute(query).scalars().all()
