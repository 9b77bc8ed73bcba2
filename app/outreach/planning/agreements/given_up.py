"""Debts that an ended agreement was about and that were charged off or sold since: its letters say so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, select

from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.models import Account
from app.book.ledger.rules import COLLECTABLE, AccountStatus
from app.casework.plans.models import Plan
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of

CHARGED_OFF, SOLD = "charged_off", "sold"


def given_up(session: Session, plans: Sequence[Plan], on: date) -> dict[int, str]:
    """By agreement, `charged_off` where something is owed on such an account, or `sold` where nothing is owed to us
    that was not sold since it was made. The others are left out."""
    customers = {plan.customer_id for plan in plans}
    gone = (AccountStatus.CHARGED_OFF, AccountStatus.SOLD)
    query = select(Account).where(
        among(session, table_of(Account).c.customer_id, customers), col(Account.status).in_(gone)
    )
    theirs: dict[int, list[Account]] = {}
    for account in session.scalars(query.order_by(col(Account.id))):
        theirs.setdefault(account.customer_id, []).append(account)
    found = {}
    for plan in plans:
        if state := _state(session, plan, theirs.get(plan.customer_id, ()), on):
            found[id_of(plan)] = state
    return found


def _state(session: Session, plan: Plan, gone: Sequence[Account], on: date) -> str:
    for account in gone:
        if account.status is AccountStatus.CHARGED_OFF and still_owed(session, account, on) > 0:
            return CHARGED_OFF
    since = plan.accepted_on or on
    is_sold = any(
        account.status is AccountStatus.SOLD and (account.ended_on or on) >= since for account in gone
    )
    return SOLD if is_sold and not _owes_us(session, plan.customer_id, on) else ""


def _owes_us(session: Session, customer_id: int, on: date) -> bool:
    query = select(Account.id).where(Account.customer_id == customer_id, col(Account.status).in_(COLLECTABLE))
    return any(balance_of(session, account_id, on) > 0 for account_id in session.scalars(query) if account_id)
