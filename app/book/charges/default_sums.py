"""Late fees that bear no interest, where the law of the place says so of default sums (Consumer Credit Act 1974
s.86E(4), s.86F).

Interest of a day is on the balance of the evening before without them. Payments go to what bears interest first (CONC
6.7.4R): of the fees rests what is neither reversed nor waived, and never more than the account has owed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.rests import rests_of
from app.book.charges.rules import DefaultSum, Rest, resting_on, unpaid_sums
from app.book.ledger.models import Entry, Waiver
from app.book.ledger.rules import EntryKind
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.policy.sections.charges import ChargeCaps

LATE_FEES = "late-fee:%"
"""References of the fees that the desk posts for missed payments."""


def bearing_nothing_of(
    session: Session, account_ids: Sequence[int], caps: ChargeCaps | None
) -> dict[int, list[Rest]]:
    """The parts of these accounts that bear no interest, by account: those in dispute, and default sums."""
    found = rests_of(session, account_ids)
    for account_id, rests in _default_sums(session, account_ids, caps).items():
        found.setdefault(account_id, []).extend(rests)
    return found


def default_sums_on(
    session: Session, account_ids: Sequence[int], on: date, caps: ChargeCaps | None
) -> dict[int, int]:
    """The default sums of these accounts that bear no interest on a day, in minor units; none where they bear it."""
    found = _default_sums(session, account_ids, caps)
    return {account_id: resting_on(on, rests) for account_id, rests in found.items()}


def _default_sums(
    session: Session, account_ids: Sequence[int], caps: ChargeCaps | None
) -> dict[int, list[Rest]]:
    if caps is None or not caps.default_sums_free:
        return {}
    sums = _fees(session, account_ids)
    lows = _lows(session, {account_id: min(each.on for each in fees) for account_id, fees in sums.items()})
    return {account_id: unpaid_sums(fees, lows.get(account_id, ())) for account_id, fees in sums.items()}


def _fees(session: Session, account_ids: Sequence[int]) -> dict[int, list[DefaultSum]]:
    """The late fees of these accounts, the oldest first, with what was reversed or waived of them."""
    fee, undone = table_of(Entry), table_of(Entry).alias("undone")
    fees = (
        sa.select(fee.c.account_id, fee.c.id, fee.c.effective_on, fee.c.amount_minor, undone.c.effective_on)
        .outerjoin(undone, undone.c.reverses_id == fee.c.id)
        .where(
            among(session, fee.c.account_id, account_ids),
            fee.c.kind == EntryKind.FEE,
            fee.c.reference.like(LATE_FEES),
            fee.c.amount_minor > 0,
        )
        .order_by(fee.c.effective_on, fee.c.id)
    )
    found: dict[int, list[DefaultSum]] = {}
    known: dict[int, DefaultSum] = {}
    for account_id, fee_id, on, amount, undone_on in session.connection().execute(fees):
        less = [] if undone_on is None else [(undone_on, amount)]
        known[fee_id] = DefaultSum(on, amount, less)
        found.setdefault(account_id, []).append(known[fee_id])
    if not known:
        return {}
    credit, again, waiver = table_of(Entry).alias("credit"), table_of(Entry).alias("again"), table_of(Waiver)
    waived = (
        sa.select(waiver.c.entry_id, credit.c.effective_on, -credit.c.amount_minor)
        .join(credit, credit.c.id == waiver.c.credit_id)
        .where(
            among(session, waiver.c.account_id, list(found)),
            ~sa.exists().where(again.c.reverses_id == credit.c.id),
        )
    )
    for fee_id, on, amount in session.connection().execute(waived):
        if fee_id in known:
            known[fee_id].less.append((on, amount))
    return found


def _lows(session: Session, since: dict[int, date]) -> dict[int, list[tuple[date, int]]]:
    """Balances at the end of the days on which something was credited to an account, from its first fee on."""
    if not since:
        return {}
    entry = table_of(Entry)
    by_day = (
        sa.select(
            entry.c.account_id,
            entry.c.effective_on,
            sa.func.sum(entry.c.amount_minor).label("moved"),
            sa.func.min(entry.c.amount_minor).label("least"),
        )
        .where(among(session, entry.c.account_id, list(since)))
        .group_by(entry.c.account_id, entry.c.effective_on)
        .subquery()
    )
    balance = sa.func.sum(by_day.c.moved).over(
        partition_by=by_day.c.account_id, order_by=by_day.c.effective_on
    )
    days = sa.select(
        by_day.c.account_id, by_day.c.effective_on, balance.label("balance"), by_day.c.least
    ).subquery()
    query = (
        sa.select(days.c.account_id, days.c.effective_on, days.c.balance)
        .where(days.c.least < 0, days.c.effective_on >= min(since.values()))
        .order_by(days.c.account_id, days.c.effective_on)
    )
    found: dict[int, list[tuple[date, int]]] = {}
    for account_id, on, owed in session.connection().execute(query):
        if on >= since[account_id]:
            found.setdefault(account_id, []).append((on, int(owed)))
    return found
