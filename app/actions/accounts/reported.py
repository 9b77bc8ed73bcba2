"""Decide about another holder or status that a creditor's file reports.

Above plans, because an account does not change hands while a promise or plan of its holder runs.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from app.book.feeds.events import ReportDecided
from app.book.ledger.ends.status import change_status
from app.book.ledger.events import AccountHolderChanged
from app.book.ledger.models import Account, Customer, ReportedChange
from app.book.ledger.rules import AccountStatus, ReportedStatus, ReportedWhat
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, NotFound
from app.core.text import clean_text
from app.core.timeline.service import (
    about_customer,
    lock_customers,
    record,
    record_many,
)


def decide_report(
    session: Session, change: ReportedChange, *, accept: bool, reason: str, by: Actor, now: datetime
) -> None:
    """Take over what the file said, or refuse it: then the file may say it again and again and changes nothing.
    Conflict where it was decided before, or why it cannot be taken over."""
    reason = clean_text(reason, "reason", at_most=200)
    account = session.get_one(Account, change.account_id)
    heir = _holder_named(session, change) if change.what is ReportedWhat.HOLDER and accept else None
    lock_customers(session, {account.customer_id, *([heir.id] if heir and heir.id else [])})
    session.refresh(change, with_for_update=True)
    session.refresh(account)
    if change.status is not ReportedStatus.WAITING:
        raise Conflict(f"This was decided before: {change.status.value}.")
    before = account.customer_id
    change.status = ReportedStatus.ACCEPTED if accept else ReportedStatus.REFUSED
    change.decided_by, change.decided_at, change.reason = by, now, reason
    decided = ReportDecided(change.what, change.was, change.value, accept, reason)
    record(session, about_customer(before, decided, account_id=account.id), by=by, now=now)
    if heir is not None:
        _hand_over(session, account, heir, reason, by=by, now=now)
    elif accept:
        portfolio = session.get_one(Portfolio, account.portfolio_id)
        today = local_date(now, portfolio.timezone)
        change_status(session, account, AccountStatus(change.value), today, reason, by=by, now=now)
    session.flush()


def get_report(session: Session, change_id: int, portfolio_id: int | None = None) -> ReportedChange:
    change = session.get(ReportedChange, change_id)
    if change is None or portfolio_id not in (None, change.portfolio_id):
        raise NotFound(f"There is no reported change {change_id}.")
    return change


def waiting_reports(
    session: Session, portfolio_id: int | None = None, *, limit: int | None = None
) -> list[tuple[ReportedChange, Account]]:
    """Reported changes that wait, the oldest first, with their accounts."""
    query = select(ReportedChange, Account).join(Account, col(Account.id) == ReportedChange.account_id)
    query = query.where(ReportedChange.status == ReportedStatus.WAITING).order_by(col(ReportedChange.id))
    if portfolio_id is not None:
        query = query.where(ReportedChange.portfolio_id == portfolio_id)
    if limit is not None:
        query = query.limit(limit)
    return [(change, account) for change, account in session.execute(query)]


def count_waiting(session: Session) -> int:
    """Number of reported changes that wait, in all portfolios."""
    waiting = ReportedChange.status == ReportedStatus.WAITING
    return session.scalar(select(func.count()).select_from(ReportedChange).where(waiting)) or 0


def _holder_named(session: Session, change: ReportedChange) -> Customer:
    found = session.scalar(
        select(Customer).where(
            Customer.portfolio_id == change.portfolio_id, Customer.reference == change.value
        )
    )
    if found is None:
        raise Conflict(f"Customer {change.value} is not in this portfolio any more.")
    return found


def _hand_over(
    session: Session, account: Account, heir: Customer, reason: str, *, by: Actor, now: datetime
) -> None:
    """Another customer holds the account from now on. Words said and messages sent stay with the person who got
    them."""
    live = select(Plan.id).where(Plan.customer_id == account.customer_id, col(Plan.status).in_(LIVE))
    if session.scalar(live.limit(1)):
        raise Conflict("The present holder has a promise or plan that runs. Cancel it first.")
    before = session.get_one(Customer, account.customer_id)
    assert before.id is not None
    assert heir.id is not None
    account.customer_id = heir.id
    session.flush()
    changed = AccountHolderChanged(account.reference, before.reference, heir.reference, reason)
    events = [about_customer(who, changed, account_id=account.id) for who in (before.id, heir.id)]
    record_many(session, events, by=by, now=now)
