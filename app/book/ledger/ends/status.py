"""The life of an account: closed, dormant, charged off, settled, paid, sold, and active again; and recoveries."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.book.ledger.balances import (
    balance_of,
    still_owed,
)
from app.book.ledger.ends.recoveries import reinstate_recoveries
from app.book.ledger.events import AccountStatusChanged
from app.book.ledger.models import Account
from app.book.ledger.rules import (
    ENDED,
    STATUS_SENTENCES,
    AccountStatus,
    EntryKind,
    StatusFacts,
    status_refusals,
)
from app.book.ledger.service import (
    fresh_reference,
    lock_account,
    mark_changed,
    post_entry,
    post_mirror,
    record_on_account,
    standing_entries,
    suffixed,
)
from app.book.portfolios.days import business_date, first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_reason

ENDING_ENTRY = {
    AccountStatus.CHARGED_OFF: EntryKind.WRITE_OFF,
    AccountStatus.SETTLED: EntryKind.WRITE_OFF,
    AccountStatus.SOLD: EntryKind.ADJUSTMENT,
}
"""Entry that takes the balance away: it is written off (of a settlement, the forgiven rest), or the buyer has it."""


def change_status(
    session: Session, account: Account, to: AccountStatus, on: date, reason: str, *, by: Actor, now: datetime
) -> None:
    """Take an account from one status to another at the end of `on`.

    An end (charged off, settled, paid, sold) clears what is past due at the end of that day, and the balance is
    taken off the book by an entry. `active` after an end undoes both. Conflict with every reason why not.
    """
    reason = clean_reason(reason)
    account = lock_account(session, account)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = max(local_date(now, portfolio.timezone), business_date(session, portfolio, now))
    balance = balance_of(session, id_of(account), on)
    facts = StatusFacts(
        account.status, to, on, today, account.opened_on, balance, still_owed(session, account, on)
    )
    if refusals := status_refusals(facts):
        sentences = [STATUS_SENTENCES[r].format(status=account.status.value, to=to.value) for r in refusals]
        raise Conflict("; ".join(sentences))
    set_status(session, account, to, on, balance, reason, by=by, now=now)


def set_status(
    session: Session,
    account: Account,
    to: AccountStatus,
    on: date,
    balance_minor: int,
    reason: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Change the status without the checks of `change_status`. For the night, which has locked the customers and
    knows the balance at the end of `on`."""
    before, ended_before = account.status, account.ended_on
    if to not in ENDED and account.ended_on is not None:
        _undo_end(session, account, reason, by=by, now=now)
    account.status = to
    if to in ENDED and account.ended_on is None:
        account.ended_on = on
        mark_changed(session, account.portfolio_id, {id_of(account): on})
        if to in ENDING_ENTRY and balance_minor > 0:
            _take_off_the_book(session, account, to, on, balance_minor, reason, by=by, now=now)
    session.flush()
    reinstate_recoveries(session, account.portfolio_id, [id_of(account)], now=now)
    changed = AccountStatusChanged(
        before,
        to,
        on,
        reason,
        balance_minor,
        ended_before=ended_before,
        posted_on=posting_date(on, first_open_day(session, account.portfolio_id)),
    )
    record_on_account(session, account, changed, by=by, now=now)


def _take_off_the_book(
    session: Session,
    account: Account,
    to: AccountStatus,
    on: date,
    balance_minor: int,
    reason: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    kind = ENDING_ENTRY[to]
    post_entry(
        session,
        account,
        kind,
        -balance_minor if kind is EntryKind.ADJUSTMENT else balance_minor,
        effective_on=on,
        posted_on=posting_date(on, first_open_day(session, account.portfolio_id)),
        reference=fresh_reference(session, account, to.value, on),
        ended_as=to,
        description=reason,
        by=by,
        now=now,
    )


def _undo_end(session: Session, account: Account, reason: str, *, by: Actor, now: datetime) -> None:
    """Put back the amount that the end took off the book, on the day of the end. Money recovered since is a payment
    again, on its own day."""
    assert account.ended_on is not None
    mark_changed(session, account.portfolio_id, {id_of(account): account.ended_on})
    for entry in standing_entries(session, [id_of(account)], account.ended_on):
        recovery = entry.kind is EntryKind.RECOVERY
        if recovery or entry.ended_as is not None or entry.reinstates_id is not None:
            post_mirror(session, account, entry, reason, entry.effective_on, by=by, now=now)
        if recovery:
            post_entry(
                session,
                account,
                EntryKind.PAYMENT,
                -entry.amount_minor,
                effective_on=entry.effective_on,
                posted_on=posting_date(entry.effective_on, first_open_day(session, account.portfolio_id)),
                reference=suffixed(entry, "reopened"),
                description=entry.description,
                by=by,
                now=now,
            )
    account.ended_on = None


# --- recoveries -------------------------------------------------------------------------------------------------
