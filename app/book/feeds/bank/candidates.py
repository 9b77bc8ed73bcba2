"""Payments that wait for an account, and the accounts that may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.feeds.bank.queries import accounts_by_key, amounts_expected, paid_before
from app.book.feeds.bank.rules import (
    keys_in,
    name_words,
)
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import UnmatchedStatus
from app.core.database.engine import table_of


@dataclass(frozen=True, slots=True)
class WaitingSummary:
    count: int
    amount_minor: int
    oldest_paid_on: date | None


def waiting(session: Session, portfolio_id: int, *, limit: int = 200) -> list[UnmatchedPayment]:
    """Payments that wait for a person, the oldest first."""
    query = (
        select(UnmatchedPayment)
        .where(
            UnmatchedPayment.portfolio_id == portfolio_id,
            UnmatchedPayment.status == UnmatchedStatus.WAITING,
        )
        .order_by(col(UnmatchedPayment.paid_on), col(UnmatchedPayment.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def waiting_summary(session: Session, portfolio_id: int) -> WaitingSummary:
    """Return the number of waiting payments, their sum, and the date of the oldest."""
    table = table_of(UnmatchedPayment)
    query = sa.select(
        sa.func.count(),
        sa.cast(sa.func.coalesce(sa.func.sum(table.c.amount_minor), 0), sa.BigInteger),
        sa.func.min(table.c.paid_on),
    ).where(table.c.portfolio_id == portfolio_id, table.c.status == UnmatchedStatus.WAITING)
    return WaitingSummary(*session.connection().execute(query).one())


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that a waiting payment may be for, and every reason to think so."""

    account_id: int
    reference: str
    full_name: str
    reasons: tuple[str, ...]


MAX_CANDIDATES = 10


def candidates(session: Session, unmatched: UnmatchedPayment) -> list[Candidate]:
    """Accounts a waiting payment may be for, those with the most reasons first; at most MAX_CANDIDATES."""
    portfolio_id, amount = unmatched.portfolio_id, unmatched.amount_minor
    reasons: dict[int, list[str]] = {}
    for known in paid_before(session, portfolio_id, {unmatched.payer_key} - {""}).get(
        unmatched.payer_key, []
    ):
        reasons.setdefault(known.account_id, []).append("this bank account has paid for it before")
    keys = keys_in(unmatched.remittance)
    for named in accounts_by_key(session, portfolio_id, keys).values():
        for known in named:
            reasons.setdefault(known.account_id, []).append(f"{known.reference} is named")
    for account_id, reference in _similar(session, portfolio_id, keys):
        reasons.setdefault(account_id, [f"{reference} is one character from what is named"])
    namesakes = _named_like(session, portfolio_id, unmatched.payer_name)
    for account_id in namesakes:
        reasons.setdefault(account_id, []).append("the payer has the cardholder's name")
    owing = {account_id: namesakes[account_id] for account_id in _owing(session, list(namesakes))}
    if len(set(owing.values())) == 1:
        for account_id in owing:
            reasons[account_id].append("no other customer with open debt has this name")
    for account_id in _past_due_by(session, portfolio_id, amount):
        reasons.setdefault(account_id, [])
    owed = amounts_expected(session, list(reasons))
    for account_id, why in reasons.items():
        if what := owed.get(account_id, {}).get(amount):
            why.append(f"the amount is {what}")
    best = sorted(reasons, key=lambda account_id: (-len(reasons[account_id]), account_id))[:MAX_CANDIDATES]
    query = (
        select(Account.id, Account.reference, Customer.full_name)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(col(Account.id).in_(best))
    )
    rows = {account_id: (reference, name) for account_id, reference, name in session.execute(query)}
    return [Candidate(a, *rows[a], tuple(reasons[a])) for a in best]


def _similar(session: Session, portfolio_id: int, keys: Iterable[str]) -> list[tuple[int, str]]:
    """Accounts whose reference is one digit, or two swapped neighbours, from a key; looked up by index."""
    variants: dict[str, None] = {}
    for key in [key for key in keys if len(key) >= 5 and any(map(str.isdigit, key))][:8]:
        for at, char in enumerate(key):
            if char.isdigit():
                others = [d for d in "0123456789" if d != char]
                variants.update(dict.fromkeys(key[:at] + d + key[at + 1 :] for d in others))
                variants.setdefault(key[:at] + key[at + 1 :])
            if at:
                variants.setdefault(key[: at - 1] + char + key[at - 1] + key[at + 1 :])
        variants.update(
            dict.fromkeys(key[:at] + d + key[at:] for at in range(len(key) + 1) for d in "0123456789")
        )
        variants.pop(key, None)
    account = table_of(Account)
    query = sa.select(account.c.id, account.c.reference).where(
        account.c.portfolio_id == portfolio_id, account.c.reference.in_(list(variants)[:5000])
    )
    return [(account_id, reference) for account_id, reference in session.execute(query.limit(20))]


def _named_like(session: Session, portfolio_id: int, name: str) -> dict[int, int]:
    """Map account id -> customer id, of customers with the payer's name. The database finds similar names, with any
    accents and in either case; `name_words` decides."""
    wanted = name_words(name)
    if not wanted or (len(wanted) == 1 and wanted[0].isascii()):
        return {}
    full_name = sa.func.lower(Customer.full_name)
    query = (
        select(Account.id, Customer.id, Customer.full_name)
        .join(Customer, col(Customer.id) == Account.customer_id)
        .where(
            Customer.portfolio_id == portfolio_id,
            *(full_name.like(f"%{_firm(word)}%") for word in wanted[:8]),
        )
    )
    rows = session.execute(query.limit(20_000))
    found = [(account, customer) for account, customer, other in rows if name_words(other) == wanted]
    return {account or 0: customer or 0 for account, customer in found[:20]}


def _firm(word: str) -> str:
    """A word as a pattern of LIKE: letters that never have an accent, or are no Latin ones, and anything between."""
    return re.sub(r"[^bfhjkmpqvwx0-9\u2e80-\uffff]+", "%", word)


def _owing(session: Session, account_ids: Sequence[int]) -> Sequence[int]:
    """Those of these accounts on which something is owed."""
    query = (
        select(Entry.account_id)
        .where(col(Entry.account_id).in_(account_ids))
        .group_by(col(Entry.account_id))
        .having(sa.func.sum(Entry.amount_minor) > 0)
    )
    return session.scalars(query).all()


def _past_due_by(session: Session, portfolio_id: int, amount_minor: int) -> Sequence[int]:
    """Return accounts past due by exactly this amount; none where the amount is so common that it tells nothing."""
    query = (
        select(AccountState.account_id)
        .where(AccountState.portfolio_id == portfolio_id, AccountState.past_due_minor == amount_minor)
        .limit(6)
    )
    found = session.scalars(query).all()
    return found if len(found) < 6 else []
