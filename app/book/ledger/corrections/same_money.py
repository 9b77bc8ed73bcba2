"""Money that people move or post again: the entries that are the same money.

A payment that is moved is undone on one account and entered on another with its own date. One that was typed wrong is
reversed and posted again. An agreement asks whether money is new, and neither makes it so (decision 0321).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry, SameMoney
from app.book.ledger.rules import PAYS_DUES
from app.core.database.bulk import upsert
from app.core.ids import id_of

FEEDS = "feed:"
"""What the source of an entry begins with that a file brought. A reversal of a bank or creditor took the money back."""


def join_moved(session: Session, entry: Entry, moved: Entry) -> None:
    """Note that a payment was moved: the new entry is the same money."""
    _join(session, id_of(entry), id_of(moved))


def join_posted_again(session: Session, account: Account, posted: Entry) -> None:
    """Note that this entry is money of the customer that a person had taken back: of the same day and amount, and not
    posted again since. Nothing is noted where there is none."""
    if posted.kind not in PAYS_DUES:
        return
    mirror = aliased(Entry)
    taken_back = (
        select(Entry.id)
        .join(mirror, col(mirror.reverses_id) == col(Entry.id))
        .join(Account, col(Account.id) == Entry.account_id)
        .where(
            Account.customer_id == account.customer_id,
            Entry.effective_on == posted.effective_on,
            Entry.amount_minor == posted.amount_minor,
            col(Entry.kind).in_(PAYS_DUES),
            ~col(mirror.source).startswith(FEEDS),
        )
        .order_by(col(Entry.id))
    )
    for entry_id in session.scalars(taken_back):
        if entry_id is not None and _may_come_again(session, entry_id):
            _join(session, entry_id, id_of(posted))
            return


def _may_come_again(session: Session, entry_id: int) -> bool:
    """False if the money of an entry is on an account by another entry, or the bank took it back."""
    mirror = aliased(Entry)
    other = (
        select(SameMoney.entry_id)
        .outerjoin(mirror, col(mirror.reverses_id) == col(SameMoney.entry_id))
        .where(
            SameMoney.first_id == _first_of(session, entry_id),
            sa.or_(col(mirror.id).is_(None), col(mirror.source).startswith(FEEDS)),
        )
    )
    return session.scalars(other.limit(1)).first() is None


def _join(session: Session, entry_id: int, same_id: int) -> None:
    first = _first_of(session, entry_id)
    rows = [{"entry_id": each, "first_id": first} for each in (first, same_id)]
    session.execute(upsert(session, SameMoney).on_conflict_do_nothing(), rows)


def _first_of(session: Session, entry_id: int) -> int:
    known = session.scalar(select(SameMoney.first_id).where(SameMoney.entry_id == entry_id))
    return entry_id if known is None else known
