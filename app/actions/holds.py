"""Holds and the pauses that come with them: where the pack says that a hold's days do not count."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.delinquency.lifecycle import end_pause, set_pause
from app.book.delinquency.models import Pause
from app.book.ledger.models import Account, Customer, Portfolio
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import ENDED
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    start_hold,
)
from app.core.actor import Actor
from app.core.vocabulary import HoldKind
from app.policy.composition import packs_for
from app.policy.sections.pauses import PauseKind


def hold_customer(
    session: Session,
    case: CollectionsCase,
    kind: HoldKind,
    reason: str,
    until: date,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> CaseHold:
    """Place a hold; where the pack says so, the days of all the customer's accounts rest until it ends."""
    hold = start_hold(session, case, kind, reason, until, by=by, today=today, now=now)
    portfolio, customer = (
        session.get_one(Portfolio, case.portfolio_id),
        session.get_one(Customer, case.customer_id),
    )
    pauses = packs_for(portfolio, customer).pauses
    if pauses is not None and kind in pauses.holds:
        for account in accounts_of(session, case.customer_id):
            if account.status not in ENDED:
                why = _why(hold)
                set_pause(session, account, PauseKind(kind.value), today, until, why, by=by, now=now)
    return hold


def release_customer(
    session: Session, hold: CaseHold, *, by: Actor, today: date, now: datetime, reason: str = ""
) -> None:
    """End a hold before its date; the pauses that came with it end with it, and days count again from today.
    A hold whose date has come needs this not: its pauses end on the same date by themselves."""
    close_hold(session, hold, by=by, now=now, reason=reason)
    query = (
        select(Pause)
        .join(Account, col(Account.id) == Pause.account_id)
        .where(Account.customer_id == hold.customer_id, Pause.reason == _why(hold), col(Pause.to_on) > today)
    )
    for pause in session.scalars(query.order_by(col(Pause.id))).all():
        end_pause(session, pause, today, by=by, now=now)


def _why(hold: CaseHold) -> str:
    """Names the hold, so that its end finds the pauses; what was said about it stays with the hold."""
    return f"hold {hold.id}: {hold.kind.value}"
