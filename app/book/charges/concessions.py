"""Concessions on charges while an agreement is kept: a lower rate, no late fees. What the law caps is read too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.events import ConcessionEnded, ConcessionStarted
from app.book.charges.models import Concession, ProtectedRate
from app.book.charges.rules import LowerRate
from app.book.delinquency.days import DAY
from app.book.delinquency.models import Pause
from app.book.ledger.models import Account
from app.book.ledger.service import record_on_account
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of


def start_concession(
    session: Session,
    account: Account,
    plan_id: int,
    on: date,
    *,
    apr_millionths: int | None,
    without_fees: bool,
    by: Actor,
    now: datetime,
) -> Concession:
    """Let a lower rate (None = the own) run from `on` until the agreement ends; with no late fees if so agreed."""
    made = Concession(
        portfolio_id=account.portfolio_id,
        account_id=id_of(account),
        plan_id=plan_id,
        apr_millionths=apr_millionths,
        without_fees=without_fees,
        from_on=on,
        by=by,
        created_at=now,
    )
    session.add(made)
    session.flush()
    told = ConcessionStarted(plan_id, apr_millionths, without_fees, on)
    record_on_account(session, account, told, by=by, now=now)
    return made


def end_concessions(session: Session, plan_id: int, on: date, *, by: Actor, now: datetime) -> None:
    """End what runs under this agreement with the day `on`. What ends on the day it began still covers that day."""
    query = select(Concession).where(Concession.plan_id == plan_id, col(Concession.to_on).is_(None))
    for concession in session.scalars(query.order_by(col(Concession.id))):
        concession.to_on = max(on, concession.from_on) + DAY
        account = session.get_one(Account, concession.account_id)
        ended = ConcessionEnded(plan_id, concession.apr_millionths, concession.without_fees, concession.to_on)
        record_on_account(session, account, ended, by=by, now=now)
    session.flush()


def resume_concessions(session: Session, plan_id: int, *, by: Actor, now: datetime) -> dict[int, date]:
    """Let what ended under this agreement run on without a gap, because it should not have ended. By account, the first
    day of the gap. Interest of days that passed is the night's to correct (`mark_changed`)."""
    rows = session.scalars(
        select(Concession).where(Concession.plan_id == plan_id).order_by(col(Concession.id))
    )
    last = {row.account_id: row for row in rows}
    found: dict[int, date] = {}
    for account_id, ended in last.items():
        account = session.get_one(Account, account_id)
        if ended.to_on is None or account.ended_on is not None:
            continue
        start_concession(
            session, account, plan_id, ended.to_on, apr_millionths=ended.apr_millionths,
            without_fees=ended.without_fees, by=by, now=now,
        )  # fmt: skip
        found[account_id] = ended.to_on
    return found


def lower_rates(session: Session, account_ids: Sequence[int]) -> dict[int, list[LowerRate]]:
    """The lower rates that these accounts have had, by account: those that were agreed, and those of the law."""
    row, capped = table_of(Concession), table_of(ProtectedRate)
    agreed = sa.select(row.c.account_id, row.c.from_on, row.c.to_on, row.c.apr_millionths).where(
        among(session, row.c.account_id, account_ids), row.c.apr_millionths.is_not(None)
    )
    by_law = sa.select(capped.c.account_id, capped.c.from_on, capped.c.to_on, capped.c.apr_millionths).where(
        among(session, capped.c.account_id, account_ids)
    )
    found: dict[int, list[LowerRate]] = {}
    for account_id, from_on, to_on, rate in session.connection().execute(sa.union_all(agreed, by_law)):
        found.setdefault(account_id, []).append(LowerRate(from_on, to_on, rate))
    return found


def lower_by_law(session: Session, account_ids: Sequence[int]) -> list[LowerRate]:
    """The days on which any of these accounts bears no interest, as its days do not count, or at most the rate that the
    law permits."""
    paused, capped = table_of(Pause), table_of(ProtectedRate)
    no_interest = sa.select(paused.c.from_on, paused.c.to_on, sa.literal(0)).where(
        paused.c.account_id.in_(account_ids)
    )
    protected = sa.select(capped.c.from_on, capped.c.to_on, capped.c.apr_millionths).where(
        capped.c.account_id.in_(account_ids)
    )
    rows = session.connection().execute(sa.union(no_interest, protected))
    return sorted((LowerRate(*row) for row in rows), key=lambda each: (each.from_on, each.apr_millionths))


def without_late_fees(session: Session, account_ids: Sequence[int], on: date) -> set[int]:
    """Those of the accounts that bear no late fee on `on`."""
    row, capped = table_of(Concession), table_of(ProtectedRate)
    agreed = sa.select(row.c.account_id).where(
        among(session, row.c.account_id, account_ids),
        row.c.without_fees,
        row.c.from_on <= on,
        sa.or_(row.c.to_on.is_(None), row.c.to_on > on),
    )
    by_law = sa.select(capped.c.account_id).where(
        among(session, capped.c.account_id, account_ids), capped.c.from_on <= on, capped.c.to_on > on
    )
    return set(session.connection().execute(sa.union(agreed, by_law)).scalars())


def paused_accounts(session: Session, account_ids: Sequence[int], on: date) -> set[int]:
    """Those of the accounts whose days do not count on `on`, so that nothing is charged to them."""
    row = table_of(Pause)
    query = sa.select(row.c.account_id).where(
        among(session, row.c.account_id, account_ids),
        row.c.from_on <= on,
        sa.or_(row.c.to_on.is_(None), row.c.to_on > on),
    )
    return set(session.connection().execute(query).scalars())
