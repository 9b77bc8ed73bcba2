"""What one account owes, straight from its entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.ledger.models import Account, Entry
from app.ledger.rules import AccountStatus, EntryKind, is_charge_off, is_reinstatement
from app.ledger.service import is_ending, standing_entries


def balance_of(session: Session, account_id: int, on: date) -> int:
    """Balance at the end of `on` with everything known now, in minor units; below zero it is overpaid."""
    query = select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0)).where(
        Entry.account_id == account_id, col(Entry.effective_on) <= on
    )
    return int(session.scalar(query) or 0)


def still_owed(session: Session, account: Account, on: date) -> int:
    """The balance at the end of `on`, and of an account that was charged off also what was written off less what was
    recovered since: the debt is off the book, not forgiven."""
    owed = balance_of(session, account.id or 0, on)
    if account.status is not AccountStatus.CHARGED_OFF:
        return owed
    return owed + off_the_book(session, account, on)


def off_the_book(session: Session, account: Account, on: date) -> int:
    """What a charge-off or another end took off the book up to `on`, less what was recovered of it; 0 without one."""
    if account.ended_on is None:
        return _charged_off_before(session, account, on)
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


def _charged_off_before(session: Session, account: Account, on: date) -> int:
    """The same of an account that its creditor charged off before it came here."""
    if account.status is not AccountStatus.CHARGED_OFF:
        return 0
    entries = standing_entries(session, [account.id or 0], date.min)
    story = [each for each in entries if each.effective_on <= on]
    back = [each for each in story if is_reinstatement(each.kind, each.reference)]
    return -sum(each.amount_minor for each in (*charge_offs(story), *back))


def charge_offs(story: Sequence[Entry]) -> list[Entry]:
    """Those of an account's entries, in order and none reversed, that took its debt off the creditor's book."""
    found, balance = [], 0
    for entry in story:
        if entry.kind is EntryKind.WRITE_OFF and is_charge_off(balance, -entry.amount_minor):
            found.append(entry)
        if not is_reinstatement(entry.kind, entry.reference):
            balance += entry.amount_minor
    return found
