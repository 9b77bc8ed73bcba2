"""Advisers, whom they act for, and what they sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import UnmatchedStatus
from app.casework.advisers.models import (
    Adviser,
    AdviserClient,
    AdviserFile,
    AdviserProposal,
    AdviserReject,
    LumpPart,
    LumpPayment,
)
from app.casework.advisers.rules import PartStatus, ProposalStatus
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.parties.models import ThirdParty
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of

SAME_MONEY_DAYS = 5
"""Days between what a person writes down and what the bank books of one payment."""


def advisers(session: Session) -> Sequence[Adviser]:
    """Every adviser, those that are worked with first."""
    ended = col(Adviser.ended_at).is_not(None)
    return session.scalars(select(Adviser).order_by(ended, col(Adviser.name))).all()


def get_adviser(session: Session, code: str) -> Adviser:
    """The adviser of a code. NotFound for another."""
    found = session.scalars(select(Adviser).where(Adviser.code == code)).first()
    if found is None:
        raise NotFound(f"There is no adviser {code[:20]!r}.")
    return found


def party_for(session: Session, adviser: Adviser, customer_id: int, today: date) -> ThirdParty | None:
    """The authority with which an adviser acts for a customer on a day; None = it has none."""
    query = (
        select(ThirdParty)
        .join(AdviserClient, col(AdviserClient.party_id) == ThirdParty.id)
        .where(AdviserClient.adviser_id == adviser.id, AdviserClient.customer_id == customer_id)
    )
    found = session.scalars(query.order_by(col(ThirdParty.id).desc())).all()
    return next((party for party in found if party.knows_on(today)), None)


def is_client(session: Session, adviser_id: int, customer_id: int) -> bool:
    """Whether an adviser acts or acted for a customer."""
    query = select(AdviserClient.party_id).where(
        AdviserClient.adviser_id == adviser_id, AdviserClient.customer_id == customer_id
    )
    return session.scalars(query.limit(1)).first() is not None


def addresses_of(session: Session, adviser: Adviser) -> list[str]:
    """The e-mail and postal addresses of an adviser: its own, then those on the files of its customers."""
    query = (
        select(ThirdParty.email, ThirdParty.address)
        .join(AdviserClient, col(AdviserClient.party_id) == ThirdParty.id)
        .where(AdviserClient.adviser_id == adviser.id, col(ThirdParty.ended_at).is_(None))
        .distinct()
        .order_by(ThirdParty.email, ThirdParty.address)
    )
    on_files = [address for row in session.execute(query) for address in row]
    return list(dict.fromkeys(filter(None, [adviser.email, adviser.address, *on_files])))


@dataclass(frozen=True, slots=True)
class Client:
    """A customer for whom an adviser stands on file."""

    case: CollectionsCase | None
    party: ThirdParty
    customer_id: int
    reference: str
    full_name: str = ""
    """Of the customer; '' = not asked for."""


def clients_of(session: Session, adviser: Adviser, limit: int = 200) -> list[Client]:
    """The customers of an adviser, the latest first, with their newest case."""
    newest = (
        sa.select(sa.func.max(table_of(CollectionsCase).c.id))
        .where(table_of(CollectionsCase).c.customer_id == col(AdviserClient.customer_id))
        .correlate(AdviserClient)
        .scalar_subquery()
    )
    query = (
        sa.select(AdviserClient, ThirdParty, CollectionsCase, col(Customer.full_name))
        .join(ThirdParty, col(ThirdParty.id) == AdviserClient.party_id)
        .join(Customer, col(Customer.id) == AdviserClient.customer_id)
        .outerjoin(CollectionsCase, col(CollectionsCase.id) == newest)
        .where(col(AdviserClient.adviser_id) == adviser.id)
        .order_by(col(AdviserClient.party_id).desc())
        .limit(limit)
    )
    return [
        Client(case, party, client.customer_id, client.reference, name)
        for client, party, case, name in session.execute(query)
    ]


def case_of(session: Session, portfolio_id: int, reference: str) -> CollectionsCase | None:
    """The open case that a case or account reference names; the newest where none is open."""
    case = select(CollectionsCase).where(CollectionsCase.portfolio_id == portfolio_id)
    number = reference.removeprefix("C-")
    if reference.startswith("C-") and number.isascii() and number.isdigit() and len(number) < 16:
        return session.scalars(case.where(CollectionsCase.id == int(number))).first()
    holder = select(Account.customer_id).where(
        Account.portfolio_id == portfolio_id, Account.reference == reference
    )
    theirs = case.where(col(CollectionsCase.customer_id).in_(holder))
    is_closed = col(CollectionsCase.status) != CaseStatus.OPEN
    return session.scalars(theirs.order_by(is_closed, col(CollectionsCase.id).desc())).first()


# --- files ----------------------------------------------------------------------------------------------------


def files_of(session: Session, adviser: Adviser) -> Sequence[AdviserFile]:
    query = select(AdviserFile).where(AdviserFile.adviser_id == adviser.id)
    return session.scalars(query.order_by(col(AdviserFile.id).desc()).limit(50)).all()


def get_file(session: Session, adviser: Adviser, file_id: int) -> AdviserFile:
    found = session.get(AdviserFile, file_id)
    if found is None or found.adviser_id != adviser.id:
        raise NotFound(f"{adviser.name} has no file {file_id}. Choose one of its files.")
    return found


def rejects_of(session: Session, file: AdviserFile) -> Sequence[AdviserReject]:
    query = select(AdviserReject).where(AdviserReject.file_id == file.id)
    return session.scalars(query.order_by(col(AdviserReject.n))).all()


def proposals_of(session: Session, file: AdviserFile) -> Sequence[AdviserProposal]:
    query = select(AdviserProposal).where(AdviserProposal.file_id == file.id)
    return session.scalars(query.order_by(col(AdviserProposal.line))).all()


def get_proposal(
    session: Session, adviser: Adviser, proposal_id: int, *, lock: bool = False
) -> AdviserProposal:
    found = (
        locked_row(session, AdviserProposal, proposal_id)
        if lock
        else session.get(AdviserProposal, proposal_id)
    )
    if found is None or found.adviser_id != adviser.id:
        raise NotFound(f"{adviser.name} has no proposal {proposal_id}. Choose one of its proposals.")
    return found


def progress_of(session: Session, file: AdviserFile) -> dict[ProposalStatus, int]:
    """The number of proposals of a file by status."""
    query = (
        sa.select(col(AdviserProposal.status), sa.func.count())
        .where(col(AdviserProposal.file_id) == file.id)
        .group_by(col(AdviserProposal.status))
    )
    found = dict.fromkeys(ProposalStatus, 0)
    found.update({status: count for status, count in session.execute(query)})
    return found


# --- lump payments --------------------------------------------------------------------------------------------


def lumps_of(session: Session, adviser: Adviser) -> Sequence[LumpPayment]:
    query = select(LumpPayment).where(LumpPayment.adviser_id == adviser.id)
    return session.scalars(query.order_by(col(LumpPayment.id).desc()).limit(50)).all()


def get_lump(session: Session, adviser: Adviser, lump_id: int, *, lock: bool = False) -> LumpPayment:
    found = locked_row(session, LumpPayment, lump_id) if lock else session.get(LumpPayment, lump_id)
    if found is None or found.adviser_id != adviser.id:
        raise NotFound(f"{adviser.name} has no lump payment {lump_id}. Choose one of its payments.")
    return found


def seen_before(session: Session, lump: LumpPayment) -> LumpPayment | UnmatchedPayment | None:
    """Money of the same amount within a few days that may be this lump payment under another reference: a payment of
    the same adviser that was split, or, for one recorded by hand, a credit of the bank that waits or was posted whole.
    Two credits of the bank are two payments, and a part of a lump payment is not the whole of another."""
    days = timedelta(days=SAME_MONEY_DAYS)
    near = (lump.paid_on - days, lump.paid_on + days)
    split = select(LumpPayment).where(
        LumpPayment.portfolio_id == lump.portfolio_id,
        LumpPayment.adviser_id == lump.adviser_id,
        LumpPayment.amount_minor == lump.amount_minor,
        col(LumpPayment.paid_on).between(*near),
        col(LumpPayment.reversed_at).is_(None),
    )
    if lump.unmatched_id is not None:
        its_own = sa.exists().where(
            col(LumpPart.lump_id) == LumpPayment.id, col(LumpPart.unmatched_id) == lump.unmatched_id
        )
        split = split.where(col(LumpPayment.unmatched_id).is_(None), ~its_own)
    found = session.scalars(split.order_by(col(LumpPayment.id)).limit(1)).first()
    if found is not None or lump.unmatched_id is not None:
        return found
    credits = select(UnmatchedPayment).where(
        UnmatchedPayment.portfolio_id == lump.portfolio_id,
        UnmatchedPayment.amount_minor == lump.amount_minor,
        col(UnmatchedPayment.paid_on).between(*near),
        col(UnmatchedPayment.status).in_((UnmatchedStatus.WAITING, UnmatchedStatus.MATCHED)),
        ~sa.exists().where(col(LumpPart.unmatched_id) == UnmatchedPayment.id),
    )
    return session.scalars(credits.order_by(col(UnmatchedPayment.id)).limit(1)).first()


def parts_of(session: Session, lump: LumpPayment) -> Sequence[LumpPart]:
    query = select(LumpPart).where(LumpPart.lump_id == id_of(lump))
    return session.scalars(query.order_by(col(LumpPart.n))).all()


def sums_of(session: Session, lump: LumpPayment) -> dict[PartStatus, int]:
    """Minor units of a lump payment by what became of its parts."""
    query = (
        sa.select(col(LumpPart.status), sa.func.sum(col(LumpPart.amount_minor)))
        .where(col(LumpPart.lump_id) == lump.id)
        .group_by(col(LumpPart.status))
    )
    found = dict.fromkeys(PartStatus, 0)
    found.update({status: int(total) for status, total in session.execute(query)})
    return found
