"""Set an adjustment against money that comes in after an account ended, so that its book balance stays at zero."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.balances import (
    bookkeeping_in,
    charge_offs,
    in_order_of_day,
    off_the_book,
    untold,
)
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.rules import ENDED, PAYS_DUES, AccountStatus, EntryKind
from app.book.ledger.service import (
    mark_changed,
    reinstatement_references,
    standing_entries,
)
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.core.database.bulk import chunked, insert_rows
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.money import MAX_MINOR
from app.core.types import JsonObject, Values

AFTER_CHARGE_OFF = "recovered after the charge-off"


RECOVERED = PAYS_DUES
"""Kinds of money that count as recovered after a charge-off; files give it several names."""


def reinstate_recoveries(
    session: Session, portfolio_id: int, account_ids: Iterable[int], *, now: datetime
) -> int:
    """Post an `adjustment` against each payment or recovery that came after its account was charged off, of any date.

    The book balance stays at zero, and the recovered money does not look like an overpayment. The same is done for
    any other credit that would make a charged-off account look overpaid while it still owes, and for a creditor's own
    write-off of an amount that was taken off the book here already. `_of_creditors_charge_offs` covers accounts that
    came charged off by their creditor. Returns the number posted. Safe to repeat: an entry is reinstated once.
    """
    posted = 0
    portfolio = session.get_one(Portfolio, portfolio_id)
    for ids in chunked(account_ids, 2000):
        found = session.scalars(
            select(Account).where(col(Account.id).in_(ids), col(Account.status).in_(ENDED)),
            execution_options={"populate_existing": True},
        )
        accounts = {id_of(account): account for account in found}
        ended = {account_id: account for account_id, account in accounts.items() if account.ended_on}
        came = [account_id for account_id in accounts if account_id not in ended]
        rows = _reinstatements(session, ended, now) if ended else []
        rows += _taken_twice(session, ended, rows, now)
        if came:
            rows += _of_creditors_charge_offs(session, portfolio, came, now)
        insert_rows(session, Entry, [{**row, "portfolio_id": portfolio_id} for row in rows])
        changed: dict[int, date] = {}
        for row in rows:
            changed[row["account_id"]] = min(row["effective_on"], changed.get(row["account_id"], date.max))
        mark_changed(session, portfolio_id, changed)
        posted += len(rows)
    return posted


def recovered_accounts(session: Session, portfolio_id: int) -> list[int]:
    """Return ended accounts with changes that were not folded yet."""
    query = (
        sa.select(col(Account.id))
        .join(LedgerChange, col(LedgerChange.account_id) == Account.id)
        .where(col(LedgerChange.portfolio_id) == portfolio_id, col(Account.status).in_(ENDED))
    )
    return [account_id for account_id in session.scalars(query) if account_id is not None]


def _reinstatements(session: Session, ended: Mapping[int, Account], now: datetime) -> list[JsonObject]:
    since = {
        account_id: account.ended_on
        for account_id, account in ended.items()
        if account.status is AccountStatus.CHARGED_OFF and account.ended_on
    }
    if not since:
        return []
    entries = standing_entries(session, list(since), date.min)
    reinstated = {entry.reinstates_id for entry in entries}
    story: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        story[entry.account_id].append(entry)
    left: dict[int, int] = {}
    recovered = []
    for entry in _came_after(entries, since):
        if id_of(entry) in reinstated:
            continue
        account_id = entry.account_id
        if account_id not in left:
            left[account_id] = -sum(
                each.amount_minor for each in bookkeeping_in(ended[account_id], story[account_id])
            )
        # Money beyond what was taken off the book is an overpayment.
        if (amount := min(-entry.amount_minor, left[account_id])) > 0:
            left[account_id] -= amount
            recovered.append((entry, amount))
    return _set_against(session, entries, recovered, AFTER_CHARGE_OFF, ended, now)


def _set_against(
    session: Session,
    entries: Sequence[Entry],
    amounts: Sequence[tuple[Entry, int]],
    text: str,
    ended: Mapping[int, Account],
    now: datetime,
) -> list[JsonObject]:
    """Build reinstatements of these amounts, for entries that have none yet; none is dated before the end. Undoing
    the end undoes them too."""
    reinstated = {entry.reinstates_id for entry in entries}
    bare = [(e, amount) for e, amount in amounts if id_of(e) not in reinstated]
    names = [name for entry, _ in bare for name in reinstatement_references(entry)]
    account_ids = list({entry.account_id for entry, _ in bare})
    taken: set[str] = set()
    for some in chunked(names, 5000):
        used = select(Entry.reference).where(
            col(Entry.account_id).in_(account_ids), col(Entry.reference).in_(some)
        )
        taken.update(session.scalars(used))
    return [
        _reinstatement(entry, amount, taken, text, now)
        | {"effective_on": max(entry.effective_on, ended[entry.account_id].ended_on or date.min)}
        for entry, amount in bare
    ]


def _came_after(entries: Sequence[Entry], ended: Mapping[int, date]) -> list[Entry]:
    """Return money that the charge-off did not count: dated after it, or entered after it though dated before.

    The latter was written off and paid, so that much of the write-off is taken back on the day of the charge-off.
    """
    written_off = {
        entry.account_id: id_of(entry)
        for entry in entries
        if entry.kind is EntryKind.WRITE_OFF
        and entry.effective_on == ended[entry.account_id]
        and entry.ended_as is AccountStatus.CHARGED_OFF
    }
    return [
        entry
        for entry in entries
        if entry.kind in RECOVERED
        and (
            entry.effective_on > ended[entry.account_id]
            or id_of(entry) > written_off.get(entry.account_id, id_of(entry))
        )
    ]


def _taken_twice(
    session: Session, ended: Mapping[int, Account], made: Sequence[Values], now: datetime
) -> list[JsonObject]:
    """Build reinstatements of amounts that were taken off the book twice, for accounts that ended here.

    Such an amount would take the book balance below zero. It comes from the creditor's own write-off of the same
    debt, or on a charged-off account from a credit dated before the end that came after it. `made` are the
    reinstatements that are posted with these.
    """
    entry = table_of(Entry)
    sums = sa.select(entry.c.account_id, sa.func.sum(entry.c.amount_minor)).group_by(entry.c.account_id)
    below = Counter(dict(session.execute(sums.where(entry.c.account_id.in_(list(ended)))).all()))
    for row in made:
        below[row["account_id"]] += row["amount_minor"]
    wanted = [account_id for account_id in ended if below[account_id] < 0]
    entries = standing_entries(session, wanted, date.min) if wanted else []
    amounts: list[tuple[Entry, int]] = []
    reinstated = {row["reinstates_id"] for row in made} | {each.reinstates_id for each in entries}
    for account_id in wanted:
        account, theirs = ended[account_id], [each for each in entries if each.account_id == account_id]
        left = off_the_book(session, account, date.max) - sum(
            row["amount_minor"] for row in made if row["account_id"] == account_id
        )
        excess = -below[account_id]
        for each in sorted(theirs, key=lambda e: (e.kind is EntryKind.WRITE_OFF, id_of(e)), reverse=True):
            most = _most_taken_twice(account, each, left)
            if most <= 0 or id_of(each) in reinstated:
                continue
            amount = min(excess, most)
            excess -= amount
            left -= amount
            if amount > 0:
                amounts.append((each, amount))
    return _set_against(session, entries, amounts, "was taken off the book already", ended, now)


def _most_taken_twice(account: Account, entry: Entry, off_book: int) -> int:
    """Return the most of an entry that may be set against the amount taken off the book; `off_book` is what is left
    of it."""
    if entry.amount_minor >= 0 or entry.ended_as is not None:
        return 0
    if entry.kind is EntryKind.WRITE_OFF:
        return -entry.amount_minor
    if account.status is not AccountStatus.CHARGED_OFF:
        return 0
    return min(-entry.amount_minor, off_book) if entry.kind in RECOVERED | {EntryKind.ADJUSTMENT} else 0


def _reinstatement(
    entry: Entry, amount_minor: int, taken: set[str], description: str, now: datetime
) -> JsonObject:
    return {
        "account_id": entry.account_id,
        "kind": EntryKind.ADJUSTMENT,
        "amount_minor": amount_minor,
        "effective_on": entry.effective_on,
        "posted_on": entry.posted_on,
        "reference": next(name for name in reinstatement_references(entry) if name not in taken),
        "source": "system",
        "description": description,
        "reinstates_id": id_of(entry),
        "created_at": now,
    }


def _of_creditors_charge_offs(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], now: datetime
) -> list[JsonObject]:
    """Build reinstatements for accounts that the creditor charged off before they came here.

    A collector was given the debt to work. So the write-off that took it off the creditor's book is taken back, and
    recovered money lowers what is owed. On a creditor's own book the debt stays off it: recovered money is taken back
    as far as it would make the account look overpaid.
    """
    entries = standing_entries(session, account_ids, date.min)
    rows: list[JsonObject] = []
    taken = {entry.reference for entry in entries}
    reinstated = {entry.reinstates_id for entry in entries}
    for _, theirs in groupby(sorted(entries, key=lambda entry: entry.account_id), key=lambda e: e.account_id):
        story = list(theirs)
        if portfolio.source is DelinquencySource.REPORTED:
            # The creditor's reports say what is owed: money beyond it belongs to no debt until a report says so.
            text = "recovered after the creditor's charge-off"
            back = _recovered(story, off_book=MAX_MINOR)
        elif portfolio.collector is CollectorKind.THIRD_PARTY:
            text = "the creditor's charge-off: the debt is worked here"
            back = [(entry, -entry.amount_minor) for entry in charge_offs(story)]
        else:
            text = "recovered after the creditor's charge-off"
            taken_off = charge_offs(story)
            off_book = -sum(entry.amount_minor for entry in taken_off)
            back = _recovered(story, off_book=off_book, untold_minor=untold(story, taken_off))
        rows += [
            _reinstatement(entry, amount, taken, text, now)
            for entry, amount in back
            if id_of(entry) not in reinstated
        ]
    return rows


def _recovered(story: Sequence[Entry], *, off_book: int, untold_minor: int = 0) -> list[tuple[Entry, int]]:
    """(recovery, what of it exceeds the balance on the book), at most what was taken off it in all."""
    balance, found = untold_minor, []
    for entry in in_order_of_day(story):
        if entry.reinstates_id is not None:
            continue
        balance += entry.amount_minor
        excess = min(-balance, off_book, -entry.amount_minor)
        if entry.kind in RECOVERED and excess > 0:
            found.append((entry, excess))
            balance += excess
            off_book -= excess
    return found
