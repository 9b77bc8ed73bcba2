"""The inbox of managers: waiting requests, waivers and redress of complaints in one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer, Entry, Waiver
from app.book.ledger.rules import WaiverStatus
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalKind, ApprovalStatus
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint, ComplaintRedress
from app.casework.complaints.rules import RedressStatus
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.core.ids import id_of

MOST = 200


@dataclass(frozen=True, slots=True)
class WaiverAsked:
    """A waiver with the account and the charge that it is about."""

    waiver: Waiver
    account: Account
    entry: Entry


@dataclass(frozen=True, slots=True)
class RedressAsked:
    """Redress with the complaint and the account that it is about."""

    redress: ComplaintRedress
    complaint: Complaint
    account: Account


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A line of the inbox: one of `request`, `waiver` and `redress` is set."""

    key: str
    kind: str
    customer_name: str
    portfolio: Portfolio
    case_id: int | None
    amount_minor: int
    asked_by: str
    asked_at: datetime
    request: ApprovalRequest | None = None
    waiver: WaiverAsked | None = None
    redress: RedressAsked | None = None


def waiting_items(session: Session, asked_by: Actor | None = None) -> list[InboxItem]:
    """What waits for a decision, the oldest first; `asked_by`: only what this person asked for."""
    found = [*_requests(session, asked_by), *_waivers(session, asked_by), *_redress(session, asked_by)]
    return sorted(found, key=lambda item: (item.asked_at, item.key))[:MOST]


def answered_requests(session: Session, asked_by: Actor, *, since: datetime) -> Sequence[ApprovalRequest]:
    """This person's requests that were decided lately, the latest first."""
    query = select(ApprovalRequest).where(
        ApprovalRequest.asked_by == asked_by,
        ApprovalRequest.status != ApprovalStatus.REQUESTED,
        col(ApprovalRequest.asked_at) >= since,
    )
    return session.scalars(query.order_by(col(ApprovalRequest.id).desc()).limit(50)).all()


def waiting_decisions(session: Session, customer_id: int) -> dict[int, ApprovalRequest]:
    """Requests for decisions of this customer's disputes that wait for a manager, by dispute."""
    cases = sa.select(col(CollectionsCase.id)).where(col(CollectionsCase.customer_id) == customer_id)
    query = select(ApprovalRequest).where(
        col(ApprovalRequest.case_id).in_(cases),
        ApprovalRequest.kind == ApprovalKind.DISPUTE,
        ApprovalRequest.status == ApprovalStatus.REQUESTED,
    )
    return {each.dispute_id: each for each in session.scalars(query) if each.dispute_id is not None}


def disputes_asked_about(session: Session, dispute_ids: Sequence[int]) -> set[int]:
    """Those of the disputes about which a request waits for a manager."""
    row = table_of(ApprovalRequest)
    query = sa.select(row.c.dispute_id).where(
        among(session, row.c.dispute_id, dispute_ids), row.c.status == ApprovalStatus.REQUESTED
    )
    return set(session.connection().execute(query).scalars()) if dispute_ids else set()


def get_request(session: Session, request_id: int, *, lock: bool = False) -> ApprovalRequest:
    """The request; with `lock`, as it is once no other transaction is changing it. NotFound where there is none."""
    found = (
        locked_row(session, ApprovalRequest, request_id) if lock else session.get(ApprovalRequest, request_id)
    )
    if found is None:
        raise NotFound(f"There is no request {request_id}. Choose one from the list.")
    return found


def _requests(session: Session, asked_by: Actor | None) -> list[InboxItem]:
    query = (
        sa.select(ApprovalRequest, col(Customer.full_name), Portfolio)
        .join(Customer, col(Customer.id) == ApprovalRequest.customer_id)
        .join(Portfolio, col(Portfolio.id) == ApprovalRequest.portfolio_id)
        .where(col(ApprovalRequest.status) == ApprovalStatus.REQUESTED)
        .order_by(col(ApprovalRequest.asked_at))
        .limit(MOST)
    )
    if asked_by is not None:
        query = query.where(col(ApprovalRequest.asked_by) == asked_by)
    return [
        InboxItem(
            row.key, row.kind.value, name, portfolio, row.case_id, row.amount_minor, row.asked_by, row.asked_at,
            request=row,
        )
        for row, name, portfolio in session.execute(query)
    ]  # fmt: skip


def _waivers(session: Session, asked_by: Actor | None) -> list[InboxItem]:
    case = table_of(CollectionsCase)
    latest = (
        sa.select(sa.func.max(case.c.id)).where(case.c.customer_id == Account.customer_id).correlate(Account)
    ).scalar_subquery()
    query = (
        sa.select(Waiver, Account, Entry, col(Customer.full_name), Portfolio, latest)
        .join(Account, col(Account.id) == Waiver.account_id)
        .join(Entry, col(Entry.id) == Waiver.entry_id)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .join(Portfolio, col(Portfolio.id) == Waiver.portfolio_id)
        .where(col(Waiver.status) == WaiverStatus.REQUESTED)
        .order_by(col(Waiver.requested_at))
        .limit(MOST)
    )
    if asked_by is not None:
        query = query.where(col(Waiver.requested_by) == asked_by)
    return [
        InboxItem(
            f"waiver-{id_of(waiver)}", "waiver", name, portfolio, case_id, waiver.amount_minor,
            waiver.requested_by, waiver.requested_at, waiver=WaiverAsked(waiver, account, entry),
        )
        for waiver, account, entry, name, portfolio, case_id in session.execute(query)
    ]  # fmt: skip


def _redress(session: Session, asked_by: Actor | None) -> list[InboxItem]:
    query = (
        sa.select(ComplaintRedress, Complaint, Account, col(Customer.full_name), Portfolio)
        .join(Complaint, col(Complaint.id) == ComplaintRedress.complaint_id)
        .join(Account, col(Account.id) == ComplaintRedress.account_id)
        .join(Customer, col(Customer.id) == Complaint.customer_id)
        .join(Portfolio, col(Portfolio.id) == ComplaintRedress.portfolio_id)
        .where(col(ComplaintRedress.status) == RedressStatus.REQUESTED)
        .order_by(col(ComplaintRedress.requested_at))
        .limit(MOST)
    )
    if asked_by is not None:
        query = query.where(col(ComplaintRedress.requested_by) == asked_by)
    return [
        InboxItem(
            f"redress-{id_of(redress)}", "redress", name, portfolio, complaint.case_id, redress.amount_minor,
            redress.requested_by, redress.requested_at, redress=RedressAsked(redress, complaint, account),
        )
        for redress, complaint, account, name, portfolio in session.execute(query)
    ]  # fmt: skip
