"""Charge-offs of twelve months, what came back of charged-off accounts, and what is left: the net charge-off."""

from __future__ import annotations

import sqlalchemy as sa

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN, AccountStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.reporting.kpis.definitions.outcomes.rules import CHARGE_OFF_WINDOW as WINDOW
from app.reporting.kpis.definitions.sql import month_of
from app.reporting.kpis.family import Days, Family, Shape, thing
from app.reporting.kpis.rules import Definition, Dimension, Seed, Thing, Unit


def _rows(_shape: Shape, days: Days) -> Query:
    """Entries of accounts that were charged off here: the balance taken off the book in the window (a payment from
    before that comes back is charged off on its own day), and the money that came in the window after the
    charge-off. Reversed ones are left out."""
    account, entry = table_of(Account), table_of(Entry)
    mirror = entry.alias("mirror")
    first_on = days.before(WINDOW - 1)
    taken_off = entry.c.ended_as == AccountStatus.CHARGED_OFF
    recovered = sa.and_(entry.c.kind.in_(list(MONEY_IN)), entry.c.effective_on > account.c.ended_on)
    off = sa.case((taken_off, -entry.c.amount_minor), else_=0)
    back = sa.case((recovered, -entry.c.amount_minor), else_=0)
    return (
        sa.select(
            *thing(Thing.ENTRY, entry.c.id, entry.c.effective_on, account.c.id, account.c.customer_id),
            month_of(account.c.ended_on).label(Dimension.CHARGE_OFF),
            off.label("charged_off"),
            back.label("recovered"),
            (off - back).label("net"),
        )
        .select_from(entry)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.portfolio_id == days.portfolio_id,
            account.c.status == AccountStatus.CHARGED_OFF,
            account.c.ended_on <= days.on,
            entry.c.effective_on >= account.c.ended_on,
            entry.c.effective_on.between(first_on, days.on),
            sa.or_(taken_off, recovered),
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
    )


CHARGE_OFFS = Family(
    "charge_offs",
    "Charge-offs and recoveries",
    (
        Definition(
            "charge_off_recovered_rate",
            "Recoveries of charge-offs, 12 months",
            Unit.MONEY,
            Seed.RECOVERY,
            f"payments and recoveries of the last {WINDOW} days on accounts charged off here",
            f"balance charged off here in the last {WINDOW} days",
            "recovered",
            "charged_off",
            more_is_better=True,
        ),
        Definition(
            "net_charge_off_rate",
            "Charge-offs net of recoveries, 12 months",
            Unit.MONEY,
            Seed.RECOVERY,
            f"balance charged off here in the last {WINDOW} days - payments and recoveries on accounts charged off",
            f"balance charged off here in the last {WINDOW} days",
            "net",
            "charged_off",
            more_is_better=False,
        ),
    ),
    _rows,
    (Dimension.CHARGE_OFF,),
    "Recoveries are those of the period, of whatever charge-off; `charge_off_rate` has the charge-offs of the month of "
    "what the portfolio owed.",
)
