"""Credits that somebody grants: goodwill, or what a dispute concedes. Who may is checked by the caller."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import fresh_reference, lock_account, post_entry
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.text import clean_reason


def grant_credit(
    session: Session, account: Account, amount_minor: int, reason: str, *, by: Actor, now: datetime
) -> Entry:
    """Credit an account with today's date: it pays what is past due like any credit. Invalid for an amount that is not
    positive, or a missing reason."""
    if amount_minor <= 0:
        raise Invalid("The amount must be positive. Enter more than zero.", "amount")
    reason = clean_reason(reason, "reason")
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    account = lock_account(session, account)
    today = local_date(now, portfolio.timezone)
    return post_entry(
        session,
        account,
        EntryKind.CREDIT,
        amount_minor,
        effective_on=today,
        posted_on=business_date(session, portfolio, now),
        reference=fresh_reference(session, account, EntryKind.CREDIT.value, today),
        description=reason,
        by=by,
        now=now,
    )
