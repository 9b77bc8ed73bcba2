"""Liquidation: the cash that came since an account was placed, or charged off, of what it owed then.

A curve is this figure at one month end after another, sliced by the month of placement or of the charge-off.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN, AccountStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.definitions.sql import month_of
from app.reporting.kpis.family import Days, Family, Shape, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit


def _placed_rows(_shape: Shape, days: Days) -> Query:
    """Accounts that were placed by the end of the day: their balance at the end of the day of placement, and the
    payments and recoveries since that were not reversed."""
    account = table_of(Account)
    return _since(days, account.c.placed_on, account.c.placed_on <= days.on)


def _charged_off_rows(_shape: Shape, days: Days) -> Query:
    """Accounts that were charged off here by the end of the day: what was taken off the book, and what came since."""
    account = table_of(Account)
    is_charged_off = sa.and_(account.c.status == AccountStatus.CHARGED_OFF, account.c.ended_on <= days.on)
    return _since(days, account.c.ended_on, is_charged_off, written_off=True)


def _since(
    days: Days,
    begin: sa.ColumnElement[date],
    which: sa.ColumnElement[bool],
    *,
    written_off: bool = False,
) -> Query:
    account, entry = table_of(Account), table_of(Entry)
    mirror = entry.alias("mirror")
    stands = ~sa.exists().where(mirror.c.reverses_id == entry.c.id)
    is_cash = sa.and_(entry.c.kind.in_(list(MONEY_IN)), entry.c.effective_on > begin, stands)
    if written_off:
        owed = sa.case((sa.and_(entry.c.ended_as.is_not(None), stands), -entry.c.amount_minor), else_=0)
    else:
        owed = sa.case((entry.c.effective_on <= begin, entry.c.amount_minor), else_=0)
    sums = (
        sa.select(
            account.c.id.label("account_id"),
            account.c.customer_id,
            begin.label("begin_on"),
            sa.cast(sa.func.sum(owed), sa.BigInteger).label("owed"),
            sa.cast(sa.func.sum(sa.case((is_cash, -entry.c.amount_minor), else_=0)), sa.BigInteger).label(
                "cash"
            ),
        )
        .join(entry, entry.c.account_id == account.c.id)
        .where(account.c.portfolio_id == days.portfolio_id, which, entry.c.effective_on <= days.on)
        .group_by(account.c.id, account.c.customer_id, begin)
        .subquery("since")
    )
    month = month_of(sums.c.begin_on)
    return sa.select(
        *thing(Thing.ACCOUNT, sums.c.account_id, sums.c.begin_on, sums.c.account_id, sums.c.customer_id),
        month.label(Dimension.CHARGE_OFF if written_off else Dimension.PLACEMENT),
        sa.case((sums.c.owed > 0, sums.c.owed), else_=0).label("owed"),
        sums.c.cash.label("cash"),
    )


def _definition(name: str, title: str, cash: str, owed: str) -> Definition:
    return Definition(name, title, Unit.MONEY, Seed.RECOVERY, cash, owed, "cash", "owed", more_is_better=True)


PLACED = Family(
    "liquidation",
    "Liquidation since placement",
    (
        _definition(
            "liquidation_curve",
            "Liquidation since placement",
            "payments and recoveries since the day of placement",
            "balance placed",
        ),
    ),
    _placed_rows,
    (Dimension.PLACEMENT,),
    "Of accounts with a day of placement. The curve of a month is this figure at each month end since.",
)
CHARGED_OFF = Family(
    "liquidation_charge_off",
    "Liquidation since charge-off",
    (
        _definition(
            "liquidation_charge_off",
            "Recovered since charge-off",
            "payments and recoveries since the charge-off",
            "balance charged off here",
        ),
    ),
    _charged_off_rows,
    (Dimension.CHARGE_OFF,),
    "The curve of a month of charge-offs is this figure at each month end since.",
)
