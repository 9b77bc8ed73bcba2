"""Balances a placing creditor reports, kept true in the ledger (portfolios of source `reported`).

The ledger stays the only truth for a balance. A position says what the account owed at the end of a day. The part of
it that our entries up to that day do not explain is posted as an entry of its own. A payment that becomes known later
but was made earlier was already in the creditor's figure: it is then explained twice, and the difference is posted
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account, Entry, LedgerChange, Position
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import MAX_REFERENCE, mark_changed
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import posting_date
from app.core.actor import Actor
from app.core.database.bulk import among, chunked, insert_rows
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.ids import id_of
from app.core.types import JsonObject

SOURCE = Actor("feed:positions")
OPENED = date.min


def reconcile_positions(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], *, now: datetime
) -> dict[int, date]:
    """Post entries so that these accounts' entries up to each reported day sum to the balance reported for it.

    Returns the accounts that took an entry, each marked as changed from that day on; none where the ledger agrees
    already, so it may run any number of times. With balance `b` and day `d` of an account's k-th position, the entry
    is `(b[k] - b[k-1]) - sum(entries effective in (d[k-1], d[k]])`, effective on `d[k]`. Positions from the day on
    which the account ended here count no more: we wrote it off, not the creditor who reports it.
    """
    posted: dict[int, date] = {}
    open_on = first_open_day(session, id_of(portfolio))
    if session.get_bind().dialect.name == "postgresql":
        # The ledger grows from chunk to chunk: a plan made for its size at the first would read all of it each time.
        session.connection().exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    for ids in chunked(account_ids, 5000):
        unexplained = _unexplained(session, among(session, table_of(Position).c.account_id, ids))
        if not unexplained:
            continue
        known = _known(session, [line.account_id for line in unexplained])
        rows: list[JsonObject] = []
        changed: dict[int, date] = {}
        for line in unexplained:
            before = known.get(line.account_id, {})
            is_opening = line.first and OPENED not in before
            rows.append(
                {
                    "portfolio_id": portfolio.id,
                    "account_id": line.account_id,
                    "kind": EntryKind.OPENING_BALANCE if is_opening else EntryKind.ADJUSTMENT,
                    "amount_minor": line.difference,
                    "effective_on": line.as_of,
                    "posted_on": posting_date(line.as_of, open_on),
                    "reference": _reference(line, before.get(line.as_of, 0)),
                    "source": SOURCE,
                    "description": "balance as the creditor reports it",
                    "created_at": now,
                }
            )
            changed[line.account_id] = min(line.as_of, changed.get(line.account_id, line.as_of))
        insert_rows(session, Entry, rows)
        mark_changed(session, id_of(portfolio), changed)
        posted |= changed
    return posted


def unreconciled(session: Session, portfolio_id: int) -> Sequence[DbRow]:
    """Return positions that the entries do not add up to although nothing of their account waits to be folded. There
    must be none."""
    position, change = table_of(Position), table_of(LedgerChange)
    waits = sa.exists().where(change.c.account_id == position.c.account_id)
    return _unexplained(session, sa.and_(position.c.portfolio_id == portfolio_id, ~waits))


def _unexplained(session: Session, which: sa.ColumnElement[bool]) -> Sequence[DbRow]:
    """(account_id, account_ref, as_of, first, difference) of positions the entries do not add up to. `which` must
    take all positions of an account or none."""
    position, entry, account = table_of(Position), table_of(Entry), table_of(Account)
    in_order: Any = {"partition_by": position.c.account_id, "order_by": position.c.as_of}
    ranked = (
        sa.select(
            position.c.account_id,
            account.c.reference.label("account_ref"),
            position.c.as_of,
            position.c.balance_minor,
            sa.func.lag(position.c.as_of).over(**in_order).label("previous_on"),
            sa.func.lag(position.c.balance_minor).over(**in_order).label("previous_minor"),
        )
        .join(account, account.c.id == position.c.account_id)
        .where(
            which,
            sa.or_(account.c.ended_on.is_(None), position.c.as_of < account.c.ended_on),
        )
        .subquery()
    )
    between = (
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0), sa.BigInteger))
        .where(
            entry.c.account_id == ranked.c.account_id,
            entry.c.effective_on <= ranked.c.as_of,
            sa.or_(ranked.c.previous_on.is_(None), entry.c.effective_on > ranked.c.previous_on),
        )
        .scalar_subquery()
    )
    difference = ranked.c.balance_minor - sa.func.coalesce(ranked.c.previous_minor, 0) - between
    lines = sa.select(
        ranked.c.account_id,
        ranked.c.account_ref,
        ranked.c.as_of,
        ranked.c.previous_on.is_(None).label("first"),
        difference.label("difference"),
    ).subquery()
    query = sa.select(lines).where(lines.c.difference != 0).order_by(lines.c.account_id, lines.c.as_of)
    return session.connection().execute(query).all()


def _known(session: Session, account_ids: Sequence[int]) -> dict[int, dict[date, int]]:
    """Map account id -> number of entries that its position of each day has posted already. OPENED is among the days
    if the account has an opening balance from any source."""
    entry = table_of(Entry)
    is_opening = entry.c.kind == EntryKind.OPENING_BALANCE
    query = sa.select(entry.c.account_id, entry.c.effective_on, entry.c.source, is_opening).where(
        among(session, entry.c.account_id, account_ids), sa.or_(entry.c.source == SOURCE, is_opening)
    )
    found: dict[int, dict[date, int]] = {}
    for account_id, on, source, opens in session.connection().execute(query):
        days = found.setdefault(account_id, {})
        if opens:
            days[OPENED] = 1
        if source == SOURCE:
            days[on] = days.get(on, 0) + 1
    return found


def _reference(line: DbRow, before: int) -> str:
    counter = f":{before + 1}" if before else ""
    reference = f"position:{line.account_ref}:{line.as_of}{counter}"
    return (
        reference if len(reference) <= MAX_REFERENCE else f"position:#{line.account_id}:{line.as_of}{counter}"
    )
