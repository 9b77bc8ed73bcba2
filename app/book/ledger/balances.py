"""Balances of one account, straight from its entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import PAYS_DUES, AccountStatus, EntryKind, is_charge_off
from app.book.ledger.service import standing_entries
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import DelinquencySource
from app.core.ids import id_of


def balance_of(session: Session, account_id: int, on: date) -> int:
    """Balance at the end of `on` with everything known now, in minor units; below zero it is overpaid."""
    query = select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0)).where(
        Entry.account_id == account_id, col(Entry.effective_on) <= on
    )
    return int(session.scalar(query) or 0)


def still_owed(session: Session, account: Account, on: date) -> int:
    """Return the balance at the end of `on`. A charged-off account also owes the amount written off less recoveries
    since: the debt is off the book, not forgiven."""
    owed = balance_of(session, id_of(account), on)
    if account.status is not AccountStatus.CHARGED_OFF:
        return owed
    return owed + off_the_book(session, account, on)


def off_the_book(session: Session, account: Account, on: date) -> int:
    """Sum that a charge-off or another end took off the book up to `on`, less recoveries; 0 without an end."""
    story = _story(session, account, on)
    entries = bookkeeping_in(account, story)
    missing = untold(story, charge_offs(story)) if entries and account.ended_on is None else 0
    return missing - sum(entry.amount_minor for entry in entries)


def charged_since(session: Session, account: Account, on: date) -> int:
    """Sum of charges up to `on` that a charge-off here did not count: they are on the book. 0 for other accounts."""
    if account.status is not AccountStatus.CHARGED_OFF or account.ended_on is None:
        return 0
    return charges_in(uncounted(account.ended_on, _story(session, account, on)))


def bookkeeping(session: Session, account: Account) -> list[Entry]:
    """Return the entries that took an account's debt off the book, here or at its creditor, and those that balance
    later recoveries. The debt that they take away is not forgiven."""
    return bookkeeping_in(account, _story(session, account, date.max))


def _story(session: Session, account: Account, on: date) -> list[Entry]:
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    came = account.ended_on is None
    # Where a creditor reports what is owed, its reports have counted what was written off.
    if came and (
        account.status is not AccountStatus.CHARGED_OFF or portfolio.source is DelinquencySource.REPORTED
    ):
        return []
    return [e for e in standing_entries(session, [id_of(account)], date.min) if e.effective_on <= on]


def bookkeeping_in(account: Account, story: Sequence[Entry]) -> list[Entry]:
    """Return `bookkeeping` from the standing entries of an account, in order."""
    if account.ended_on is None:
        return [*charge_offs(story), *(e for e in story if e.reinstates_id is not None)]
    before = [entry for entry in story if entry.effective_on < account.ended_on]
    since = [
        entry
        for entry in story[len(before) :]
        if entry.kind is EntryKind.WRITE_OFF or entry.ended_as is not None or entry.reinstates_id is not None
    ]
    # A creditor may have taken the debt off its book days before the account ended here, or tell so later.
    return [*charge_offs(before), *since]


def uncounted(ended_on: date, story: Sequence[Entry]) -> list[Entry]:
    """Return the standing entries of an account that its charge-off did not count: dated after it, or entered after it
    though dated before. Money of the latter was written off and paid; bookkeeping is left out."""
    written_off = (
        id_of(entry)
        for entry in story
        if entry.kind is EntryKind.WRITE_OFF
        and entry.effective_on == ended_on
        and entry.ended_as is AccountStatus.CHARGED_OFF
    )
    first_id = min(written_off, default=None)
    return [
        entry
        for entry in story
        if entry.kind is not EntryKind.WRITE_OFF and entry.ended_as is None and entry.reinstates_id is None
        if entry.effective_on > ended_on or (first_id is not None and id_of(entry) > first_id)
    ]


def charges_in(entries: Sequence[Entry]) -> int:
    """Sum of entries that are not money, less credits among them; not below zero."""
    return max(0, sum(entry.amount_minor for entry in entries if entry.kind not in PAYS_DUES))


def charge_offs(story: Sequence[Entry]) -> list[Entry]:
    """Return the entries of an account that took its debt off the creditor's book, in order and none reversed.

    A day's write-offs count as one: creditors write off principal, interest and fees apart. Without a history before
    them, they took all there was.
    """
    found: list[Entry] = []
    balance, is_told = 0, False
    for _, day in groupby(story, key=lambda entry: entry.effective_on):
        entries = [each for each in day if each.reinstates_id is None]
        written_off = [each for each in entries if each.kind is EntryKind.WRITE_OFF]
        debits = sum(each.amount_minor for each in entries if each.amount_minor > 0)
        credits = sum(each.amount_minor for each in entries) - debits
        total = -sum(each.amount_minor for each in written_off)
        is_told = is_told or debits > 0
        # A payment of that day may come before or after it: files of a day come in any order.
        before = (balance + debits, balance + debits + credits + total)
        if written_off and (not is_told or any(is_charge_off(each, total) for each in before)):
            found += written_off
        balance += debits + credits
    return found


def untold(story: Sequence[Entry], taken: Sequence[Entry]) -> int:
    """Return what the creditor's charge-offs took away although no entry tells that it was owed."""
    first = min((entry.effective_on for entry in taken), default=date.min)
    if any(
        entry.amount_minor > 0 and entry.effective_on <= first
        for entry in story
        if entry.reinstates_id is None
    ):
        return 0
    return -sum(entry.amount_minor for entry in taken if entry.effective_on == first)


def in_order_of_day(story: Sequence[Entry]) -> list[Entry]:
    """Entries of an account by day, within a day first what is owed, then what is written off, then what is paid."""
    return sorted(
        story,
        key=lambda e: (e.effective_on, e.amount_minor <= 0, e.kind is not EntryKind.WRITE_OFF, id_of(e)),
    )
