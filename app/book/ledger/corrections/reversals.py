"""Reverse an entry, with what must go along: a reinstatement, and an end that does not hold any more."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.ends.after_reversal import judge_reversal
from app.book.ledger.models import Account, Entry, Waiver
from app.book.ledger.rules import EntryKind, WaiverStatus
from app.book.ledger.service import lock_account, post_mirror, standing_entries
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.errors import Conflict


def reverse_entry(
    session: Session,
    entry: Entry,
    *,
    reason: str,
    posted_on: date,
    stays_settled: bool = False,
    by: Actor,
    now: datetime,
) -> Entry:
    """Undo an entry by its mirror image, dated `posted_on` and posted into the day that is open. Delinquency
    nets a reversed credit on the credit's own date, so a bounced payment reopens what it had paid as if it had
    never come. What was recovered after a charge-off takes the entry that reinstated it along, and an end that
    does not hold any more is undone (`app.book.ledger.ends.after_reversal`). `stays_settled`: what was agreed to settle
    the account is paid without the entry; what it had paid besides is waived like the rest.

    People and banks reverse through `app.actions.accounts.reversals`, which also looks after agreements and the case.
    Conflict where it was reversed before, or where something else would have to be undone first.
    """
    account = lock_account(session, session.get_one(Account, entry.account_id))
    reinstated = require_reversible(session, account, entry)
    for each in reinstated:
        post_mirror(session, account, each, reason, posted_on, by=by, now=now)
    mirror = post_mirror(session, account, entry, reason, posted_on, by=by, now=now)
    judge_reversal(
        session,
        account,
        entry,
        reason,
        posted_on,
        reinstated=bool(reinstated),
        stays_settled=stays_settled,
        by=by,
        now=now,
    )
    return mirror


def require_reversible(session: Session, account: Account, entry: Entry) -> list[Entry]:
    """Raise Conflict if an entry may not be undone now. Returns the entries that go with it, which reinstated the
    book balance after a recovery. The caller holds the customer's lock."""
    if entry.kind is EntryKind.REVERSAL:
        raise Conflict(
            f"Entry {entry.reference} is a reversal, which cannot be reversed. Post the entry again."
        )
    if session.scalar(select(Entry.id).where(Entry.reverses_id == entry.id)):
        raise Conflict(f"Entry {entry.reference} is reversed already. There is nothing left to reverse.")
    if entry.reinstates_id is not None:
        raise Conflict(f"Entry {entry.reference} stands against a recovery. Reverse the recovery.")
    if account.ended_on and entry.ended_as is not None:
        raise Conflict(
            f"Account {account.reference} is {account.status.value}. Make it active again, which undoes this entry."
        )
    waivers = set(session.scalars(standing_waivers(entry).with_only_columns(col(Waiver.status))))
    if WaiverStatus.APPROVED in waivers:
        raise Conflict(
            f"Entry {entry.reference} was waived, wholly or in part. Reverse the waiver's credit first."
        )
    if waivers:
        raise Conflict(f"A waiver of entry {entry.reference} waits for a decision. Decide about it first.")
    found = standing_entries(session, [entry.account_id], entry.effective_on)
    return [other for other in found if other.reinstates_id == entry.id]


def standing_waivers(entry: Entry) -> SelectOfScalar[Waiver]:
    """Select of an entry's waivers that count: asked for or granted, and the credit not taken back."""
    reversal = table_of(Entry).alias("reversal")
    return select(Waiver).where(
        Waiver.entry_id == entry.id,
        col(Waiver.status) != WaiverStatus.DECLINED,
        ~sa.exists().where(reversal.c.reverses_id == Waiver.credit_id),
    )
