"""Charges that an entry took back because they were wrong: the statement that billed one asks for less."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.book.ledger.events import ChargeWasTakenBack
from app.book.ledger.models import Account, ChargeTakenBack, Entry
from app.book.ledger.rules import PAYS_DUES
from app.book.ledger.service import mark_changed, record_on_account
from app.core.actor import Actor
from app.core.ids import id_of


def take_charge_back(
    session: Session, entry: Entry, amount_minor: int, billed_on: date, *, by: Actor, now: datetime
) -> None:
    """Let an entry that took a wrong charge back lower what is left of the minimum that billed it, by at most this sum.
    A credit pays what is due by itself. The caller holds the customer's lock."""
    lowered = min(amount_minor, -entry.amount_minor)
    if entry.kind in PAYS_DUES or lowered <= 0 or session.get(ChargeTakenBack, id_of(entry)) is not None:
        return
    session.add(
        ChargeTakenBack(
            credit_id=id_of(entry),
            portfolio_id=entry.portfolio_id,
            account_id=entry.account_id,
            amount_minor=lowered,
            billed_on=billed_on,
            by=by,
            created_at=now,
        )
    )
    session.flush()
    mark_changed(session, entry.portfolio_id, {entry.account_id: entry.effective_on})
    account = session.get_one(Account, entry.account_id)
    told = ChargeWasTakenBack(entry.reference, lowered, billed_on)
    record_on_account(session, account, told, by=by, now=now)
