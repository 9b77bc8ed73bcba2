"""Set an adjustment against money that comes in after an account ended, so that its book balance stays at zero."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.balances import (
    bookkeeping_in,
    charge_offs,
    charges_in,
    in_order_of_day,
    off_the_book,
    uncounted,
    untold,
)
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.rules import ENDED, PAYS_DUES, AccountStatus, EntryKind, off_book_target
from app.book.ledger.service import (
    REINSTATED,
    mark_changed,
    reinstatement_reference,
    standing_entries,
)
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind, DelinquencySource, posting_date
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
    came charged off by their creditor. Returns the number posted. Safe to repeat: no entry is reinstated by more than
    its amount; more of it is, on the open day, where other money was reversed since and this pays the debt.
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
        balances = _balances(session, ended)
        rows = _reinstatements(session, ended, balances, now)
        rows += _taken_twice(session, ended, balances, rows, now)
        if came:
            rows += _of_creditors_charge_offs(session, portfolio, came, now)
        _post(session, portfolio_id, rows)
        posted += len(rows)
    return posted


def reinstate_later_money(session: Session, account: Account, *, now: datetime) -> None:
    """Set money that came after an account was charged off here against what was taken off its book. The rest of
    `reinstate_recoveries` waits for the night."""
    ended = {id_of(account): account} if account.ended_on else {}
    rows = _reinstatements(session, ended, _balances(session, ended), now)
    _post(session, account.portfolio_id, rows)


def _post(session: Session, portfolio_id: int, rows: Sequence[JsonObject]) -> None:
    insert_rows(session, Entry, [{**row, "portfolio_id": portfolio_id} for row in rows])
    changed: dict[int, date] = {}
    for row in rows:
        changed[row["account_id"]] = min(row["effective_on"], changed.get(row["account_id"], date.max))
    mark_changed(session, portfolio_id, changed)


def _balances(session: Session, ended: Mapping[int, Account]) -> Counter[int]:
    """By account, the sum of its entries of any date."""
    entry = table_of(Entry)
    sums = sa.select(entry.c.account_id, sa.func.sum(entry.c.amount_minor)).group_by(entry.c.account_id)
    return Counter(dict(session.execute(sums.where(entry.c.account_id.in_(list(ended)))).all()))


def _reinstated(entries: Iterable[Entry]) -> Counter[int]:
    """By entry, how much of it was reinstated."""
    found: Counter[int] = Counter()
    for entry in entries:
        if entry.reinstates_id is not None:
            found[entry.reinstates_id] += entry.amount_minor
    return found


def recovered_accounts(session: Session, portfolio_id: int) -> list[int]:
    """Return ended accounts with changes that were not folded yet."""
    query = (
        sa.select(col(Account.id))
        .join(LedgerChange, col(LedgerChange.account_id) == Account.id)
        .where(col(LedgerChange.portfolio_id) == portfolio_id, col(Account.status).in_(ENDED))
    )
    return [account_id for account_id in session.scalars(query) if account_id is not None]


def _reinstatements(
    session: Session, ended: Mapping[int, Account], balances: Mapping[int, int], now: datetime
) -> list[JsonObject]:
    since = {
        account_id: account.ended_on
        for account_id, account in ended.items()
        if account.status is AccountStatus.CHARGED_OFF and account.ended_on
    }
    if not since:
        return []
    entries = standing_entries(session, list(since), date.min)
    reinstated = _reinstated(entries)
    story: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        story[entry.account_id].append(entry)
    recovered = []
    for account_id, theirs in story.items():
        came = uncounted(since[account_id], theirs)
        off_book = -sum(entry.amount_minor for entry in bookkeeping_in(ended[account_id], theirs))
        # Money beyond what was taken off the book pays charges since, and then is an overpayment.
        left = off_book - off_book_target(balances[account_id] + off_book, charges_in(came))
        for entry in came:
            amount = min(-entry.amount_minor - reinstated[id_of(entry)], left)
            if entry.kind in RECOVERED and amount > 0:
                left -= amount
                recovered.append((entry, amount))
    return _set_against(session, recovered, AFTER_CHARGE_OFF, ended, reinstated, now)


def _set_against(
    session: Session,
    amounts: Sequence[tuple[Entry, int]],
    text: str,
    ended: Mapping[int, Account],
    reinstated: Mapping[int, int],
    now: datetime,
    *,
    taken: Collection[str] = (),
) -> list[JsonObject]:
    """Build reinstatements of these amounts; none is dated before the end, and a second one of an entry is dated on
    the open day. Undoing the end undoes them too."""
    if not amounts:
        return []
    open_day = first_open_day(session, amounts[0][0].portfolio_id)
    account_ids = sorted({entry.account_id for entry, _ in amounts})
    taken = set(taken)
    for some in chunked(account_ids, 2000):
        used = select(Entry.reference).where(
            col(Entry.account_id).in_(some), col(Entry.reference).contains(REINSTATED)
        )
        taken.update(session.scalars(used))
    rows = []
    for entry, amount in amounts:
        on = max(entry.effective_on, ended[entry.account_id].ended_on or date.min)
        row = _reinstatement(entry, amount, taken, text, now) | {"effective_on": on}
        if reinstated[id_of(entry)]:
            on = posting_date(on, open_day)
            row |= {"effective_on": on, "posted_on": on}
        rows.append(row)
    return rows


def _taken_twice(
    session: Session,
    ended: Mapping[int, Account],
    balances: Mapping[int, int],
    made: Sequence[Values],
    now: datetime,
) -> list[JsonObject]:
    """Build reinstatements of amounts that were taken off the book twice, for accounts that ended here.

    Such an amount would take the book balance below zero. It comes from the creditor's own write-off of the same
    debt, or on a charged-off account from a credit dated before the end that came after it. `made` are the
    reinstatements that are posted with these.
    """
    below = Counter(balances)
    for row in made:
        below[row["account_id"]] += row["amount_minor"]
    wanted = [account_id for account_id in ended if below[account_id] < 0]
    entries = standing_entries(session, wanted, date.min) if wanted else []
    amounts: list[tuple[Entry, int]] = []
    reinstated = _reinstated(entries)
    for row in made:
        reinstated[row["reinstates_id"]] += row["amount_minor"]
    for account_id in wanted:
        account, theirs = ended[account_id], [each for each in entries if each.account_id == account_id]
        left = off_the_book(session, account, date.max) - sum(
            row["amount_minor"] for row in made if row["account_id"] == account_id
        )
        excess = -below[account_id]
        for each in sorted(theirs, key=lambda e: (e.kind is EntryKind.WRITE_OFF, id_of(e)), reverse=True):
            amount = min(excess, _most_taken_twice(account, each, left, reinstated[id_of(each)]))
            if amount <= 0:
                continue
            excess -= amount
            left -= amount
            amounts.append((each, amount))
    names = {row["reference"] for row in made}
    text = "was taken off the book already"
    return _set_against(session, amounts, text, ended, reinstated, now, taken=names)


def _most_taken_twice(account: Account, entry: Entry, off_book: int, reinstated: int) -> int:
    """Return the most of an entry that may be set against the amount taken off the book; `off_book` is what is left
    of it, and `reinstated` how much of the entry was set against it already."""
    if entry.amount_minor >= 0 or entry.ended_as is not None:
        return 0
    if entry.kind is EntryKind.WRITE_OFF:
        return -entry.amount_minor - reinstated
    if account.status is not AccountStatus.CHARGED_OFF:
        return 0
    if entry.kind not in RECOVERED | {EntryKind.ADJUSTMENT}:
        return 0
    return min(-entry.amount_minor - reinstated, off_book)


def _reinstatement(
    entry: Entry, amount_minor: int, taken: set[str], description: str, now: datetime
) -> JsonObject:
    return {
        "account_id": entry.account_id,
        "kind": EntryKind.ADJUSTMENT,
        "amount_minor": amount_minor,
        "effective_on": entry.effective_on,
        "posted_on": entry.posted_on,
        "reference": reinstatement_reference(entry, taken),
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
    reinstated = _reinstated(entries)
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
            _reinstatement(entry, more, taken, text, now)
            for entry, amount in back
            if (more := amount - reinstated[id_of(entry)]) > 0
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
