"""Let a disputed part of an account bear nothing, or no more: its days, and what the ledger owes for them.

A change of the days is carried into the ledger at once: interest of days that were charged already is credited, or
charged, by an entry of its own, which the night counts as its own when it computes past days anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from app.book.charges.differences import restate_interest
from app.book.charges.events import ChargesRest, ChargesRestated
from app.book.charges.fees_given_back import give_fees_back
from app.book.charges.models import ChargeRest
from app.book.charges.rests import rests_of
from app.book.charges.rules import Rest
from app.book.delinquency.days import DAY
from app.book.ledger.models import Account
from app.book.ledger.service import lock_account, mark_changed, record_on_account
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.ids import id_of
from app.policy.sections.charges import ChargeCaps


class Restated(NamedTuple):
    """What a change of the resting days put into the ledger, in minor units."""

    credited_minor: int = 0
    charged_minor: int = 0


def set_rests(
    session: Session,
    account: Account,
    dispute_id: int,
    rests: Sequence[Rest],
    caps: ChargeCaps | None,
    *,
    by: Actor,
    now: datetime,
) -> Restated:
    """Let these parts of an account, and no others of it because of this dispute, bear nothing. Where the ledger is
    kept here, interest of days that were charged already is credited or charged at once, and what is too much of late
    fees is waived; no late fee is charged afterwards. Returns what went into the ledger."""
    account = lock_account(session, account)
    query = select(ChargeRest).where(
        ChargeRest.dispute_id == dispute_id,
        ChargeRest.account_id == account.id,
        col(ChargeRest.lifted_at).is_(None),
    )
    rows = list(session.scalars(query.order_by(col(ChargeRest.id))))
    before = [Rest(row.from_on, row.to_on, row.amount_minor) for row in rows]
    if sorted(before, key=_by_days) == sorted(rests, key=_by_days):
        return Restated()
    standing = rests_of(session, [id_of(account)]).get(id_of(account), [])
    _write(session, account, dispute_id, rows, rests, by=by, now=now)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    if not portfolio.accrues:
        return Restated()
    after = rests_of(session, [id_of(account)]).get(id_of(account), [])
    credited, charged = restate_interest(
        session, portfolio, account, dispute_id, (standing, after), caps, now=now
    )
    credited += give_fees_back(session, portfolio, account, after, caps, by=by, now=now)
    # Interest of a day is on the balance of the evening before.
    since = min(each.from_on for each in (*before, *rests)) - DAY
    mark_changed(session, account.portfolio_id, {id_of(account): since})
    if credited or charged:
        told = ChargesRestated(dispute_id, credited, charged)
        record_on_account(session, account, told, by=by, now=now)
    return Restated(credited, charged)


def _by_days(rest: Rest) -> tuple[date, date, int]:
    return rest.from_on, rest.to_on or date.max, rest.amount_minor


def _write(
    session: Session,
    account: Account,
    dispute_id: int,
    rows: Sequence[ChargeRest],
    rests: Sequence[Rest],
    *,
    by: Actor,
    now: datetime,
) -> None:
    new = list(rests)
    for row in rows:
        same = Rest(row.from_on, row.to_on, row.amount_minor)
        if same in new:
            new.remove(same)
        else:
            row.lifted_at = now
    for each in new:
        session.add(
            ChargeRest(
                portfolio_id=account.portfolio_id,
                account_id=id_of(account),
                dispute_id=dispute_id,
                amount_minor=each.amount_minor,
                from_on=each.from_on,
                to_on=each.to_on,
                by=by,
                created_at=now,
            )
        )
        told = ChargesRest(dispute_id, each.amount_minor, each.from_on, each.to_on)
        record_on_account(session, account, told, by=by, now=now)
    session.flush()
