"""Rates that the law caps while a hold stands, such as 6 % in military service (50 USC 3937)."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.charges.events import RateProtected, RateProtectionEnded
from app.book.charges.models import ProtectedRate
from app.book.charges.statements import late_fees_since
from app.book.delinquency.days import DAY
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account
from app.book.ledger.service import mark_changed, record_on_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.ids import id_of


def protect_rate(
    session: Session,
    account: Account,
    hold_id: int,
    apr_millionths: int,
    from_on: date,
    to_on: date,
    citation: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Let the account bear at most this rate, and no late fees, on the days [from_on, to_on). Where the ledger is kept
    here, late fees of days that have passed are reversed, and the night corrects their interest."""
    session.add(
        ProtectedRate(
            portfolio_id=account.portfolio_id,
            account_id=id_of(account),
            hold_id=hold_id,
            apr_millionths=apr_millionths,
            from_on=from_on,
            to_on=to_on,
            by=by,
            created_at=now,
        )
    )
    session.flush()
    told = RateProtected(hold_id, apr_millionths, from_on, to_on, citation)
    record_on_account(session, account, told, by=by, now=now)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = business_date(session, portfolio, now)
    if not portfolio.accrues or from_on >= today:
        return
    for fee in late_fees_since(session, id_of(account), from_on):
        reverse_entry(session, fee, reason=f"hold {hold_id}: {citation}", posted_on=today, by=by, now=now)
    # Interest of a day is on the balance of the evening before.
    mark_changed(session, account.portfolio_id, {id_of(account): from_on - DAY})


def prolong_protection(
    session: Session, hold_id: int, before: date, to_on: date, citation: str, *, by: Actor, now: datetime
) -> None:
    """Let the caps of a hold that would end on the day `before` run until `to_on`."""
    query = select(ProtectedRate).where(ProtectedRate.hold_id == hold_id, ProtectedRate.to_on == before)
    for row in session.scalars(query.order_by(col(ProtectedRate.id))):
        row.to_on = to_on
        account = session.get_one(Account, row.account_id)
        told = RateProtected(hold_id, row.apr_millionths, before, to_on, citation)
        record_on_account(session, account, told, by=by, now=now)
    session.flush()


def end_protection(session: Session, hold_id: int, on: date, *, by: Actor, now: datetime) -> None:
    """End the caps of a hold that ends before its day: the accounts' own rates run from `on`."""
    query = select(ProtectedRate).where(ProtectedRate.hold_id == hold_id, col(ProtectedRate.to_on) > on)
    for row in session.scalars(query.order_by(col(ProtectedRate.id))):
        row.to_on = max(on, row.from_on + DAY)
        account = session.get_one(Account, row.account_id)
        record_on_account(session, account, RateProtectionEnded(hold_id, row.to_on), by=by, now=now)
    session.flush()
