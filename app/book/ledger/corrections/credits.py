"""Credits that somebody grants: goodwill, or what a dispute concedes. Who may is checked by the caller."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from app.book.ledger.events import GoodwillCredited
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import fresh_reference, lock_account, post_entry, record_on_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.text import clean_reason

GOODWILL = "goodwill"
"""How references of goodwill credits begin."""
OF_DISPUTE = "dispute"
"""How references of credits begin that a dispute conceded."""
OWN_LIMITS = ("waiver:", "redress:", f"{OF_DISPUTE}:", "interest-correction:")
"""How references begin of credits that have a limit of their own, or follow from another decision."""
BY_NOBODY = ("system", "feed:%")
"""Sources of entries that no person decided."""


def grant_credit(
    session: Session,
    account: Account,
    amount_minor: int,
    reason: str,
    *,
    word: str = EntryKind.CREDIT.value,
    reference: str = "",
    by: Actor,
    now: datetime,
) -> Entry:
    """Credit an account with today's date: it pays what is past due like any credit. Invalid for an amount that is not
    positive, or a missing reason. `word`: how its reference begins, where it has no `reference` of its own."""
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
        reference=reference or fresh_reference(session, account, word, today),
        description=reason,
        by=by,
        now=now,
    )


def credit_as_goodwill(
    session: Session, account: Account, amount_minor: int, reason: str, *, by: Actor, now: datetime
) -> Entry:
    """Credit an account as goodwill, and say so on the timeline."""
    entry = grant_credit(session, account, amount_minor, reason, word=GOODWILL, by=by, now=now)
    told = GoodwillCredited(entry.reference, amount_minor, entry.description)
    record_on_account(session, account, told, by=by, now=now)
    return entry


def goodwill_since(session: Session, customer_id: int, since: date) -> int:
    """Goodwill that was credited to a customer from this day on and not reversed, in minor units."""
    mirror = aliased(Entry)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(-col(Entry.amount_minor)), 0))
        .join(Account, col(Account.id) == Entry.account_id)
        .where(
            col(Account.customer_id) == customer_id,
            col(Entry.kind) == EntryKind.CREDIT,
            col(Entry.reference).startswith(f"{GOODWILL}:"),
            col(Entry.effective_on) >= since,
            ~sa.exists().where(col(mirror.reverses_id) == Entry.id),
        )
    )
    return int(session.scalar(query) or 0)


def granted_since(session: Session, customer_id: int, since: date) -> int:
    """Goodwill, and credits and lowering adjustments that people posted by hand for a customer, from this day on and
    not reversed, in minor units. What a sale took off the book is none. A back-dated one counts from the day on which
    it was posted."""
    mirror = aliased(Entry)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(-col(Entry.amount_minor)), 0))
        .join(Account, col(Account.id) == Entry.account_id)
        .where(
            col(Account.customer_id) == customer_id,
            col(Entry.kind).in_([EntryKind.CREDIT, EntryKind.ADJUSTMENT]),
            col(Entry.amount_minor) < 0,
            col(Entry.ended_as).is_(None),
            col(Entry.posted_on) >= since,
            *(col(Entry.source).not_like(each) for each in BY_NOBODY),
            *(~col(Entry.reference).startswith(each) for each in OWN_LIMITS),
            ~sa.exists().where(col(mirror.reverses_id) == Entry.id),
        )
    )
    return int(session.scalar(query) or 0)
