"""Ends that no longer hold: the effect of a reversal on an account that was charged off, settled, paid off or sold
here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.ledger.balances import balance_of, charged_since, off_the_book
from app.book.ledger.ends.recoveries import reinstate_later_money
from app.book.ledger.ends.status import set_status
from app.book.ledger.events import AccountStatusChanged
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import (
    ENDED,
    AccountStatus,
    EndFacts,
    EndVerdict,
    EntryKind,
    judge_end,
    to_take_off,
)
from app.book.ledger.service import fresh_reference, post_entry
from app.book.portfolios.days import business_date, first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.timeline.models import Event


@dataclass(frozen=True, slots=True)
class LastEnd:
    """The change of status by which an account ended last."""

    before: AccountStatus
    """The status it had until then, which is the one it returns to."""
    on: date


def last_end(session: Session, account: Account) -> LastEnd:
    """Read the last end from the timeline; an account that ended before changes were recorded was active."""
    query = select(Event.data).where(
        Event.customer_id == account.customer_id,
        Event.kind == AccountStatusChanged.KIND,
        Event.account_id == account.id,
    )
    for text in session.scalars(query.order_by(col(Event.seq).desc())):
        changed = AccountStatusChanged.from_json(text)
        if changed.to in ENDED:
            return LastEnd(changed.from_, changed.on)
    return LastEnd(AccountStatus.ACTIVE, account.ended_on or date.min)


def judge_reversal(
    session: Session,
    account: Account,
    entry: Entry,
    reason: str,
    on: date,
    *,
    reinstated: bool,
    stays_settled: bool = False,
    by: Actor,
    now: datetime,
) -> None:
    """Undo the end of an account that owes again, or keep the amount taken off the book equal to what is owed: first
    by the money that came since, then by an entry of its own.

    For use after `entry` was reversed, effective `on`, with what had reinstated it, if anything had; `judge_end`
    decides. The caller holds the customer's lock.
    """
    if account.ended_on is None:
        return
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = max(on, business_date(session, portfolio, now))
    reinstate_later_money(session, account, now=now)
    facts = _facts(session, account, entry, today, reinstated=reinstated, stays_settled=stays_settled)
    verdict = judge_end(facts)
    if verdict is EndVerdict.UNDONE:
        why = f"{entry.reference} was reversed: {reason}"[:200]
        set_status(session, account, facts.before, today, facts.balance_minor, why, by=by, now=now)
        if account.ended_on is None:
            return
        # Its end is a charge-off again.
        facts = _facts(session, account, entry, today, reinstated=reinstated)
        verdict = judge_end(facts)
    if verdict is EndVerdict.OFF_THE_BOOK:
        _keep_off_the_book(session, account, to_take_off(facts), reason, on, by=by, now=now)


def _facts(
    session: Session,
    account: Account,
    entry: Entry,
    today: date,
    *,
    reinstated: bool,
    stays_settled: bool = False,
) -> EndFacts:
    """Facts of an ended account, right after this entry of it was reversed."""
    assert account.ended_on is not None
    end, account_id = last_end(session, account), id_of(account)
    return EndFacts(
        status=account.status,
        before=end.before,
        ended_on=end.on,
        off_book_on=account.ended_on,
        entry_minor=entry.amount_minor,
        entry_on=entry.effective_on,
        balance_minor=balance_of(session, account_id, today),
        off_book_minor=off_the_book(session, account, today),
        reinstated=reinstated,
        charged_since_minor=charged_since(session, account, today),
        stays_settled=stays_settled,
    )


def _keep_off_the_book(
    session: Session, account: Account, owed_again: int, reason: str, on: date, *, by: Actor, now: datetime
) -> None:
    """Keep the balance of an account that stays ended at zero. An amount that a reversal adds is taken off the book
    like the rest; an amount that it takes away lowers what was taken off. Undoing the end undoes this too."""
    # A payment that is moved is undone on its own day, which may lie before the end.
    off_on = max(on, account.ended_on or on)
    written_off = owed_again > 0 and account.status is not AccountStatus.SOLD
    post_entry(
        session,
        account,
        EntryKind.WRITE_OFF if written_off else EntryKind.ADJUSTMENT,
        owed_again if written_off else -owed_again,
        effective_on=off_on,
        posted_on=posting_date(off_on, first_open_day(session, account.portfolio_id)),
        reference=fresh_reference(session, account, account.status.value, on),
        ended_as=account.status,
        description=reason,
        by=by,
        now=now,
    )
