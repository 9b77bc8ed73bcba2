"""What one account owes, straight from its entries."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.ledger.models import Account, Entry
from app.ledger.rules import AccountStatus, EntryKind, is_reinstatement
from app.ledger.service import is_ending, standing_entries


def balance_of(session: Session, account_id: int, on: date) -> int:
    """Balance at the end of `on` with everything known now, in minor units; below zero it is overpaid."""
    query = select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0)).where(
        Entry.account_id == account_id, col(Entry.effective_on) <= on
    )
    return int(session.scalar(query) or 0)


def still_owed(session: Session, account: Account, on: date) -> int:
    """The balance at the end of `on`, and of an account charged off here also what was written off less what was
    recovered since: the debt is off the book, not forgiven."""
    owed = balance_of(session, account.id or 0, on)
    if account.status is not AccountStatus.CHARGED_OFF:
        return owed
    return owed + off_the_book(session, account, on)


def off_the_book(session: Session, account: Account, on: date) -> int:
    """What an account's end here took off the book up to `on`, less what was recovered of it; 0 without an end."""
    if account.ended_on is None:
        return 0
    taken = 0
    for entry in standing_entries(session, [account.id or 0], account.ended_on):
        is_off = (
            entry.kind is EntryKind.WRITE_OFF
            or is_ending(account, entry)
            or is_reinstatement(entry.kind, entry.reference)
        )
        if is_off and entry.effective_on <= on:
            taken -= entry.amount_minor
    return taken
